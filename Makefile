# Every target does its own set-up; `make help` says what there is.
SHELL := bash
.SHELLFLAGS := -eu -o pipefail -c
.DEFAULT_GOAL := help
MAKEFLAGS += --no-print-directory

PYTHON ?= python3
VENV := .venv
BIN := $(VENV)/bin
OUT ?= build/render
CONFIG ?=
PYTEST ?=
# Cases of each property test in make soak, as a multiple of make test's.
FUZZ_FACTOR ?= 40

.PHONY: help setup tools packages demo test soak check render chart bench golden docs clean

help: ## Say what there is
	@awk -F ':.*## ' '/^[a-z]+:.*## / { printf "  make %-8s %s\n", $$1, $$2 }' $(MAKEFILE_LIST)

setup: $(VENV)/.ready packages tools ## Make the virtual environment and the real servers that demo and tests stand on

$(VENV)/.ready: requirements/dev.txt pyproject.toml
	@$(PYTHON) -c 'import sys; sys.exit(sys.version_info < (3, 11))' \
	  || { echo "setup: $(PYTHON) is missing, or older than 3.11: name another with make PYTHON=…" >&2; exit 1; }
	@command -v gcc >/dev/null && command -v git >/dev/null \
	  || { echo "setup: gcc and git are needed: apt-get install gcc libc6-dev git" >&2; exit 1; }
	@echo "setup: Python packages into $(VENV)"
	@$(PYTHON) -m venv $(VENV) \
	  || { echo "setup: no venv module: apt-get install python3-venv" >&2; exit 1; }
	@$(BIN)/pip install --quiet --disable-pip-version-check --require-hashes -r requirements/dev.txt
	@$(BIN)/pip install --quiet --disable-pip-version-check --no-deps --no-build-isolation -e .
	@touch $@

tools: $(VENV)/.ready
	@$(BIN)/python -m testbed.tools

packages: $(VENV)/.ready
	@$(BIN)/python -m testbed.packages

demo: $(VENV)/.ready ## Show a fault's whole way on real servers, hop by hop (KEEP=1 leaves it running)
	@KEEP=$(KEEP) $(BIN)/python -m testbed.demo

test: check packages tools ## Check, then run every test: make test [PYTEST=tests/…]
	$(BIN)/python -m pytest --benchmark-skip -m "not slow" $(PYTEST)

soak: setup ## Run the long tests: soaks and full fuzz budgets
	FUZZ_FACTOR=$(FUZZ_FACTOR) $(BIN)/python -m pytest --benchmark-skip -m "slow or fuzz" \
	  -o timeout=3600 $(PYTEST)

check: $(VENV)/.ready ## Format, lint, types, import contracts, generated documents
	$(BIN)/ruff format --check .
	$(BIN)/ruff check .
	$(BIN)/mypy
	$(BIN)/lint-imports
	$(BIN)/python -m render.docs --check
	$(BIN)/python -m testbed.reference --check
	$(BIN)/python -m render.stable --check

render: $(VENV)/.ready ## Render rules, routes, dashboards and manifests: make render OUT=dir [CONFIG=render.toml]
	@$(BIN)/railwatch-render $(if $(CONFIG),--config $(CONFIG)) $(OUT)

chart: $(VENV)/.ready ## Make the Helm chart in build/chart/railwatch: make chart [CONFIG=render.toml]
	@PATH="$(CURDIR)/$(BIN):$$PATH" deploy/chart/build build/chart $(CONFIG)

bench: setup ## Measure, as ratios to a peer in the same run: make bench [PYTEST=tests/benchmarks/…]
	$(BIN)/python -m pytest --benchmark-only $(if $(findstring tests/,$(PYTEST)),,tests/benchmarks) $(PYTEST)

golden: $(VENV)/.ready docs ## Write again what the tests compare with
	$(BIN)/python -m tests.render.golden
	$(BIN)/python -m render.stable
	$(BIN)/ruff format .

docs: $(VENV)/.ready ## Generate what docs/ has of metrics, alerts and flags
	$(BIN)/python -m render.docs
	$(BIN)/python -m testbed.reference

clean: ## Remove what was built; .venv and .tools stay
	rm -rf build dist .mypy_cache .ruff_cache .hypothesis .benchmarks .import_linter_cache
	find . -name __pycache__ -type d -not -path './$(VENV)/*' -not -path './.tools/*' -prune -exec rm -rf {} +
