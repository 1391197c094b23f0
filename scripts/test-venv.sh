#!/bin/sh
# The Python packages that the tests check our files with, in .venv/. Without pip those tests say that they are skipped.
set -eu
python=${PYTHON:-python3}
stamp=.venv/coda-requirements.txt
cmp -s tests/python/requirements.txt "$stamp" && exit 0
if ! "$python" -m venv .venv 2>/dev/null; then
  # It leaves an interpreter without pip where it fails, which the tests would take for a whole one.
  rm -rf .venv
  echo "NOTE: python3 -m venv does not work here; the tests against Python's own readers will be skipped" >&2
  exit 0
fi
.venv/bin/python -m pip install --quiet --disable-pip-version-check -r tests/python/requirements.txt
# wids left webdataset with version 1.
.venv/bin/python -m pip install --quiet --disable-pip-version-check --no-deps --upgrade --target .venv/wids webdataset==0.2.111
cp tests/python/requirements.txt "$stamp"
