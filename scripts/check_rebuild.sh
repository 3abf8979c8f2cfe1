#!/usr/bin/env bash
# Builds one commit in two folders of different names and compares every byte of the package. Takes minutes.
set -euo pipefail

usage() {
  cat <<'END'
Usage: scripts/check_rebuild.sh [--commit COMMIT] [--wasm VARIANT...]

  --commit   what to build; HEAD by default
  --wasm     the modules to build; all by default, simd-mt alone is enough to see paths and times in the output
END
}

# shellcheck source-path=SCRIPTDIR source=env.sh
. "$(dirname "${BASH_SOURCE[0]}")/env.sh"
cd "$TT_ROOT"

commit=HEAD
variants=()
while [ $# -gt 0 ]; do
  case $1 in
    --commit)
      commit=${2:?a commit}
      shift
      ;;
    --wasm)
      while [ $# -gt 1 ] && [ "${2#-}" = "$2" ]; do
        variants+=("$2")
        shift
      done
      ;;
    -h | --help)
      usage
      exit 0
      ;;
    *) echo "check_rebuild: unknown option '$1'; see --help" >&2 && exit 1 ;;
  esac
  shift
done
# shellcheck disable=SC2206  # a list of words
[ ${#variants[@]} -gt 0 ] || variants=($TT_VARIANTS)

# A compiler cache would hand the second folder what the first one made.
export CCACHE_DISABLE=1
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
folders=("$work/a" "$work/a_folder/with a longer name")

for folder in "${folders[@]}"; do
  mkdir -p "$folder"
  git archive "$commit" | tar -x -C "$folder"
  ln -s "$TT_ROOT/node_modules" "$folder/node_modules"
  [ ! -d .toolchain ] || ln -s "$TT_ROOT/.toolchain" "$folder/.toolchain"
  echo "check_rebuild: ${variants[*]} in $folder"
  # Without the environment that was set up for this folder.
  (cd "$folder" && env -u TT_ROOT bash scripts/build.sh --wasm "${variants[@]}" >"$work/log" 2>&1) || {
    tail -n 40 "$work/log" >&2
    exit 1
  }
  # The package needs every module; a part of them is compared as they were built.
  if [ ${#variants[@]} -eq "$(wc -w <<<"$TT_VARIANTS")" ]; then
    (cd "$folder" && env -u TT_ROOT bash scripts/build.sh --package >"$work/log" 2>&1) || {
      tail -n 40 "$work/log" >&2
      exit 1
    }
  fi
done

# built FOLDER: the files that would be published, or the modules.
built() {
  (cd "$1" && find dist build/wasm-*/module -type f 2>/dev/null | LC_ALL=C sort | xargs -d '\n' sha256sum)
}
built "${folders[0]}" >"$work/first"
built "${folders[1]}" >"$work/second"
if ! diff "$work/first" "$work/second"; then
  echo "check_rebuild: the two differ" >&2
  exit 1
fi
if grep -rl -e "$work" "${folders[0]}"/build/wasm-*/module; then
  echo "check_rebuild: these files name the folder that they were built in" >&2
  exit 1
fi
echo "check_rebuild: $(wc -l <"$work/first") files of $(git rev-parse --short "$commit") are the same bytes in both folders"
