#!/bin/sh
# What the program needs of Debian: certificates for object stores, the C++ library for ONNX Runtime. And a user, so that
# nothing runs as root.
set -eu
export DEBIAN_FRONTEND=noninteractive
apt-get update -q
apt-get install -q -y --no-install-recommends ca-certificates libstdc++6
rm -rf /var/lib/apt/lists/*
groupadd --gid 10001 coda
useradd --uid 10001 --gid 10001 --home-dir /work --create-home --shell /usr/sbin/nologin coda
