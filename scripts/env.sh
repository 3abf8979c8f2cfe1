# Sourced by the other scripts, and by anyone who calls cmake or emcc by hand:
#   . scripts/env.sh
# It only finds things and sets variables; scripts/setup.sh installs what they point at.
# shellcheck shell=bash

TT_ROOT=$(cd "$(dirname "${BASH_SOURCE[0]}")/.." && pwd)
TT_EMCC_MIN=3.1.69 # the first with LLVM 19, whose relaxed-SIMD opcodes are the standard's
TT_NODE_MIN=20

# The modules, one preset each (cpp/bindings/CMakeLists.txt).
# shellcheck disable=SC2034  # read by build.sh and test.sh
TT_VARIANTS="scalar simd relaxed simd-mt relaxed-mt"

# tt_at_least VERSION MINIMUM: true if VERSION is MINIMUM or newer.
tt_at_least() {
  [ -n "$1" ] && [ "$(printf '%s\n%s\n' "$2" "$1" | sort -V | head -n1)" = "$2" ]
}

# tt_emcc_root EMCC: the directory that holds Emscripten's CMake platform file.
tt_emcc_root() {
  local dir
  dir=$(dirname "$(readlink -f "$1")")
  for dir in "$dir" "$dir/../libexec" /usr/share/emscripten; do
    if [ -f "$dir/cmake/Modules/Platform/Emscripten.cmake" ]; then
      (cd "$dir" && pwd)
      return
    fi
  done
}

# tt_emcc_version ROOT: from Emscripten's own file, because calling emcc takes half a second.
tt_emcc_version() {
  tr -d '"\n' <"$1/emscripten-version.txt" 2>/dev/null || true
}

# tt_find_emscripten: the first that is new enough: on PATH, in $EMSDK, in the private prefix.
tt_find_emscripten() {
  local emcc root
  for emcc in "$(command -v emcc || true)" "${EMSDK:-}/upstream/emscripten/emcc"; do
    [ -x "$emcc" ] || continue
    root=$(tt_emcc_root "$emcc")
    if [ -n "$root" ] && tt_at_least "$(tt_emcc_version "$root")" "$TT_EMCC_MIN"; then
      echo "$root"
      return
    fi
  done
  [ ! -f "$TT_ROOT/.toolchain/ready" ] || echo "$TT_ROOT/.toolchain/prefix/usr/share/emscripten"
}

# tt_find_chromium: a Chromium or Chrome that the tests can drive.
tt_find_chromium() {
  local name
  if [ -x "${CHROMIUM_PATH:-}" ]; then
    echo "$CHROMIUM_PATH"
    return
  fi
  for name in chromium chromium-browser google-chrome-stable google-chrome; do
    command -v "$name" && return
  done
  return 0
}

# tt_node_ok MINIMUM: true if the `node` on PATH is that new.
tt_node_ok() {
  local version
  version=$(node --version 2>/dev/null) && tt_at_least "${version#v}" "$1"
}

# Node 20 is the oldest that the project supports. Debian 12's own is 18; setup.sh gives it another.
if [ -x "$TT_ROOT/.toolchain/node/node_modules/node/bin/node" ] && ! tt_node_ok "$TT_NODE_MIN"; then
  PATH=$TT_ROOT/.toolchain/node/node_modules/node/bin:$PATH
fi

# Builds share what they compile with the same flags: wasm-relaxed differs from wasm-simd in two files.
if command -v ccache >/dev/null; then
  export CMAKE_C_COMPILER_LAUNCHER=${CMAKE_C_COMPILER_LAUNCHER-ccache}
  export CMAKE_CXX_COMPILER_LAUNCHER=${CMAKE_CXX_COMPILER_LAUNCHER-ccache}
  export CCACHE_DIR=${CCACHE_DIR:-$TT_ROOT/build/ccache} CCACHE_BASEDIR=${CCACHE_BASEDIR:-$TT_ROOT}
  # CCACHE_DEPEND: what a file includes is read from the compiler's own list, so that nothing is preprocessed first.
  export CCACHE_DEPEND=1 CCACHE_NOHASHDIR=1 CCACHE_SLOPPINESS=${CCACHE_SLOPPINESS:-pch_defines,time_macros,include_file_mtime,include_file_ctime}
fi

# Relaxed SIMD needs Node 22. The machine's own Node runs everything else.
NODE24=$TT_ROOT/node_modules/node/bin/node # from the npm package `node`
if [ -x "$NODE24" ]; then
  :
elif tt_node_ok 22; then
  NODE24=$(command -v node)
else
  NODE24=
fi

# The interpreter itself for Emscripten: a version manager in its place (pyenv) costs a second of each call.
EMSDK_PYTHON=${EMSDK_PYTHON:-$(python3 -c 'import sys; print(sys.executable)' 2>/dev/null || true)}
export EMSDK_PYTHON

EMSCRIPTEN_ROOT=$(tt_find_emscripten)
CHROMIUM_PATH=$(tt_find_chromium)
export NODE24 EMSCRIPTEN_ROOT CHROMIUM_PATH

# Emscripten goes in front, so that an older one on the machine is not taken. The npm programs go
# last: one of them is called `node`, and the machine's own is to stay the default.
if [ -n "$EMSCRIPTEN_ROOT" ]; then
  case :$PATH: in *:"$EMSCRIPTEN_ROOT":*) ;; *) PATH=$EMSCRIPTEN_ROOT:$PATH ;; esac
fi
case :$PATH: in *:"$TT_ROOT/node_modules/.bin":*) ;; *) PATH=$PATH:$TT_ROOT/node_modules/.bin ;; esac
export PATH

case $EMSCRIPTEN_ROOT in
  # Without it emcc silently takes another LLVM and another Binaryen.
  "$TT_ROOT"/.toolchain/*) export EM_CONFIG=$TT_ROOT/.toolchain/emscripten.config ;;
esac
