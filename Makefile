# The commands a newcomer needs. Everything else is `coda-pipe --help`.
#   make demo     distil real handwriting end to end into runs/demo (first time: compiles, fetches ONNX Runtime)
#   make wheel    the Python package, into target/wheels (compiles for glibc 2.28; needs the network for the tools)
#   make test     what CI runs: format, lints, unit, golden and integration tests
#   make test-clusters  several processes on Slurm, Ray and S3, killed 50 times
#   make bench    benchmarks
.PHONY: demo demo-clean build wheel runtime test test-wheel test-python test-tools test-clusters lint bench sheet

# What is fetched waits for the network while something is compiled; how many processors cargo takes is its own affair.
MAKEFLAGS += --jobs=4
unexport MAKEFLAGS

CARGO ?= cargo
PYTHON ?= python3

demo: build runtime
	@./target/release/coda-pipe run pipelines/demo.toml

demo-clean:
	rm -rf runs/demo

build:
	@$(CARGO) build --release --locked

# The release wheel: the program for any Linux since 2018, and the Python module.
wheel:
	@PYTHON=$(PYTHON) sh scripts/wheel.sh

# ONNX Runtime's CPU library into .onnxruntime/, unless one is there already.
runtime:
	@PYTHON=$(PYTHON) sh scripts/runtime.sh

lint:
	$(CARGO) fmt --check
	$(CARGO) clippy --locked --all-targets -- -D warnings
	$(CARGO) clippy --locked --lib --example sheet --no-default-features -- -D warnings

test: lint runtime test-python test-tools
	$(CARGO) test --locked
	@$(MAKE) --no-print-directory test-wheel

# A wheel of the program as `cargo test` has compiled it, in a fresh environment without Rust.
test-wheel:
	@PYTHON=$(PYTHON) sh scripts/test-wheel.sh

# Other programs that the tests compare with; where they can't be installed, their tests say that they are skipped.
test-python:
	@PYTHON=$(PYTHON) sh scripts/test-venv.sh

test-tools:
	@sh scripts/test-tools.sh

# Several processes on Slurm, Ray and S3, for longer: fetches Ray (some 280 MB) into .venv/, and kills 50 times.
test-clusters: runtime test-python test-tools
	@[ -x .venv/bin/python ] || { echo "no .venv: $(PYTHON) -m venv does not work here (Debian: apt-get install python3-venv)" >&2; exit 1; }
	.venv/bin/python -m pip install --quiet --disable-pip-version-check "ray==2.60.0"
	CODA_REQUIRE_RAY=1 CODA_CRASHES=50 $(CARGO) test --locked --test it -- --nocapture deployment:: slurm:: workers::

bench: runtime
	$(CARGO) bench --locked

# The README's picture: the demo's prompts unguided and guided, and members of the anchors that guide them.
sheet: build runtime
	./target/release/coda-pipe run pipelines/demo.toml
	./target/release/coda-pipe run pipelines/demo.toml --set guidance=none --run-dir runs/demo-unguided
	$(CARGO) run --release --locked --example sheet -- docs/demo.png 1 \
	  runs/demo-unguided/distilled/demo-000000.tar runs/demo/distilled/demo-000000.tar \
	  members:pipelines:runs/demo/distilled/demo-000000.tar
