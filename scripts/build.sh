#!/usr/bin/env bash
# Builds into build/ and dist/. scripts/setup.sh must have run.
set -euo pipefail

# shellcheck source-path=SCRIPTDIR source=env.sh
. "$(dirname "${BASH_SOURCE[0]}")/env.sh"
cd "$TT_ROOT"

usage() {
  cat <<END
Usage: scripts/build.sh [--native] [--wasm [VARIANT...]] [--package] [--page]

Without options: all wasm modules, the package and the page.
  --native    the C++ library and its tests for this machine, in build/native
  --wasm      the wasm modules, in build/wasm-VARIANT/module ($TT_VARIANTS)
  --package   the npm package, in dist/
  --page      the web page, in build/page
END
}

fail() {
  echo "build: $*" >&2
  exit 1
}

native=
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
for variant in ${variants[@]+"${variants[@]}"}; do
  compile "wasm-$variant" tinytorch_module
done
[ -z "$package" ] || npm run --silent build:package
[ -z "$page" ] || npm run --silent build:page
