# `make demo` and `make test` are all a new machine needs: each makes .venv first where it is missing.
# uv is used where it is installed, else pip. PYTHON chooses the interpreter (3.11 or newer).

PYTHON ?= python3
BIN := .venv/bin
LOCK := requirements-dev.lock

# The bench has its own environment (see bench/README.md) and its own settings.
BENCH_BIN := .venv-bench/bin
MINUTES ?= 10
THREADS ?= 2
DATA ?= ../shared/data

ifneq ($(shell command -v uv 2>/dev/null),)
INSTALL := uv pip install --quiet --python
else
INSTALL := ./.ci/pip-install
endif

.PHONY: help setup lint types test docs demo bench bench-setup format lock clean

help:
	@echo "make demo    the whole study on made-up scans, in minutes; prints the report's path"
	@echo "make test    the tests"
	@echo "make setup   the development environment (.venv)"
	@echo "make lint types docs    what else continuous integration checks"
	@echo "make bench   the comparisons in docs/benchmarks.md (hours)"
	@echo "make format lock clean"

$(BIN)/python:
	@$(PYTHON) -c 'import sys; sys.exit(sys.version_info < (3, 11))' \
		|| { echo "suffice needs Python 3.11 or newer; name one: make PYTHON=python3.12 ..." >&2; exit 1; }
	$(PYTHON) -m venv .venv

# What a user needs: the package and its dependencies, in the versions that were tested.
.venv/.installed: pyproject.toml $(LOCK) | $(BIN)/python
	$(INSTALL) $(BIN)/python --constraint $(LOCK) --editable .
	@touch $@

# What a developer needs on top: every tool, locked, the build backend too.
.venv/.installed-dev: pyproject.toml $(LOCK) | $(BIN)/python
	$(INSTALL) $(BIN)/python --requirement $(LOCK)
	$(INSTALL) $(BIN)/python --no-build-isolation --no-deps --editable .
	@touch .venv/.installed $@

setup: .venv/.installed-dev

lint: setup
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .
	$(BIN)/lint-imports
	$(BIN)/codespell

types: setup
	$(BIN)/mypy

test: setup
	$(BIN)/python -m pytest

docs: setup
	$(BIN)/mkdocs build --strict --quiet

demo: .venv/.installed
	$(BIN)/suffice demo --out demo-study

format: setup
	$(BIN)/ruff check --fix .
	$(BIN)/ruff format .

# Write the lock anew from what is installed in .venv (upgrade there first).
lock:
	$(BIN)/python .ci/lock.py > $(LOCK).new
	mv $(LOCK).new $(LOCK)

.venv-bench/.installed: pyproject.toml bench/requirements.txt $(LOCK)
	$(PYTHON) -m venv .venv-bench
	$(INSTALL) $(BENCH_BIN)/python --requirement bench/requirements.txt --editable .
	@touch $@

bench-setup: .venv-bench/.installed

bench: bench-setup
	for dataset in hippocampus chest nuclei; do \
		$(BENCH_BIN)/python bench/versus_nnunet.py $$dataset \
			--data $(DATA) --minutes $(MINUTES) --threads $(THREADS) || exit 1; \
	done
	$(BENCH_BIN)/python bench/inference.py --data $(DATA) --threads $(THREADS)
	$(BENCH_BIN)/python bench/surface_metrics.py --data $(DATA)
	$(BENCH_BIN)/python bench/staple.py
	$(BENCH_BIN)/python bench/augmentation.py
	$(BENCH_BIN)/python bench/write_page.py

clean:
	rm -rf .venv .venv-bench site dist build .mypy_cache .pytest_cache .ruff_cache .import_linter_cache
