# The whole vocabulary: make scan, test, up, lint, bench, nightly, docs.
PYTHON ?= $(shell command -v python3.11 || command -v python3.12 || command -v python3)
BIN := .venv/bin
INPUT ?=

# Byte code makes each start of a process several times faster.
unexport PYTHONDONTWRITEBYTECODE
export PIP_DISABLE_PIP_VERSION_CHECK := 1

.PHONY: help scan test test-oldest up lint format bench nightly docs vendor lock clean

help:  ## Show this list
	@awk -F ':.*## ' '/^[a-z-]+:.*## / {printf "make %-11s %s\n", $$1, $$2}' $(MAKEFILE_LIST)

scan: .venv/.runtime  ## Scan a sample data set through the pipeline (or INPUT=folder)
	@$(BIN)/bqat scan $(if $(INPUT),"$(INPUT)",--sample)

up: .venv/.runtime  ## Serve Dagster UI and REST facade together
	@$(BIN)/bqat up

test: .venv/.dev  ## Run the test suite
	$(BIN)/python -m pytest -n 2 --dist loadfile --no-loadscope-reorder $(ARGS)

test-oldest: .venv-oldest/.done  ## Run the tests of the face engine with the oldest versions allowed
	.venv-oldest/bin/python -m pytest -n 2 -p no:cacheprovider tests/face

lint: .venv/.dev  ## Check style, types and layers
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .
	$(BIN)/mypy
	$(BIN)/lint-imports

format: .venv/.dev  ## Format the code
	$(BIN)/ruff check --fix .
	$(BIN)/ruff format .

bench: .venv/.dev  ## Measure speed, and compare with the figures stored for this kind of machine
	$(BIN)/python -m benchmarks $(ARGS)

nightly: .venv/.dev  ## Scan a fixed public set, and compare rows and figures with the stored ones
	$(BIN)/python -m benchmarks.nightly $(ARGS)

docs: .venv/.dev  ## Write the generated parts of docs/
	$(BIN)/python docs/generate.py

vendor: | .venv/bin/python  ## Fetch the browser modules again with npm, and compare their hashes
	$(BIN)/python .ci/vendor.py

RUNTIME_SIZE := about 1.2 GB on disk
DEV_SIZE := about 2.1 GB on disk

# --no-deps: the lock file is complete, and mediapipe names packages that nothing here imports (pyproject.toml).
# pip before 25 takes 20 s more of CPU to choose the same packages; where no newer one can be had, it does.
.venv/bin/python:
	@$(PYTHON) -m venv .venv
	@$(BIN)/python -m pip install --quiet --quiet --no-compile 'pip>=25' 2>/dev/null || true

.venv/.runtime: requirements.lock pyproject.toml | .venv/bin/python
	@test -e .venv/.dev || $(BIN)/python .ci/install.py requirements.lock "$(RUNTIME_SIZE)"
	@$(BIN)/python -m pip install --quiet --quiet --no-deps --no-build-isolation --editable .
	@touch $@

.venv/.dev: requirements-dev.lock pyproject.toml | .venv/bin/python
	@$(BIN)/python .ci/install.py requirements-dev.lock "$(DEV_SIZE)" compile
	@$(BIN)/python -m pip install --quiet --quiet --no-deps --no-build-isolation --editable .
	@touch $@ .venv/.runtime

# Used for one run of a few tests: what they import is compiled then.
.venv-oldest/.done: requirements-oldest.lock
	$(PYTHON) -m venv .venv-oldest
	.venv-oldest/bin/python -m pip install --quiet --no-deps --no-compile -r requirements-oldest.lock
	@touch $@

# Needs uv. uv.lock names index hosts and stays out of git; the exported files do not.
# ydata-profiling names numba and uses it where it is installed; tests need it for PyOD.
UNUSED := --no-emit-package numba --no-emit-package llvmlite
EXPORT := uv export --quiet --no-hashes --no-emit-project --no-header --no-annotate
lock:  ## Resolve the dependencies again
	uv lock --upgrade
	$(EXPORT) --extra dask --extra heic $(UNUSED) -o requirements.lock
	$(EXPORT) --all-extras --no-extra identity -o requirements-dev.lock
	uv pip compile --quiet --python-version 3.11 --resolution lowest-direct --only-binary :all: --no-header --no-annotate --group oldest -o requirements-oldest.lock
	sed -i "s/ ; (platform_machine == 'arm64' and sys_platform == 'darwin') or (platform_machine == 'x86_64' and sys_platform == 'linux')$$//" requirements.lock requirements-dev.lock

clean:  ## Remove the virtual environment and caches (never results)
	rm -rf .venv .venv-oldest .mypy_cache .ruff_cache .pytest_cache .hypothesis build *.egg-info
