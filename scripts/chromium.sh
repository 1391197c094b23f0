#!/bin/sh
# Chromium from Debian's packages, for the test that opens a report: only in a container (root, no systemd) with apt.
# Elsewhere nothing is installed, and without a browser that test says that it is skipped.
set -eu
for browser in "${CHROMIUM:-}" /usr/bin/chromium /usr/bin/chromium-browser /usr/bin/google-chrome; do
  [ -x "$browser" ] && exit 0
done
if [ "$(id -u)" != 0 ] || [ -d /run/systemd/system ] || ! command -v apt-get >/dev/null; then
  echo "NOTE: no Chromium here (set CHROMIUM to one); the test that opens a report will be skipped" >&2
  exit 0
fi
export DEBIAN_FRONTEND=noninteractive
if ! { apt-get update -qq && apt-get install -y -qq --no-install-recommends chromium; } >/dev/null 2>&1; then
  echo "NOTE: apt-get install chromium failed; the test that opens a report will be skipped" >&2
fi
