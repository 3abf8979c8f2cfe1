#!/usr/bin/env bash
# Plants small faults in cpp/src and counts how many the tests find; see --help.
set -euo pipefail
# shellcheck source-path=SCRIPTDIR source=env.sh
. "$(dirname "${BASH_SOURCE[0]}")/env.sh"
exec node "$TT_ROOT/scripts/mutate.mjs" "$@"
