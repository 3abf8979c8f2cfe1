#!/usr/bin/env bash
# Measures the library: natively, in browsers, and beside other libraries. See docs/benchmarks.md.
set -euo pipefail
# shellcheck source-path=SCRIPTDIR source=env.sh
. "$(dirname "${BASH_SOURCE[0]}")/env.sh"
cd "$TT_ROOT"

native=false browser=false peers=false publish=false
rest=()
for option in "$@"; do
  case $option in
    --native) native=true ;;
    --browser) browser=true ;;
    --peers) peers=true ;;
    --publish)
      publish=true
      rest+=(--publish)
      ;;
    -h | --help)
      node scripts/bench/main.mjs --help
      exit 0
      ;;
    *) rest+=("$option") ;;
  esac
done
if ! $native && ! $browser && ! $peers && ! $publish; then native=true browser=true peers=true; fi

if $native || $browser || $peers; then bash scripts/setup.sh --for bench; fi

# Native programs that the peers' comparison starts, each with the one library it is about.
build_native_peers() {
  local out=build/bench/native source=tests/peers/native/gemm.cpp eigen
  local cxx=${CXX:-c++}
  eigen=$(pkg-config --cflags eigen3 2>/dev/null || echo -I/usr/include/eigen3)
  mkdir -p "$out"
  compile() { # compile NAME FLAGS...
    local name=$1
    shift
    [ "$out/$name" -nt "$source" ] || "$cxx" -std=c++20 -O3 -DNDEBUG "$source" -o "$out/$name" "$@"
  }
  # shellcheck disable=SC2086
  compile gemm_eigen_sse $eigen -msse4.2 || echo "bench: no native Eigen for SSE4.2 here" >&2
  # shellcheck disable=SC2086
  compile gemm_eigen_native $eigen -march=native || echo "bench: no native Eigen here" >&2
  if [ -e /usr/include/cblas.h ] || pkg-config --exists openblas; then
    # shellcheck disable=SC2046
    compile gemm_openblas -DPEER_OPENBLAS $(pkg-config --cflags --libs openblas 2>/dev/null || echo -lopenblas) ||
      echo "bench: OpenBLAS does not link here" >&2
  fi
}

if $native; then
  cmake --preset bench >/dev/null
  cmake --build --preset bench
fi
if $native || $peers; then build_native_peers; fi
if { $browser || $peers; } && [ ! -e tests/peers/node_modules/.package-lock.json ]; then
  npm ci --prefix tests/peers --no-audit --no-fund
fi

modes=()
if $native; then modes+=(--native); fi
if $browser; then modes+=(--browser); fi
if $peers; then modes+=(--peers); fi
node scripts/bench/main.mjs "${modes[@]}" "${rest[@]}"
