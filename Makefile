# Each target makes the private environment .venv with what it needs, installs fastnn there, and runs.
# A machine needs Python 3.11 or newer, a C compiler and make. PYTHON=... picks the Python; ARGS=... is passed on.
PYTHON ?= python3
ARGS ?=
REV ?= HEAD~1

# Two processes share the CPUs, and the threads of NumPy's BLAS would wait for each other by spinning.
isa sanitize test: export OPENBLAS_NUM_THREADS := 1

BIN := .venv/bin
PIP := $(BIN)/python -m pip --disable-pip-version-check --quiet
SOURCES := pyproject.toml meson.build meson.options $(wildcard src/fastnn/meson.build src/fastnn/*/meson.build)

.PHONY: demo test parity bench bench-peers bench-before performance lint isa sanitize wheel clean

demo: .venv/package  ## train a small network on real handwriting that ships with the package
	$(BIN)/fastnn demo $(ARGS)

test: .venv/test  ## the whole test suite, by two processes
	$(BIN)/python -m pytest --numprocesses 2 --dist worksteal $(ARGS)

parity: .venv/test  ## training trajectories against Keras on JAX; a process of its own, as Keras has one backend in each
	KERAS_BACKEND=jax $(BIN)/python -m pytest tests/parity $(ARGS)

isa: .venv/test  ## ops and plans again on each lower kernel table that this CPU has, two at a time; kernel tests take all
	@$(MAKE) --no-print-directory --jobs=2 --output-sync=target \
	  $$($(BIN)/python -c "from fastnn._kernels import _engine; print(*('isa-' + isa for isa in _engine.isas()[:-1]))")

isa-%:
	FASTNN_ISA=$* $(BIN)/python -m pytest --quiet -p no:cacheprovider tests/ops tests/plan $(ARGS)

# The interpreter is not instrumented, so libasan comes first by LD_PRELOAD (and libstdc++, whose exceptions it
# intercepts); Python's own arenas never return memory, so leaks are not reported. GCC 12 puts vectors of 64 bytes at
# multiples of 32 in the stack that the check of uses after return allocates. Not captured, or a report would be lost. 32 MB of
# freed memory stay poisoned, not 256: a page that was freed long ago is used again, a fresh one has to be cleared.
# Python's small objects are not watched, but where a kernel reads them: strings are joined to `bytes`. What NumPy and the
# engine allocate is. Of ARGS that choose tests one of the runs may find none, which is status 5.
sanitize: .venv/test  ## kernel tests in an AddressSanitizer and UndefinedBehaviorSanitizer build
	$(PIP) install --no-build-isolation --no-deps --upgrade --target build-sanitize/site . \
	  -Cbuild-dir=build-sanitize/objects -Csetup-args=-Dsanitize=true -Csetup-args=-Dcontracts=true
	deps=$$($(BIN)/python -c "import sysconfig; print(sysconfig.get_path('purelib'))"); \
	base=$$($(BIN)/python -c "import sys; print(sys._base_executable)"); \
	export ASAN_OPTIONS=detect_leaks=0:detect_stack_use_after_return=0:quarantine_size_mb=32 \
	  PYTHONPATH=build-sanitize/site:$$deps \
	  LD_PRELOAD="$$($${CC:-cc} -print-file-name=libasan.so) $$($${CC:-cc} -print-file-name=libstdc++.so.6)"; \
	$$base -c 'import fastnn; assert "build-sanitize" in fastnn.__file__, fastnn.__file__' || exit; \
	sanitized() { $$base -m pytest --quiet --capture=no -p no:cacheprovider "$$@" $(ARGS) $(if $(ARGS),|| test $$? = 5); }; \
	(export PYTHONMALLOC=malloc; sanitized tests/kernels/test_strings.py) && \
	sanitized --numprocesses 2 --dist worksteal --ignore=tests/kernels/test_strings.py tests/kernels

BENCHMARKS := BENCHMARK_SITE=bench-results/site $(BIN)/python -m benchmarks

# Figures are wanted of a quiet machine. Results go to bench-results/.
bench: .venv/test bench-results/site  ## fastnn beside NumPy: kernels, networks, overheads
	$(BENCHMARKS) --json bench-results/numpy.json $(ARGS)

# What cannot be installed is named as missing by the run itself.
bench-peers: .venv/test bench-results/site  ## the same beside Keras on three backends, PyTorch, scikit-learn and ONNX Runtime
	for peer in tensorflow-cpu "jax[cpu]" "torch<2.14" "torchvision torch<2.14" scikit-learn "onnx onnxruntime"; do $(PIP) install $$peer || true; done
	$(BENCHMARKS) --peers frameworks --json bench-results/peers.json $(ARGS)

bench-before: .venv/test bench-results/site  ## the same beside fastnn of the commit REV, and what became slower by more than 3 %
	rm -rf bench-results/before bench-results/before-source && mkdir -p bench-results/before-source
	git archive $(REV) | tar -x -C bench-results/before-source
	$(PIP) install --no-build-isolation --no-deps --target bench-results/before ./bench-results/before-source
	BENCHMARK_BEFORE=bench-results/before $(BENCHMARKS) --peers before $(ARGS)

# fastnn as a user has it: an editable install looks for something to build at each import.
bench-results/site: .venv/test $(shell find src -type f -not -name '*.pyc')
	rm -rf $@
	$(PIP) install --no-build-isolation --no-deps --target $@ . -Cbuild-dir=build-bench

performance:  ## docs/performance.md from the newest results
	$(BIN)/python -m benchmarks.report bench-results/*.json > docs/performance.md

lint: .venv/test
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .

wheel: .venv/package
	$(BIN)/python -m pip wheel --no-deps --wheel-dir dist .

.venv/python:
	@$(PYTHON) -c "import sys; sys.exit(sys.version_info < (3, 11))" || \
	  { echo "fastnn needs Python 3.11 or newer: run make PYTHON=/path/to/python3.11" >&2; exit 1; }
	$(PYTHON) -m venv .venv
	touch $@

# An editable install rebuilds the kernels on import, so it needs the build tools beside it.
.venv/package: .venv/python $(SOURCES)
	$(PIP) install "meson-python>=0.18" "meson>=1.5" "Cython>=3.1" "ninja>=1.11"
	$(PIP) install --no-build-isolation --editable ".[plot,hdf5]" -Cbuild-dir=build
	touch $@

.venv/test: .venv/package
	$(PIP) install --no-build-isolation --editable ".[test]" -Cbuild-dir=build
	touch $@

clean:
	rm -rf .venv build build-sanitize dist demo-output
