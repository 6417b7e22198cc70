# The targets of this project; bare `make` prints them.
.DEFAULT_GOAL := help
SHELL := /bin/bash

# On shared cores, threads that wait for one another are slower than none.
export OMP_NUM_THREADS ?= 1

PYTHON ?= $(shell for p in python3 python3.13 python3.12 python3.11; do \
  $$p -c 'import sys; sys.exit(sys.version_info < (3, 11))' 2>/dev/null && echo $$p && break; done)
VENV := .venv
BIN := $(VENV)/bin
PIP := $(BIN)/python -m pip --disable-pip-version-check
DEMO := out/demo

.PHONY: help demo test test-browser check format bench clean

help: ## Print the targets
	@grep -hE '^[a-z-]+:.*##' $(MAKEFILE_LIST) | sed -E 's/^([a-z-]+):.*## /  make \1|/' | column -t -s'|'

$(VENV)/.base: pyproject.toml
	@test -n "$(PYTHON)" || { echo "sightsound needs Python 3.11 or newer; set PYTHON=/path/to/python3"; exit 2; }
	test -x $(BIN)/python || $(PYTHON) -m venv $(VENV)
	$(PIP) install --quiet --constraint constraints.txt --editable .
	@touch $@

$(VENV)/.dev: $(VENV)/.base constraints.txt
	$(PIP) install --quiet --constraint constraints.txt --editable '.[dev]'
	@touch $@

demo: $(VENV)/.base ## Pictures from sounds and a sound from a picture, in out/demo
	$(BIN)/sightsound generate examples/sounds -o $(DEMO)
	$(BIN)/sightsound generate examples/picture.png -o $(DEMO)/picture.wav
	@echo "Look at $(DEMO): pictures that sounds made, and picture.wav, a sound that a picture made."

test: $(VENV)/.dev ## Set everything up and run the tests
	$(BIN)/python -m pytest -n 2

test-browser: $(VENV)/.dev ## The pages in a real browser (Debian: apt-get install chromium)
	$(BIN)/python -m pytest -m browser -rs tests

check: $(VENV)/.dev ## Format, lint, types, tests
	$(BIN)/ruff format --check .
	$(BIN)/ruff check .
	$(BIN)/mypy
	$(BIN)/python -m pytest -n 2

format: $(VENV)/.dev ## Format and mend what the linter can mend
	$(BIN)/ruff format .
	$(BIN)/ruff check --fix .

bench: $(VENV)/.dev ## Speeds and memory on this machine
	$(BIN)/python benchmarks/bench.py

clean: ## Remove the environment and what demo and tests left
	rm -rf $(VENV) out .pytest_cache .mypy_cache .ruff_cache .hypothesis
