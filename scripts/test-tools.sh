#!/bin/sh
# Debian's packages for tests against other programs: Slurm, a browser, writers of tars. Only in a container (root, no systemd
# whose services the packages would start) with apt. Elsewhere nothing is installed, and the tests say that they are skipped.
set -eu
PATH=$PATH:/usr/sbin
has() { command -v "$1" >/dev/null; }

packages=
has slurmctld && has munged || packages="$packages slurm-wlm munge"
[ -x "${CHROMIUM:-}" ] || has chromium || has chromium-browser || has google-chrome || packages="$packages chromium"
has zstd || packages="$packages zstd"
has lz4 || packages="$packages lz4"
has bsdtar || packages="$packages libarchive-tools"
[ -n "$packages" ] || exit 0

if [ "$(id -u)" != 0 ] || [ -d /run/systemd/system ] || ! has apt-get; then
  echo "NOTE: tests that need these are skipped:$packages" >&2
  exit 0
fi
export DEBIAN_FRONTEND=noninteractive
# shellcheck disable=SC2086 # words
if ! { apt-get update -qq && apt-get install -y -qq --no-install-recommends $packages; } >/dev/null 2>&1; then
  echo "NOTE: apt-get install failed; tests that need these are skipped:$packages" >&2
fi
