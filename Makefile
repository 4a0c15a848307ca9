# Everything runs in .venv, installed anew only when setup.cfg has changed.

PORT ?= 8000
DEMO ?= 1
DATA ?= var
SECONDS ?= 600
# Of the tests; most of them wait, so that there are more than cores.
WORKERS ?= 4

# The first Python that is new enough.
PYTHON ?= $(shell for p in python3 python3.14 python3.13 python3.12 python3.11; do \
	$$p -c 'import sys; sys.exit(sys.version_info < (3, 11))' 2>/dev/null && echo $$p && break; done)
HASH := $(shell cat setup.cfg pyproject.toml | cksum | cut -d' ' -f1)
PRODUCT := .venv/.product-$(HASH)
TOOLS := .venv/.tools-$(HASH)
BIN := .venv/bin

# Many processes start here, each of which would compile everything anew.
unexport PYTHONDONTWRITEBYTECODE

.DEFAULT_GOAL := help
.PHONY: help run test check lint types layers unit bench chaos docs clean

help: ## Print this
	@awk -F ':.*## ' '/^[a-z]+:.*## / { printf "  make %-8s %s\n", $$1, $$2 }' $(MAKEFILE_LIST)

run: export PORT := $(PORT)
run: export DEMO := $(DEMO)
run: export DATA := $(DATA)
run: $(if $(wildcard $(TOOLS)),,$(PRODUCT)) ## Start everything; PORT=9000 DATA=dir DEMO=0 KAFKA=1
	@$(BIN)/gatehouse up

test: $(TOOLS) ## Everything that must be green: check, beside it all tests
	@$(MAKE) --no-print-directory -j2 unit check

check: lint types layers ## What needs no tests: lint, types, layers

lint: $(TOOLS) ## ruff: rules and format
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .

types: $(TOOLS) ## mypy --strict
	$(BIN)/mypy

layers: $(TOOLS) ## import-linter: who may import whom
	$(BIN)/lint-imports

unit: $(TOOLS)
	@# A timing that fails beside others must hold alone; a fault fails twice.
	env -u DATABASE_URL $(BIN)/pytest -n $(WORKERS) --dist loadfile --no-loadscope-reorder || \
	{ test $$? = 1 && echo "what failed, once more and alone:" && \
	  env -u DATABASE_URL $(BIN)/pytest -v --last-failed --last-failed-no-failures none; }

bench: $(TOOLS) ## Measure: see bench/
	$(BIN)/python -m bench

chaos: $(TOOLS) ## Hurt all of it and tell what was lost; SECONDS=600 SEED=7 TEST=K1
	$(BIN)/python -m tests.chaos --seconds $(SECONDS) $(if $(SEED),--seed $(SEED)) $(TEST)

docs: $(TOOLS) ## Write docs/events.md from the registry of events
	$(BIN)/python docs/events.py

clean: ## Remove the venv and every cache; the data in var stay
	rm -rf .venv build *.egg-info .mypy_cache .ruff_cache .pytest_cache .import_linter_cache .hypothesis .coverage
	find . -name __pycache__ -type d -prune -exec rm -rf {} +

$(PRODUCT): | .venv/bin/pip
	@echo "installing Gatehouse into .venv (once; a minute or so) …"
	@$(BIN)/pip install --quiet --disable-pip-version-check -e .
	@rm -f .venv/.product-* && touch $@

$(TOOLS): | .venv/bin/pip
	@echo "installing Gatehouse and the tools for its tests into .venv (once; a minute or so) …"
	@$(BIN)/pip install --quiet --disable-pip-version-check -e '.[dev]'
	@# Ours read it on an older Python, too: tests/device_adapters/simulator/public_client.py.
	@$(BIN)/pip install --quiet --disable-pip-version-check --no-deps --no-compile --ignore-requires-python 'pylocal-akuvox>=1.7,<2'
	@rm -f .venv/.tools-* && touch $@

.venv/bin/pip:
	@test -n "$(PYTHON)" || { echo "Gatehouse needs Python 3.11 or newer; found: $$(python3 --version 2>&1)"; exit 1; }
	@$(PYTHON) -c 'import ensurepip, venv' 2>/dev/null || { echo "python3-venv is missing: apt-get install python3-venv"; exit 1; }
	@$(PYTHON) -m venv --clear .venv
