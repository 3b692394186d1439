# Everything runs inside .venv, which each target makes when it is missing or setup.cfg has changed.
.PHONY: help demo test check format clean

BIN := .venv/bin
STAMP := .venv/.installed
# The first of these that is 3.11 or newer; `make PYTHON=/path/to/python3.12 demo` chooses another.
PYTHON ?= $(shell for python in python3.11 python3.12 python3.13 python3; do \
	$$python -c 'import sys; sys.exit(sys.version_info < (3, 11))' 2>/dev/null && echo $$python && break; done)

JOBS ?= $(shell $(PYTHON) -c 'import os; print(min(8, os.cpu_count() or 1))' 2>/dev/null)

help:
	@echo "make demo     run configs/quickstart.yaml: train, adapt, evaluate, report (minutes on a laptop CPU)"
	@echo "make test     run the tests"
	@echo "make check    format, lint, layers, types, docstrings, configurations"
	@echo "make format   rewrite the code in the project's format, and configs/schema.json"
	@echo "make clean    remove .venv and caches; runs and data stay"

$(STAMP): setup.cfg pyproject.toml
	@test -n "$(strip $(PYTHON))" || { echo "error: no Python 3.11 or newer was found; install one, or name it: make PYTHON=/path/to/python3 ..." >&2; exit 1; }
	@$(BIN)/python -c 'import pip' 2>/dev/null || { echo "making .venv with $(PYTHON)"; $(PYTHON) -m venv --clear .venv; }
	@echo "installing the packages that setup.cfg names into .venv"
	@$(BIN)/python -m pip install --quiet --disable-pip-version-check --editable '.[dev]'
	@touch $@

demo: $(STAMP)
	@$(BIN)/python tools/run.py configs/quickstart.yaml
	@echo
	@echo "Open runs/quickstart/report.html in a browser."
	@echo "State of the run:      $(BIN)/python tools/status.py runs/quickstart"
	@echo "Your own folders:      see 'Adapt to your own cameras' in README.md"

# One process a core; each counts with one thread. Files stay whole, because their tests share what was trained for them, and
# in their order, because long ones come first.
test: $(STAMP)
	@OMP_NUM_THREADS=1 $(BIN)/python -m pytest --numprocesses $(JOBS) --dist loadfile --no-loadscope-reorder

check: $(STAMP)
	@$(BIN)/ruff format --check .
	@$(BIN)/ruff check .
	@$(BIN)/lint-imports --no-cache --no-logo
	@$(BIN)/mypy
	@$(BIN)/python tools/check_docstrings.py
	@$(BIN)/python tools/check_configs.py

format: $(STAMP)
	@$(BIN)/ruff check --fix .
	@$(BIN)/ruff format .
	@$(BIN)/python tools/config_schema.py > configs/.schema.json && mv configs/.schema.json configs/schema.json

clean:
	rm -rf .venv .mypy_cache .ruff_cache .pytest_cache .import_linter_cache .hypothesis
