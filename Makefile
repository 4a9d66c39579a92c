# `make demo`, `make test`, `make check`: each sets up what it needs in .venv, and `make demo` no more than the package
PYTHON ?= python3
VENV := .venv
BIN := $(VENV)/bin

.PHONY: demo test fuzz check format docs notebooks wheel bounds sanitize sanitize-one cross bench reproduce results clean

SOURCES := pyproject.toml CMakeLists.txt $(shell find native -type f)

$(VENV)/package: $(SOURCES)
	test -x $(BIN)/python || $(PYTHON) -m venv $(VENV)
	$(BIN)/python -m pip install --quiet --disable-pip-version-check --editable .
	touch $@

# torch is pinned to one release so that a bare machine does not fetch its GPU packages
$(VENV)/ready: $(SOURCES)
	test -x $(BIN)/python || $(PYTHON) -m venv $(VENV)
	$(BIN)/python -m pip install --quiet --disable-pip-version-check torch==2.13.0
	$(BIN)/python -m pip install --quiet --disable-pip-version-check --editable '.[torch,serve,dev]'
	touch $@ $(VENV)/package

demo: $(VENV)/package
	$(BIN)/seqconv train demo-text
	$(BIN)/seqconv train demo-series

test: $(VENV)/ready
	$(BIN)/python -m pytest -n 2 --dist worksteal tests

# every seed of the fuzzers, of which `make test` runs a few
fuzz: $(VENV)/ready
	$(BIN)/python -m pytest -n 2 --dist worksteal -m fuzz --whole tests/fuzz

check: $(VENV)/ready
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .
	$(BIN)/mypy
	$(BIN)/python -m pytest tests/test_floors.py

format: $(VENV)/ready
	$(BIN)/ruff format .
	$(BIN)/ruff check --fix .

# the site, in build/site: open index.html. It is built from the sources, without the package.
DOCS_BIN := .venv-docs/bin

docs:
	test -x $(DOCS_BIN)/zensical || ($(PYTHON) -m venv .venv-docs \
		&& $(DOCS_BIN)/python -m pip install --quiet --disable-pip-version-check 'pip>=25.1' \
		&& $(DOCS_BIN)/python -m pip install --quiet --disable-pip-version-check --group docs)
	$(DOCS_BIN)/python bench/website.py

# the notebooks of docs/ with what they show
notebooks: $(VENV)/ready
	$(BIN)/python -m pip install --quiet --disable-pip-version-check nbclient ipykernel
	$(BIN)/python bench/notebooks.py

# a wheel, installed without torch into a clean environment, passes the flow test and the audits of its contents; with
# PYTHON=python3.12 or later it is of the stable interface
wheel:
	rm -rf dist build/wheel-env
	$(PYTHON) -m venv build/wheel-env
	build/wheel-env/bin/python -m pip wheel --quiet --disable-pip-version-check --no-deps --wheel-dir dist .
	build/wheel-env/bin/python -m pip install --quiet --disable-pip-version-check dist/seqconv-*.whl pytest hypothesis \
		abi3audit auditwheel check-wheel-contents
	build/wheel-env/bin/check-wheel-contents dist/seqconv-*.whl
	build/wheel-env/bin/abi3audit dist/seqconv-*.whl
	build/wheel-env/bin/auditwheel show dist/seqconv-*.whl
	cd tests && ../build/wheel-env/bin/python -m pytest -p no:cacheprovider flow/test_flow.py
	build/wheel-env/bin/seqconv --version

# the tests that meet other packages most, with the oldest versions that pyproject.toml allows and with the newest; what
# old versions warn of is no error
BOUNDED := flow/test_flow.py data reports estimators tasks/text/test_baselines.py tasks/series/test_baselines.py

bounds:
	test -x build/bounds/bin/uv || ($(PYTHON) -m venv build/bounds && build/bounds/bin/python -m pip install --quiet uv)
	for bound in lowest-direct highest; do \
		build/bounds/bin/uv venv --quiet --clear --python $(PYTHON) build/bounds-$$bound \
			&& build/bounds/bin/uv pip install --quiet --python build/bounds-$$bound --resolution $$bound '.[dev]' \
			&& (cd tests && ../build/bounds-$$bound/bin/python -m pytest -W default -p no:cacheprovider $(BOUNDED)) || exit 1; \
	done

# the kernel tests and the fuzzer of native calls under the sanitizers, every seed of it under that of addresses: an
# instrumented build in an environment that borrows .venv's packages. Not the other fuzzers: polars does not load under
# the thread sanitizer.
SANITIZED := tests/native tests/tasks/text/test_vocabulary.py tests/fuzz/test_native.py
SANITIZE_BIN := build/sanitize/bin

sanitize: $(VENV)/ready
	test -x $(SANITIZE_BIN)/python || $(PYTHON) -m venv build/sanitize
	$(BIN)/python -c "import site; print(site.getsitepackages()[0])" \
		> $$($(SANITIZE_BIN)/python -c "import site; print(site.getsitepackages()[0])")/borrowed.pth
	$(MAKE) --no-print-directory sanitize-one KIND=address,undefined LIBRARY=libasan.so SEEDS=--whole
	$(MAKE) --no-print-directory sanitize-one KIND=thread LIBRARY=libtsan.so

sanitize-one:
	$(SANITIZE_BIN)/python -m pip install --quiet --disable-pip-version-check --no-deps --force-reinstall \
		--config-settings=cmake.define.SEQCONV_SANITIZE=$(KIND) --config-settings=build-dir=build/sanitize-$(LIBRARY) .
	SEQCONV_SANITIZE=$(KIND) LD_PRELOAD="$$($${CXX:-g++} -print-file-name=$(LIBRARY)) $$($${CXX:-g++} -print-file-name=libstdc++.so)" ASAN_OPTIONS=detect_leaks=0:allocator_may_return_null=1 UBSAN_OPTIONS=halt_on_error=1 TSAN_OPTIONS=halt_on_error=1:die_after_fork=0:report_signal_unsafe=0:ignore_noninstrumented_modules=1 OPENBLAS_NUM_THREADS=1 \
		setarch -R $(SANITIZE_BIN)/python -m pytest -s -p no:cacheprovider $(SEEDS) $(SANITIZED)

# all sources but the bindings, with Clang, for other machines; the programs `pool` and `kernels` try them there
CROSS := x86_64-windows-gnu aarch64-macos x86_64-macos aarch64-linux-gnu aarch64-linux-musl x86_64-linux-musl

cross: $(VENV)/ready
	$(BIN)/python -m pip install --quiet --disable-pip-version-check ziglang
	for target in $(CROSS); do \
		CXX="$(abspath $(BIN))/python -m ziglang c++ -target $$target" cmake -S . -B build/cross-$$target \
			-DSEQCONV_WITHOUT_PYTHON=ON -DCMAKE_SYSTEM_NAME=Generic -DCMAKE_SYSTEM_PROCESSOR=$${target%%-*} \
			&& cmake --build build/cross-$$target || exit 1; \
	done
	build/cross-x86_64-linux-musl/pool
	build/cross-x86_64-linux-musl/kernels

# seqconv next to its peers, on a quiet machine; about a quarter of an hour. SEQCONV_DATA names the folder with real data.
BENCH_BIN := .venv-bench/bin

bench:
	test -x $(BENCH_BIN)/python || $(PYTHON) -m venv .venv-bench
	$(BENCH_BIN)/python -m pip install --quiet --disable-pip-version-check torch==2.13.0
	$(BENCH_BIN)/python -m pip install --quiet --disable-pip-version-check --requirement bench/requirements.txt
	$(BENCH_BIN)/python -m pip install --quiet --disable-pip-version-check .
	$(BENCH_BIN)/python bench/run.py --resume
	$(BENCH_BIN)/python bench/page.py

# the book's systems on the real data, three seeds each; SEQCONV_DATA names the folder with them
reproduce: $(VENV)/ready
	$(BIN)/python bench/reproduce.py

# data of one's own next to the libraries of the field; SEQCONV_DATA names the folder with the files
RESULTS_BIN := .venv-results/bin

results:
	test -x $(RESULTS_BIN)/python || $(PYTHON) -m venv .venv-results
	$(RESULTS_BIN)/python -m pip install --quiet --disable-pip-version-check torch==2.13.0
	$(RESULTS_BIN)/python -m pip install --quiet --disable-pip-version-check --requirement bench/own_data/requirements.txt
	$(RESULTS_BIN)/python -m pip install --quiet --disable-pip-version-check .
	$(RESULTS_BIN)/python bench/own_data/run.py

clean:
	rm -rf $(VENV) .venv-bench .venv-docs .venv-results build dist runs
