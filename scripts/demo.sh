#!/usr/bin/env bash
# Sets up, builds and serves the web page on this machine. Ctrl-C stops it.
set -euo pipefail

if [ "${1:-}" = -h ] || [ "${1:-}" = --help ]; then
  echo "Usage: scripts/demo.sh [--port N]     without it: 4173, or the next free port"
  exit 0
fi

# Better told now than after the build.
if [ $# -gt 0 ]; then
  case $1 in --port) ;; *) echo "demo: unknown option '$1'; see --help" >&2 && exit 1 ;; esac
  case ${2:-} in '' | *[!0-9]*) echo "demo: --port takes a number" >&2 && exit 1 ;; esac
  if (exec 3<>"/dev/tcp/127.0.0.1/$2") 2>/dev/null; then
    echo "demo: port $2 is taken" >&2
    exit 1
  fi
fi

here=$(cd "$(dirname "${BASH_SOURCE[0]}")" && pwd)
bash "$here/setup.sh" --for demo

# shellcheck source-path=SCRIPTDIR source=env.sh
. "$here/env.sh"
page=$TT_ROOT/build/page

# The page opens with the two modules that a browser takes from this server; the others follow while it is looked at.
# A page that is there already is brought up to date at once.
if [ -f "$page/index.html" ]; then
  bash "$here/build.sh"
else
  bash "$here/build.sh" --wasm simd-mt relaxed-mt --package --page --partial
  set -m # a process group of its own, so that Ctrl-C ends all of it
  (
    bash "$here/build.sh" --wasm --package --page --out "$page.whole" >"$page.log" 2>&1 &&
      mv "$page" "$page.partial" && mv "$page.whole" "$page" && rm -r "$page.partial" &&
      echo "demo: now with all builds of the library; reload the page to choose among them" ||
      echo "demo: the other builds could not be made: $page.log says why"
  ) &
  others=$!
  set +m
fi

node "$here/serve.mjs" "$page" "$@" &
server=$!
trap 'kill "$server" ${others:+-- "-$others"} 2>/dev/null' EXIT INT TERM
wait "$server"
