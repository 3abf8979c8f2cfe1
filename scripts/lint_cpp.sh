#!/usr/bin/env bash
# Runs clang-tidy over cpp/src, with the checks of .clang-tidy. Fails where it has something to say.
set -euo pipefail

if [ "${1:-}" = -h ] || [ "${1:-}" = --help ]; then
  echo "Usage: scripts/lint_cpp.sh [FILE...]     without files: all of cpp/src"
  exit 0
fi

# shellcheck source-path=SCRIPTDIR source=env.sh
. "$(dirname "${BASH_SOURCE[0]}")/env.sh"
cd "$TT_ROOT"

# Versions of clang-tidy find different things; 19 is what Debian 12 and 13 both have.
clang_tidy=$(command -v clang-tidy-19 || command -v clang-tidy) || {
  echo "lint_cpp: there is no clang-tidy: apt-get install clang-tidy-19" >&2
  exit 1
}
# It needs the commands of a clang build, each file for itself.
cmake --preset coverage --log-level=NOTICE >/dev/null
if [ $# = 0 ]; then mapfile -t files < <(git ls-files 'cpp/src/*.cpp' | grep -v no_pool); else files=("$@"); fi
printf '%s\0' "${files[@]}" | xargs -0 -P 2 -n 4 "$clang_tidy" -p build/coverage --quiet 2> >(grep -v 'warnings generated' >&2)
