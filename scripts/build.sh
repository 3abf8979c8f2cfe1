#!/usr/bin/env bash
# Builds into build/ and dist/. scripts/setup.sh must have run.
set -euo pipefail

# shellcheck source-path=SCRIPTDIR source=env.sh
. "$(dirname "${BASH_SOURCE[0]}")/env.sh"
cd "$TT_ROOT"

usage() {
  cat <<END
Usage: scripts/build.sh [--native] [--wasm [VARIANT...]] [--package] [--page] [--partial] [--out DIR]

Without options: all wasm modules, the package and the page.
  --native    the C++ library and its tests for this machine, in build/native
  --wasm      the wasm modules, in build/wasm-VARIANT/module ($TT_VARIANTS)
  --package   the npm package, in dist/
  --page      the web page, in build/page
  --partial   with --wasm and --package: the package has the modules named alone; the others say that they are missing
  --out DIR   puts the page there
END
}

fail() {
  echo "build: $*" >&2
  exit 1
}

native=
partial=
out=$TT_ROOT/build/page
package=
page=
variants=()
[ $# -gt 0 ] || set -- --wasm --package --page
while [ $# -gt 0 ]; do
  case $1 in
    --native) native=1 ;;
    --wasm)
      while [ $# -gt 1 ] && [ "${2#-}" = "$2" ]; do
        case " $TT_VARIANTS " in *" $2 "*) variants+=("$2") ;; *) fail "no wasm variant '$2': $TT_VARIANTS" ;; esac
        shift
      done
      # shellcheck disable=SC2206  # a list of words
      [ ${#variants[@]} -gt 0 ] || variants=($TT_VARIANTS)
      ;;
    --package) package=1 ;;
    --page) page=1 ;;
    --partial) partial=1 ;;
    --out)
      out=$(realpath -m "${2:?--out takes a folder}")
      shift
      ;;
    -h | --help)
      usage
      exit 0
      ;;
    *) fail "unknown option '$1'; see --help" ;;
  esac
  shift
done

# compile PRESET [TARGET...]: configures quietly and builds.
compile() {
  local preset=$1
  shift
  echo "build: $preset"
  cmake --preset "$preset" --log-level=NOTICE >/dev/null
  cmake --build "build/$preset" ${1+--target "$@"}
}

if [ ${#variants[@]} -gt 0 ] && [ -z "$EMSCRIPTEN_ROOT" ]; then
  fail "there is no Emscripten yet: run scripts/setup.sh"
fi

[ -z "$native" ] || compile native
# Two at a time: a module's link keeps one processor busy, for as long as a third of its files take to compile on two.
running=0
for variant in ${variants[@]+"${variants[@]}"}; do
  if [ $running = 2 ]; then
    wait -n
    running=1
  fi
  compile "wasm-$variant" tinytorch_module &
  running=$((running + 1))
done
for (( ; running > 0; --running)); do wait -n; done
[ -z "$package" ] || node scripts/build_package.mjs ${partial:+"${variants[@]}"}
[ -z "$page" ] || npm run --silent build:page -- --outDir "$out"
