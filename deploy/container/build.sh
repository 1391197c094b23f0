#!/bin/sh
# Compiles the program into the folder $1. Needs Rust and a C compiler.
set -eu
cargo build --release --locked --bin coda-pipe
mkdir -p "$1"
cp target/release/coda-pipe "$1/"
