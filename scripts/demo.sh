#!/usr/bin/env bash
# Sets up, builds and serves the web page on this machine. Ctrl-C stops it.
set -euo pipefail

if [ "${1:-}" = -h ] || [ "${1:-}" = --help ]; then
  echo "Usage: scripts/demo.sh [--port N]     without it: 4173, or the next free port"
  exit 0
fi

# Better told now than after the build.
port=
if [ "${1:-}" = --port ]; then port=${2:-}; fi
if [ -n "$port" ] && (exec 3<>"/dev/tcp/127.0.0.1/$port") 2>/dev/null; then
  echo "demo: port $port is taken" >&2
  exit 1
fi

here=$(cd "$(dirname "${BASH_SOURCE[0]}")" && pwd)
bash "$here/setup.sh" --for demo
bash "$here/build.sh"

# shellcheck source-path=SCRIPTDIR source=env.sh
. "$here/env.sh"
exec node "$here/serve.mjs" "$TT_ROOT/build/page" "$@"
