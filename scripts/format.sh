#!/usr/bin/env bash
# Formats every tracked and new source file: clang-format for C++, prettier for the rest.
set -euo pipefail

if [ "${1:-}" = -h ] || [ "${1:-}" = --help ]; then
  echo "Usage: scripts/format.sh [--check]     --check changes nothing and fails where something would change"
  exit 0
fi
check=
case ${1:-} in
  '') ;;
  --check) check=1 ;;
  *) echo "format: unknown option '$1'; see --help" >&2 && exit 1 ;;
esac

# shellcheck source-path=SCRIPTDIR source=env.sh
. "$(dirname "${BASH_SOURCE[0]}")/env.sh"
cd "$TT_ROOT"

# Versions of clang-format differ in small things; 19 is what Debian 12 and 13 both have.
clang_format=$(command -v clang-format-19 || command -v clang-format)

sources() { git ls-files -z --cached --others --exclude-standard --deduplicate -- "$@"; }
# Those that are not just being deleted.
# shellcheck disable=SC2016  # the inner shell expands it
existing() { xargs -0 -r sh -c 'for f; do [ ! -f "$f" ] || printf "%s\0" "$f"; done' sh; }

status=0
if [ -n "$check" ]; then
  sources '*.cpp' '*.h' | existing | xargs -0 -r "$clang_format" --dry-run -Werror || status=1
else
  sources '*.cpp' '*.h' | existing | xargs -0 -r "$clang_format" -i
fi
sources '*.ts' '*.js' '*.mjs' '*.json' '*.css' '*.html' '*.md' '*.yml' | existing |
  xargs -0 -r prettier --ignore-unknown --log-level=warn "$([ -n "$check" ] && echo --check || echo --write)" || status=1
exit "$status"
