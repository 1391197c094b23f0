#!/bin/sh
# Fetches the pinned ONNX Runtime (CPU) from PyPI into .onnxruntime/, unless one is set, fetched or installed already.
set -eu
version=1.24.4
python=${PYTHON:-python3}
[ -n "${ORT_DYLIB_PATH:-}" ] && exit 0
[ -n "$(find .onnxruntime -name 'libonnxruntime*' 2>/dev/null | head -n 1)" ] && exit 0
if "$python" -c 'import importlib.util, sys; sys.exit(importlib.util.find_spec("onnxruntime") is None)' 2>/dev/null; then
  exit 0
fi
echo "fetching onnxruntime $version into .onnxruntime/" >&2
rm -rf .onnxruntime.part
"$python" -m pip install --quiet --disable-pip-version-check --no-deps --target .onnxruntime.part "onnxruntime==$version"
rm -rf .onnxruntime
mv .onnxruntime.part .onnxruntime
