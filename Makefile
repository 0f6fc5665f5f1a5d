# Everything a person or a machine does with this repository. `make` alone tells.

PYTHON ?= python3
VENV := .venv
BIN := $(VENV)/bin
PIP := $(BIN)/python -m pip --disable-pip-version-check --quiet
SOURCES := libs services tests benchmarks scripts

.DEFAULT_GOAL := help
.PHONY: help install run demo test faults lint format types imports bench lock clean

help: ## show this help
	@awk 'BEGIN {FS = ":.*## "} /^[a-z-]+:.*## / {printf "  make %-9s %s\n", $$1, $$2}' $(MAKEFILE_LIST)

install: $(VENV)/.installed ## build .venv with the command mpps in it

run: $(VENV)/.installed ## start the embedded manager on 127.0.0.1:8246, data in ./mpps-data
	@exec $(BIN)/mpps up

demo: $(VENV)/.installed ## a whole hospital in one terminal, in under 30 seconds
	@exec $(BIN)/mpps demo

test: $(VENV)/.developed lint types imports ## lint, types, import rules, and every test but the long ones
	$(BIN)/python -m pytest --durations=10

faults: $(VENV)/.developed ## the long fault suite: at least 200 times kill -9, figures printed
	MPPS_KILLS=200 MPPS_SIMULATED_DAYS=10000 $(BIN)/python -m pytest -s tests/faults tests/simulation

lint: $(VENV)/.developed ## ruff: rules and format
	@$(BIN)/ruff check $(SOURCES)
	@$(BIN)/ruff format --check --quiet $(SOURCES)

format: $(VENV)/.developed ## let ruff put things right
	@$(BIN)/ruff check --fix --quiet $(SOURCES); $(BIN)/ruff format $(SOURCES)

types: $(VENV)/.developed ## mypy, strict
	@$(BIN)/mypy libs services tests benchmarks scripts

imports: $(VENV)/.developed ## the layers: services, adapters, core, dicom
	@$(BIN)/lint-imports

bench: $(VENV)/.developed ## every benchmark beside its floor; ratios count, not rates
	$(BIN)/python -m benchmarks

lock: $(VENV)/.developed ## renew the hashed lock files from pyproject.toml
	@$(BIN)/uv pip compile --quiet --universal --python-version 3.11 --generate-hashes --no-emit-index-url --no-header \
		--upgrade --group build pyproject.toml --output-file requirements.lock
	@$(BIN)/uv pip compile --quiet --universal --python-version 3.11 --generate-hashes --no-emit-index-url --no-header \
		--upgrade --group build --group dev --constraint requirements.lock pyproject.toml --output-file requirements-dev.lock

clean: ## remove what was built; data directories stay
	rm -rf $(VENV) dist .mypy_cache .ruff_cache .pytest_cache .hypothesis .import_linter_cache
	find $(SOURCES) -name __pycache__ -type d -prune -exec rm -rf {} +

$(VENV)/bin/python:
	@$(PYTHON) -c 'import sys; sys.exit(sys.version_info < (3, 11))' || \
		{ echo "mpps-manager needs Python 3.11 or newer; name one with: make PYTHON=/path/to/python3" >&2; exit 1; }
	@$(PYTHON) -m venv $(VENV)

$(VENV)/.installed: requirements.lock pyproject.toml | $(VENV)/bin/python
	@echo "installing into $(VENV) from requirements.lock" >&2
	@$(PIP) install --require-hashes --requirement requirements.lock
	@$(PIP) install --no-deps --no-build-isolation --editable .
	@touch $@

$(VENV)/.developed: requirements-dev.lock $(VENV)/.installed
	@echo "installing what the tests need from requirements-dev.lock" >&2
	@$(PIP) install --require-hashes --requirement requirements-dev.lock
	@touch $@
