#!/bin/sh
# Fetches ONNX Runtime for $1 (cpu or cuda) into the folder $2: the library, and NVIDIA's beside it where the program looks
# for them. Needs Python with pip.
set -eu
device=$1
out=$2
here=$(cd "$(dirname "$0")" && pwd)
case "$device" in
  cpu | cuda) ;;
  *) echo "DEVICE is $device and should be cpu or cuda" >&2; exit 2 ;;
esac
${PYTHON:-python3} -m pip install --quiet --disable-pip-version-check --no-deps --only-binary=:all: \
  --target "$out" -r "$here/requirements-$device.txt"
# The Python side is not needed.
find "$out" -name '*.py' -delete
find "$out" -name '__pycache__' -prune -exec rm -rf {} +
