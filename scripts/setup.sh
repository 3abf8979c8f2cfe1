#!/usr/bin/env bash
# Provides what this machine lacks: compilers, CMake, Emscripten, libraries, npm packages, a browser.
# Safe to run again; takes no time when nothing is missing.
set -euo pipefail

usage() {
  cat <<'END'
Usage: scripts/setup.sh [--for demo|test|bench|all]

Installs what is missing, with apt where a system package is needed (as root, or with sudo):
  demo    what the web page and the npm package are built with
  test    that, and what scripts/test.sh and scripts/format.sh use: g++, Chromium, clang-format,
          clang 19 with its sanitizers and libFuzzer
  bench   demo's, and Google Benchmark; OpenBLAS and Firefox too, where there are packages of them
  all     all of it (the default)

Emscripten 3.1.69 or newer is taken from PATH or $EMSDK, else from the distribution; Debian 12 gets a
private copy in .toolchain/. Chromium or Chrome is taken from $CHROMIUM_PATH or PATH.
END
}

say() { echo "setup: $*"; }
fail() {
  echo "setup: $*" >&2
  exit 1
}

purpose=all
while [ $# -gt 0 ]; do
  case $1 in
    --for)
      purpose=${2:-}
      shift
      ;;
    --for=*) purpose=${1#*=} ;;
    -h | --help)
      usage
      exit 0
      ;;
    *) fail "unknown option '$1'; see --help" ;;
  esac
  shift
done
case $purpose in demo | test | bench | all) ;; *) fail "--for takes demo, test, bench or all" ;; esac
wants() { [ "$purpose" = all ] || [ "$purpose" = "$1" ]; }

# shellcheck source-path=SCRIPTDIR source=env.sh
. "$(dirname "${BASH_SOURCE[0]}")/env.sh"
cd "$TT_ROOT"
# shellcheck source=/dev/null
distribution=$([ ! -r /etc/os-release ] || (. /etc/os-release && echo "$ID $VERSION_ID"))

# --- System packages ----------------------------------------------------------------------------

missing=()  # apt's names of what must be installed
optional=() # the same, where the work goes on without

# need PACKAGE FILE|COMMAND...: notes the package if none of the files or commands is there.
need() {
  local package=$1 probe
  shift
  for probe in "$@"; do
    if [ -e "$probe" ] || command -v "$probe" >/dev/null; then return; fi
  done
  missing+=("$package")
}

have_apt() { command -v apt-get >/dev/null; }

as_root() {
  if [ "$(id -u)" = 0 ]; then "$@"; else sudo "$@"; fi
}

# may_install PACKAGE...: ends with one clear sentence where apt cannot help.
may_install() {
  have_apt || fail "missing here, and there is no apt to install it with: $*."
  [ "$(id -u)" = 0 ] || command -v sudo >/dev/null ||
    fail "missing here, and only root can install it: apt-get install $*"
}

apt_fresh=
apt_update() {
  [ -z "$apt_fresh" ] || return 0
  say "reading the package lists"
  as_root apt-get update -q >/dev/null
  apt_fresh=1
}

apt_install() {
  may_install "$@"
  apt_update
  say "installing $*"
  as_root env DEBIAN_FRONTEND=noninteractive apt-get install -q -y --no-install-recommends "$@" >/dev/null
}

# candidate PACKAGE: the version that the distribution offers, without Debian's suffix.
candidate() {
  LC_ALL=C apt-cache policy "$1" 2>/dev/null | sed -n 's/^ *Candidate: \([0-9][^+~-]*\).*/\1/p'
}

list_packages() {
  need cmake cmake
  need ninja-build ninja
  need python3 python3
  need nodejs node
  need npm npm
  ! have_apt || need ccache ccache # without it everything is compiled once more
  need libeigen3-dev /usr/include/eigen3 /usr/local/include/eigen3 /opt/homebrew/include/eigen3
  need googletest /usr/src/googletest # CMake configures the tests with everything else
  if [ "$purpose" != demo ]; then
    need g++ g++ clang++
  fi
  if wants test; then
    case $distribution in
      debian*) need clang-format-19 clang-format-19 ;; # Debian 12's default, 14, breaks lines differently
      *) need clang-format clang-format ;;
    esac
    need clang-19 clang++-19
    case $distribution in debian*) need clang-tidy-19 clang-tidy-19 ;; esac
    need libclang-rt-19-dev /usr/lib/llvm-19/lib/clang/19/lib/linux/libclang_rt.fuzzer-*.a
    if [ -z "$CHROMIUM_PATH" ]; then missing+=(chromium); fi
  fi
  if wants bench; then
    need libbenchmark-dev /usr/include/benchmark /usr/local/include/benchmark /opt/homebrew/include/benchmark
  fi
}

install_packages() {
  list_packages
  if [ ${#missing[@]} -gt 0 ]; then
    may_install "${missing[@]}"
    apt_update
    case " ${missing[*]} " in
      *" chromium "*) [ -n "$(candidate chromium)" ] || fail "the tests need Chromium or Chrome, of which this" \
        "distribution has no package: install one and set CHROMIUM_PATH." ;;
    esac
    apt_install "${missing[@]}"
  fi
  tt_at_least "$(cmake --version | sed -n '1s/.* //p')" 3.25 ||
    fail "CMake 3.25 or newer is needed, and this machine has $(cmake --version | sed -n '1s/.* //p')."
}

# What only makes comparisons richer; without it they leave a row out.
install_optional() {
  wants bench && have_apt || return 0
  compgen -G '/usr/lib/*/libopenblas.so' >/dev/null || optional+=(libopenblas-dev)
  command -v firefox-esr firefox >/dev/null || optional+=(firefox-esr)
  local package
  for package in ${optional[@]+"${optional[@]}"}; do
    (apt_install "$package") || say "went on without $package"
  done
}

# --- Emscripten ---------------------------------------------------------------------------------

install_llvm19() {
  missing=()
  need clang-19 /usr/lib/llvm-19/bin/clang++
  need lld-19 /usr/lib/llvm-19/bin/wasm-ld
  need llvm-19 /usr/lib/llvm-19/bin/llvm-ar
  [ ${#missing[@]} = 0 ] || apt_install "${missing[@]}"
}

install_emscripten() {
  case $EMSCRIPTEN_ROOT in
    "$TT_ROOT"/.toolchain/*) ;; # looked at again below: it may be an older recipe's
    ?*) return ;;
  esac
  if [ -z "$EMSCRIPTEN_ROOT" ] && have_apt; then
    [ -n "$(candidate emscripten)" ] || { may_install emscripten && apt_update; }
    if tt_at_least "$(candidate emscripten)" "$TT_EMCC_MIN"; then
      apt_install emscripten
      return
    fi
  fi
  [ "$distribution" = "debian 12" ] || fail "Emscripten $TT_EMCC_MIN or newer is missing, and this" \
    "distribution has no such package; please run:
  git clone https://github.com/emscripten-core/emsdk && ./emsdk/emsdk install latest &&
    ./emsdk/emsdk activate latest && . ./emsdk/emsdk_env.sh"
  install_llvm19
  if [ ! -f .toolchain/ready ]; then say "unpacking Emscripten into .toolchain/ (250 MB to fetch, 1.7 GB on disk)"; fi
  mkdir -p .toolchain
  bash scripts/setup_emscripten.sh >.toolchain/setup.log 2>&1 ||
    fail "Emscripten could not be unpacked: $(tail -n1 .toolchain/setup.log) (.toolchain/setup.log says more)"
}

# --- npm packages -------------------------------------------------------------------------------

# npm_is_current FOLDER: what is installed there equals the lock file. It compares contents, so that `npm install` counts as
# well.
npm_is_current() {
  [ -f "$1/node_modules/.package-lock.json" ] && node -e '
    const read = (file) => JSON.parse(require("fs").readFileSync(process.argv[1] + "/" + file, "utf8")).packages;
    const have = read("node_modules/.package-lock.json");
    for (const [path, { optional, version, integrity }] of Object.entries(read("package-lock.json")))
      if (path && !optional && (have[path]?.version !== version || have[path]?.integrity !== integrity))
        process.exit(1);' "$1"
}

# Where the distribution's Node is too old, its npm still fetches a newer one. That one is needed before
# `npm ci`, which leaves out what the running Node is too old for.
install_node() {
  tt_node_ok "$TT_NODE_MIN" && return
  local version
  version=$(node -p 'require("./package-lock.json").packages["node_modules/node"].version')
  say "fetching Node $version into .toolchain/, because this machine's is $(node --version)"
  npm install --prefix .toolchain/node --no-save --no-audit --no-fund --loglevel=error "node@$version" >/dev/null
  # shellcheck source-path=SCRIPTDIR source=env.sh
  . scripts/env.sh
  tt_node_ok "$TT_NODE_MIN" || fail "Node $TT_NODE_MIN or newer is needed, and this machine has $(node --version)."
}

install_npm() {
  if ! npm_is_current .; then
    say "installing the npm packages"
    npm ci --no-audit --no-fund --loglevel=error
  fi
  # The npm package `node` fetches its program in an install script, which npm may be told not to run.
  if [ ! -x node_modules/node/bin/node ] && ! tt_node_ok 22; then
    (cd node_modules/node && node installArchSpecificPackage >/dev/null) ||
      fail "Node 22 or newer is needed to run relaxed SIMD, and the npm package \`node\` could not be fetched."
  fi
}

# The tools that the package is tried with. Without them their tests are left out.
install_tools() {
  local tools=tests/package/tools
  wants test && ! npm_is_current "$tools" || return 0
  say "installing the tools that the package is tried with"
  (cd "$tools" && npm ci --ignore-scripts --no-audit --no-fund --loglevel=error) || say "went on without them"
}

install_packages
# Both mostly wait for the network.
install_emscripten &
emscripten=$!
trap 'kill "$emscripten" 2>/dev/null' EXIT
install_node
install_npm
install_tools
wait "$emscripten"
trap - EXIT
install_optional

# shellcheck source-path=SCRIPTDIR source=env.sh
. scripts/env.sh
[ -n "$EMSCRIPTEN_ROOT" ] || fail "Emscripten was installed but is not found."
say "ready: Emscripten $(tt_emcc_version "$EMSCRIPTEN_ROOT"), Node $(node --version | tr -d v)," \
  "CMake $(cmake --version | sed -n '1s/.* //p')${CHROMIUM_PATH:+, $CHROMIUM_PATH}"
