#!/usr/bin/env bash
# Gives Debian 12 a current Emscripten in .toolchain/, without touching the system's libraries.
#
# Debian 12's own package is 3.1.6, whose relaxed-SIMD opcodes no browser accepts any more. Debian 13's
# is new enough, and so is Debian 12's LLVM 19; but Debian 13's Binaryen wants a newer C library.
# So: unpack Emscripten, Binaryen and that C library side by side, start Binaryen's programs with that
# library's own loader, and let Emscripten use Debian 12's LLVM. Called by scripts/setup.sh.
set -euo pipefail

root=$(cd "$(dirname "${BASH_SOURCE[0]}")/.." && pwd)
toolchain=$root/.toolchain
recipe=1 # raise it when this file makes something else, so that old prefixes are made again
packages=(emscripten binaryen libc6 libstdc++6 libgcc-s1)

if [ "$(cat "$toolchain/ready" 2>/dev/null)" = "$recipe" ]; then
  exit 0
fi

# The address of Debian that this machine already uses.
# shellcheck disable=SC2016  # apt expands it
mirror() {
  apt-get indextargets --format '$(REPO_URI)' \
    "Created-By: Packages" "Release: bookworm" "Component: main" | head -n1
}

# Its own lists and cache: the machine's apt configuration and state stay as they are.
apt_private() {
  local command=$1
  shift
  apt-get -q \
    -o Dir::Etc::SourceList=/dev/null -o Dir::Etc::SourceParts="$toolchain/apt/sources" \
    -o Dir::Etc::Preferences=/dev/null -o Dir::Etc::PreferencesParts=/dev/null \
    -o Dir::State::Lists="$toolchain/apt/lists" -o Dir::Cache="$toolchain/apt/cache" \
    -o APT::Sandbox::User="$(id -un)" "$command" "$@"
}

download() {
  local uri
  uri=$(mirror)
  if [ -z "$uri" ]; then
    echo "setup: apt knows no Debian source of this machine to take Emscripten from." >&2
    return 1
  fi
  rm -rf "$toolchain/apt"
  mkdir -p "$toolchain"/apt/{sources,lists/partial,cache/archives/partial,packages}
  cat >"$toolchain/apt/sources/trixie.sources" <<END
Types: deb
URIs: $uri
Suites: trixie
Components: main
Signed-By: /usr/share/keyrings/debian-archive-keyring.gpg
END
  apt_private update
  (cd "$toolchain/apt/packages" && apt_private download "${packages[@]}")
}

unpack() {
  local package
  rm -rf "$toolchain/prefix"
  mkdir -p "$toolchain/prefix"
  for package in "$toolchain"/apt/packages/*.deb; do
    dpkg -x "$package" "$toolchain/prefix"
  done
  rm -rf "$toolchain/apt" "$toolchain/prefix/usr/share/emscripten"/{test,docs}
}

wrap_binaryen() {
  local libraries loader program name
  libraries=$(dirname "$(find "$toolchain/prefix/usr/lib" -name libbinaryen.so)")
  loader=$(find "$libraries" -name 'ld-linux*')
  mkdir -p "$toolchain/binaryen/bin"
  for program in "$toolchain"/prefix/usr/bin/wasm*; do
    name=$(basename "$program")
    cat >"$toolchain/binaryen/bin/$name" <<END
#!/bin/sh
root=\$(cd "\$(dirname "\$0")/../.." && pwd)
exec "\$root/${loader#"$toolchain/"}" --library-path "\$root/${libraries#"$toolchain/"}" \\
  "\$root/prefix/usr/bin/$name" "\$@"
END
    chmod +x "$toolchain/binaryen/bin/$name"
  done
}

configure() {
  # Paths are taken from EM_CONFIG's own, so that the project's folder can be moved.
  cat >"$toolchain/emscripten.config" <<'END'
import os
import shutil

_here = os.path.dirname(os.path.abspath(os.environ['EM_CONFIG']))
LLVM_ROOT = '/usr/lib/llvm-19/bin'
LLVM_ADD_VERSION = ''
CLANG_ADD_VERSION = ''
BINARYEN_ROOT = os.path.join(_here, 'binaryen')
NODE_JS = shutil.which('node')
# Every system library comes prebuilt.
CACHE = os.path.join(_here, 'prefix/usr/share/emscripten/cache')
FROZEN_CACHE = True
END
  # The project is "type": "module"; Emscripten's own .js files are CommonJS.
  echo '{ "type": "commonjs" }' >"$toolchain/package.json"
}

rm -f "$toolchain/ready"
download
unpack
wrap_binaryen
configure
"$toolchain/binaryen/bin/wasm-opt" --version
echo "$recipe" >"$toolchain/ready"
