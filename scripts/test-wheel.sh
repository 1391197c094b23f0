#!/bin/sh
# What somebody with Python alone does: the wheel, and ONNX Runtime with it, into a fresh environment; the demo from an empty
# folder, without Rust, a checkout or a setting. The wheel is $1, else one of the program as the tests have compiled it.
set -eu
python=${PYTHON:-python3}
runtime=$(sed -n 's/^version=//p' scripts/runtime.sh)
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
if ! "$python" -m venv "$folder/env" 2>/dev/null; then
  [ -z "${CODA_REQUIRE_ALL:-}" ] || { echo "CODA_REQUIRE_ALL=1, and $python -m venv does not work here" >&2; exit 1; }
  echo "SKIPPED the wheel: $python -m venv does not work here" >&2
  exit 0
fi
wheel=${1:-}
if [ -z "$wheel" ]; then
  rm -rf target/wheels/dev
  PYTHON=$python sh scripts/wheel.sh dev
  wheel=$(ls target/wheels/dev/*.whl)
fi

# Nothing of this machine's settings, and no checkout above.
clean() {
  (cd "$folder/empty" && env -i HOME="$folder/home" PATH=/usr/bin:/bin TMPDIR="${TMPDIR:-/tmp}" "$@")
}
fail() {
  echo "the wheel: $*" >&2
  exit 1
}
mkdir "$folder/empty" "$folder/home"
# Without its runtime the program says what to install, and fails.
"$folder/env/bin/python" -m pip install --quiet --disable-pip-version-check --no-deps "$wheel"
said=$(clean "$folder/env/bin/coda-pipe" demo 2>&1) && fail "the demo ran without a runtime: $said"
echo "$said" | grep -q "pip install 'coda-pipe\[cpu\]'" || fail "no cure in: $said"

"$folder/env/bin/python" -m pip install --quiet --disable-pip-version-check "$wheel[cpu]" "onnxruntime==$runtime"
found=$(clean "$folder/env/bin/coda-pipe" doctor --json)
case $found in
  *"$folder/env/lib"*onnxruntime/capi*) ;;
  *) fail "another runtime was found: $found" ;;
esac
# The folder that the call without a runtime has written is continued.
clean "$folder/env/bin/coda-pipe" demo 2>&1 | tail -n 5
again=$(clean "$folder/env/bin/python" -m coda_pipe demo 2>&1)
echo "$again" | grep -q "nothing was recomputed" || fail "the second demo computed something: $again"
images=$(clean "$folder/env/bin/python" -c "
import coda_pipe
print(len(coda_pipe.open_run('coda-demo/runs/demo').distilled().targets))")
[ "$images" = 100 ] || fail "$images images in place of 100"
echo "the wheel works in a fresh environment: $(basename "$wheel"), onnxruntime $runtime, $images images"
