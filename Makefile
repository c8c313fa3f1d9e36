# Effectmonitor. `make help` lists what there is.
PYTHON ?= python3
PORT ?= 3000
VENV := .venv
BIN := $(VENV)/bin
READY := $(VENV)/.ready
# written once at installation: Python starts faster from compiled files
export PYTHONDONTWRITEBYTECODE :=
export DBT_SEND_ANONYMOUS_USAGE_STATS := false
export GX_ANALYTICS_ENABLED := false

.DEFAULT_GOAL := help
.PHONY: help install demo dev test test-all lint format bench bench-statistics bench-disclosure docs lock clean

help: ## Show this list
	@awk 'BEGIN {FS = ":.*## "} /^[a-z-]+:.*## / {printf "  make %-10s %s\n", $$1, $$2}' $(MAKEFILE_LIST)

install: $(READY) ## Make the virtual environment from requirements.lock

$(READY): requirements.lock pyproject.toml
	@$(PYTHON) -c 'import sys; sys.exit(sys.version_info < (3, 11))' \
	  || { echo "Python 3.11 or newer is needed; set PYTHON=..., for example make demo PYTHON=python3.12"; exit 1; }
	@rm -rf $(VENV)
	@if command -v uv >/dev/null 2>&1; then \
	  echo "installing with uv"; \
	  uv venv --quiet --python "$$(command -v $(PYTHON))" $(VENV) && \
	  uv pip install --quiet --compile-bytecode --python $(BIN)/python --requirement requirements.lock && \
	  uv pip install --quiet --python $(BIN)/python --no-deps --no-build-isolation --editable . ; \
	else \
	  echo "installing with pip, this takes a few minutes"; \
	  $(PYTHON) -m venv $(VENV) && \
	  $(BIN)/python -m pip install --quiet --disable-pip-version-check --requirement requirements.lock && \
	  $(BIN)/python -m pip install --quiet --disable-pip-version-check --no-deps --no-build-isolation --editable . ; \
	fi
	@$(BIN)/python -c "from pipeline.warehouse.manifest import ensure_manifest; ensure_manifest()"
	@touch $(READY)

demo: $(READY) ## Simulate deliveries for the real districts, run everything, say what came out
	@$(BIN)/effectmonitor demo

dev: $(READY) ## Open the Dagster UI on http://localhost:3000
	@$(BIN)/effectmonitor dev --port $(PORT)

test: $(READY) lint ## Lint and run the tests (under ten minutes on two cores)
	@$(BIN)/python -m pytest -q -n 2 --dist loadfile --no-loadscope-reorder -m "not slow"

test-all: $(READY) lint ## Run every test, the slow ones too
	@$(BIN)/python -m pytest -q -n 2 --dist loadfile --no-loadscope-reorder

lint: $(READY) ## Check the style of Python and SQL
	@$(BIN)/ruff check --quiet . && $(BIN)/ruff format --quiet --check .
	@$(BIN)/sqlfluff lint --disable-progress-bar dbt_project

format: $(READY) ## Format Python
	@$(BIN)/ruff check --quiet --fix . ; $(BIN)/ruff format --quiet .

bench: $(READY) ## Measure speed and memory against a baseline of the same run
	@$(BIN)/python tests/benchmarks/run.py

bench-statistics: $(READY) ## Measure all statistics on ten million answers
	@$(BIN)/python tests/benchmarks/statistics.py

bench-disclosure: $(READY) ## Measure protection and audit on a history of twenty-four half-years
	@$(BIN)/python tests/benchmarks/history.py

docs: $(READY) ## Write the generated pages: the delivery contract
	@$(BIN)/effectmonitor docs

lock: $(READY) ## Renew requirements.lock (needs uv)
	@uv pip compile --quiet --universal --python-version 3.11 --no-header --no-annotate --no-emit-index-url \
	  --no-emit-find-links --extra dev --upgrade pyproject.toml --output-file requirements.lock

clean: ## Remove the virtual environment and everything that was produced in data/
	@rm -rf $(VENV) data dbt_project/target
