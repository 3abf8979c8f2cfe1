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
bash "$here/build.sh"

# shellcheck source-path=SCRIPTDIR source=env.sh
. "$here/env.sh"
exec node "$here/serve.mjs" "$TT_ROOT/build/page" "$@"
