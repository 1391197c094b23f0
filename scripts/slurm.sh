#!/bin/sh
# Slurm and munge from Debian's packages, for the test that runs a cluster: only in a container (root, no systemd whose
# services the packages would start) with apt. Elsewhere nothing is installed, and without Slurm that test says that it is
# skipped.
set -eu
PATH=$PATH:/usr/sbin
command -v slurmctld >/dev/null && command -v munged >/dev/null && exit 0
if [ "$(id -u)" != 0 ] || [ -d /run/systemd/system ] || ! command -v apt-get >/dev/null; then
  echo "NOTE: no Slurm here (apt-get install slurm-wlm munge); the test on a real cluster will be skipped" >&2
  exit 0
fi
export DEBIAN_FRONTEND=noninteractive
if ! { apt-get update -qq && apt-get install -y -qq --no-install-recommends slurm-wlm munge; } >/dev/null 2>&1; then
  echo "NOTE: apt-get install slurm-wlm munge failed; the test on a real cluster will be skipped" >&2
fi
