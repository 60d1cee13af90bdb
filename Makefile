PYTHON ?= python3
VENV := .venv
BIN := $(VENV)/bin
PIP := $(BIN)/python -m pip --quiet --disable-pip-version-check

.DEFAULT_GOAL := help
.PHONY: help run test check format benchmark clean

help:  ## list what can be made
	@grep -hE '^[a-z]+:.*##' $(MAKEFILE_LIST) | sed -E 's/:.*## /\t/' | expand -t 10

$(VENV)/.installed: pyproject.toml
	@$(PYTHON) -c 'import sys, venv, ensurepip; sys.exit(sys.version_info < (3, 11) or sys.maxsize < 2**32)' 2>/dev/null \
	  || { echo "sereno needs a 64-bit Python 3.11 or newer with venv (on Debian: apt install python3 python3-venv)." >&2; exit 1; }
	@echo "Installing into $(VENV), once; this takes a minute or two, on a Raspberry Pi several."
	@$(PYTHON) -m venv $(VENV)
	@$(PIP) install -e .
	@touch $@

$(VENV)/.ready: $(VENV)/.installed
	@echo "Installing what the tests and linters need, once."
	@$(PIP) install -e '.[dev]'
	@touch $@

run: $(VENV)/.installed  ## start the demo: emulated devices, real drivers, a dashboard
	$(BIN)/sereno run --demo

test: $(VENV)/.ready  ## everything that this machine can test
	$(BIN)/python -m pytest -n auto -ra

check: $(VENV)/.ready  ## linters, types, import rules
	$(BIN)/ruff format --check .
	$(BIN)/ruff check .
	$(BIN)/mypy
	$(BIN)/lint-imports

format: $(VENV)/.ready  ## rewrite the code the way check wants it
	$(BIN)/ruff check --fix .
	$(BIN)/ruff format .
	$(BIN)/python -m drivers.formats.catalogue < README.md > README.md.new && mv README.md.new README.md

benchmark: $(VENV)/.ready  ## print what is claimed about speed, memory and wear (15 minutes)
	$(BIN)/python benchmarks/all.py

clean:  ## remove what make made
	rm -rf $(VENV) build dist *.egg-info .pytest_cache .mypy_cache .ruff_cache .hypothesis
