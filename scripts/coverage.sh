#!/usr/bin/env bash
# Measures which lines and branches of cpp/src the native tests reach.
set -euo pipefail

usage() {
  cat <<'END'
Usage: scripts/coverage.sh [--show FILE]

Builds build/coverage with clang 19, runs the C++ tests and the programs of tests/fuzz there, and prints the coverage of
each file of cpp/src, then the totals. A branch counts once for a template, however often it is instantiated, and what
the compiler adds for exceptions is no branch. build/coverage/html shows every line.
  --show FILE   prints that file with the lines and branches that nothing reached, from the last run
END
}

show=
case ${1:-} in
  '') ;;
  --show) show=${2:?--show takes a file} ;;
  -h | --help) usage && exit 0 ;;
  *) echo "coverage: unknown option '$1'; see --help" >&2 && exit 1 ;;
esac

# shellcheck source-path=SCRIPTDIR source=env.sh
. "$(dirname "${BASH_SOURCE[0]}")/env.sh"
cd "$TT_ROOT"
build=build/coverage
llvm=/usr/lib/llvm-19/bin

if [ -z "$show" ]; then
  cmake --preset coverage --log-level=NOTICE >/dev/null
  cmake --build "$build"
  rm -rf "$build/profiles"
  # Failures are scripts/test.sh's to report.
  LLVM_PROFILE_FILE="$PWD/$build/profiles/%p.profraw" \
    ctest --test-dir "$build" --parallel 2 --output-on-failure --timeout 1800 || true
  "$llvm/llvm-profdata" merge --sparse "$build"/profiles/*.profraw -o "$build/all.profdata"
fi

programs=()
for program in "$build/tests/cpp/tinytorch_tests" "$build"/tests/fuzz/*; do
  if [ -f "$program" ] && [ -x "$program" ]; then programs+=(-object "$program"); fi
done
llvm_cov() {
  local command=$1
  shift
  "$llvm/llvm-cov" "$command" "${programs[@]:1}" -instr-profile="$build/all.profdata" "$@"
}

if [ -n "$show" ]; then
  llvm_cov export --format=lcov "$show" | node scripts/coverage.mjs --show "$show"
else
  llvm_cov show --format=html --output-dir="$build/html" --show-branches=count cpp/src >/dev/null
  llvm_cov export --format=lcov cpp/src cpp/include >"$build/all.lcov"
  node scripts/coverage.mjs <"$build/all.lcov"
fi
