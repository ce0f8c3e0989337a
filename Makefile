# `make demo` and `make test` set up everything they need in .venv.
PYTHON ?= python3
VENV := .venv
BIN := $(VENV)/bin
STAMP := $(VENV)/.installed
export OMP_NUM_THREADS ?= 1
export TF_CPP_MIN_LOG_LEVEL ?= 3
export NO_MKDOCS_2_WARNING := 1

.PHONY: help setup demo test test-t0 check format generate lint types rule-lines ledger mutants reports packages docs \
	docs-serve clean

help:  ## Show the targets.
	@grep -hE '^[a-z0-9-]+:.*##' $(MAKEFILE_LIST) | sed -E 's/:.*## /\t/' | expand -t 12

setup: $(STAMP)  ## Create .venv with the pinned versions of constraints.txt.

$(STAMP): pyproject.toml constraints.txt
	$(PYTHON) -m venv $(VENV)
	$(BIN)/python -m pip install --quiet --constraint constraints.txt --editable ".[dev]"
	touch $@

demo: $(STAMP)  ## Train the same network in every backend and compare the trajectories.
	$(BIN)/momo train --out momo-run

test: $(STAMP)  ## Run the tests.
	$(BIN)/python -m pytest -n 2 --dist loadgroup

# Three workers on two cores: that of Keras waits for processes of its own.
test-t0: $(STAMP)  ## Run the first tier, the exact vectors in every cell, which takes a minute.
	$(BIN)/python -m pytest -n 3 --dist loadgroup -m t0 conformance_tests/test_exact_vectors.py

check: lint types docs test  ## Format, lint, types, generated files, documentation, tests.

lint: $(STAMP)
	$(BIN)/ruff format --check .
	$(BIN)/ruff check .
	$(BIN)/momo generate --check
	$(BIN)/momo spec check
	$(BIN)/python tools/reliability_page.py --check
	$(BIN)/python -m tools.ledger --check

types: $(STAMP)
	$(BIN)/mypy

format: $(STAMP)  ## Format the code.
	$(BIN)/ruff format .
	$(BIN)/ruff check --fix .

rule-lines: $(STAMP)  ## Count the hand-written lines of each rule.
	$(BIN)/python tools/rule_lines.py

generate: $(STAMP)  ## Write the files that follow from the specification, and the page of reliability cases.
	$(BIN)/momo generate
	$(BIN)/python tools/reliability_page.py

ledger: $(STAMP)  ## Run all vectors in every cell, which takes hours, and write docs/cells.md.
	$(BIN)/python -m tools.ledger

mutants: $(STAMP)  ## Put generated mutants of the core to the golden vectors; needs the extra "mutation".
	$(BIN)/python -m tools.generated_mutants

packages: $(STAMP)  ## Install every extra in a fresh environment and use it there, which takes minutes.
	$(BIN)/python -m tools.packages

reports: $(STAMP)  ## Write docs/reports: other implementations on the golden vectors.
	$(BIN)/python tools/third_party_reports.py

# Not with --quiet: MkDocs counts the warnings that it shows.
docs: $(STAMP)  ## Build the documentation into build/site; a warning is an error.
	$(BIN)/mkdocs build --strict

docs-serve: $(STAMP)  ## Show the documentation at http://127.0.0.1:8000, and follow changes.
	$(BIN)/mkdocs serve

clean:  ## Remove .venv and everything built.
	rm -rf $(VENV) build dist momo-run .mypy_cache .pytest_cache .ruff_cache .hypothesis
