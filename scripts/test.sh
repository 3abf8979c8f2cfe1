#!/usr/bin/env bash
# Sets up, then runs every test there is. The last line sums up: "N passed, N failed".
set -euo pipefail

usage() {
  cat <<'END'
Usage: scripts/test.sh [--only native|asan|tsan|wasm|fuzz|style|js|digest|e2e]...

  native   the C++ tests on this machine
  asan     the same under AddressSanitizer and UndefinedBehaviorSanitizer
  tsan     those that use threads, under ThreadSanitizer
  wasm     the same as WebAssembly in Node, once for each module's instruction set
  fuzz     the programs that make their own inputs (tests/fuzz), natively, under sanitizers and as wasm
  style    formatting, lint, and known faults of the npm packages
  js       the package: its types, its API in Node and Chromium, and as installed from its archive
  digest   whether g++, clang, Node and Chromium compute the same bits (docs/reproducibility.md)
  e2e      the built page in headless Chromium
END
}

only=
while [ $# -gt 0 ]; do
  case $1 in
    --only)
      only="$only ${2:-} "
      shift
      ;;
    --only=*) only="$only ${1#*=} " ;;
    -h | --help)
      usage
      exit 0
      ;;
    *) echo "test: unknown option '$1'; see --help" >&2 && exit 1 ;;
  esac
  shift
done
for word in $only; do
  case $word in native | asan | tsan | wasm | fuzz | style | js | digest | e2e) ;; *) echo "test: no stage '$word'" >&2 && exit 1 ;; esac
done

here=$(cd "$(dirname "${BASH_SOURCE[0]}")" && pwd)
bash "$here/setup.sh" --for test
# shellcheck source-path=SCRIPTDIR source=env.sh
. "$here/env.sh"
cd "$TT_ROOT"

[ -t 1 ] || export NO_COLOR=1 # Vitest colours a log when CI is set
results=$TT_ROOT/build/test-results
rm -rf "$results"
mkdir -p "$results"
summary=()
passed=0
failed=0

# count FILE...: "passed failed skipped" of JUnit files, which Google Test and Vitest both write.
count() {
  awk 'BEGIN { RS = "<testcase" }
    FNR > 1 {
      if (/<failure|<error/) failed++
      else if (/<skipped|status="notrun"|result="suppressed"/) skipped++
      else passed++
    }
    END { print passed + 0, failed + 0, skipped + 0 }' "$@" /dev/null
}

# stage GROUP NAME COMMAND...: runs the command unless --only leaves the group out. Its test cases are
# those in build/test-results/NAME*.xml; where it writes none, the stage itself is the one case.
stage() {
  local group=$1 name=$2 started=$SECONDS ok=1 p f s
  shift 2
  if [ -n "$only" ] && [[ $only != *" $group "* ]]; then return; fi
  printf '\n=== %s\n' "$name"
  "$@" || ok=
  if compgen -G "$results/$name*.xml" >/dev/null; then
    read -r p f s < <(count "$results/$name"*.xml)
  else
    p=${ok:-0} f=0 s=0
  fi
  # A crash after the last report, or a failed build, is a failure too.
  if [ -z "$ok" ] && [ "$f" = 0 ]; then f=1; fi
  passed=$((passed + p)) failed=$((failed + f))
  summary+=("$(printf '%-24s %6d passed %4d failed %4d skipped %5d s' "$name" "$p" "$f" "$s" $((SECONDS - started)))")
}

# build PRESET [TARGET]
build() { cmake --preset "$1" --log-level=NOTICE >/dev/null && cmake --build "build/$1" ${2+--target "$2"}; }

# cpp PRESET: builds a preset and runs its Google Test binary, whose report CMake puts into the build folder.
cpp() {
  local preset=$1 ok=1
  rm -f "build/$preset"/tinytorch_tests*.xml
  build "$preset" &&
    ctest --test-dir "build/$preset" -LE fuzz --parallel 2 --output-on-failure --timeout 900 || ok=
  for report in "build/$preset"/tinytorch_tests*.xml; do
    [ ! -f "$report" ] || cp "$report" "$results/$preset-$(basename "$report")"
  done
  [ -n "$ok" ]
}

# fuzz PRESET: builds a preset and runs its tests with the label `fuzz`, each of which is one case.
fuzz() {
  build "$1" fuzzers && ctest --test-dir "build/$1" -L fuzz --no-tests=error --parallel 2 --output-on-failure --timeout 900 \
    --output-junit "$results/fuzz-$1.xml"
}

# vitest NODE FOLDER NAME [OPTION...]: runs a folder's Vitest configuration. The bound is for a runner that hangs.
vitest() {
  local node=$1 folder=$2 name=$3
  shift 3
  timeout 1500 "$node" node_modules/vitest/vitest.mjs run --config "$folder/vitest.config.ts" \
    --reporter=default --reporter=junit --outputFile.junit="$results/$name.xml" "$@"
}

# audit: known faults of the npm packages; nothing where the registry cannot be reached.
# shellcheck disable=SC2016  # it is JavaScript
audit() {
  { npm audit --json 2>/dev/null || true; } | node -e '
    const report = JSON.parse(require("fs").readFileSync(0, "utf8") || "{}");
    const found = report.metadata?.vulnerabilities;
    console.log(found ? `audit: ${found.total} known faults` : "audit: left out, the registry does not answer");
    for (const [name, { severity }] of Object.entries(report.vulnerabilities ?? {})) console.log(`  ${name}: ${severity}`);
    process.exitCode = found?.total ? 1 : 0;'
}

stage style formatting bash scripts/format.sh --check
stage style lint npm run --silent lint
stage style audit audit
stage native native cpp native
stage native generated node scripts/generate.mjs --check
stage asan asan cpp asan
stage tsan tsan cpp tsan
for variant in $TT_VARIANTS; do
  stage wasm "wasm-$variant" cpp "wasm-$variant"
done
# shellcheck disable=SC2086  # a list of words
for preset in native asan tsan $(printf 'wasm-%s ' $TT_VARIANTS); do
  stage fuzz "fuzz-$preset" fuzz "$preset"
done
stage js package-build bash scripts/build.sh --wasm --package
stage js types npm run --silent typecheck
stage js js vitest "$NODE24" tests/js js
# The oldest Node that the package supports takes another module than the newest.
if ! tt_node_ok 22; then stage js js-node20 vitest node tests/js js-node20 --project node; fi
stage js package vitest node tests/package package
stage digest digest node scripts/digest.mjs --only native --only node --only chromium
stage e2e page-build bash scripts/build.sh
stage e2e e2e vitest node tests/e2e e2e

printf '\n=== summary (%d s)\n' "$SECONDS"
printf '%s\n' "${summary[@]}"
echo "$passed passed, $failed failed"
[ "$failed" = 0 ]
