# One entry point for users, developers and CI. The first target that needs it creates $(VENV) and
# installs the project from the exact pins in constraints/, one file per Python minor version.

VENV  ?= .venv
BIN   := $(VENV)/bin
STAMP := $(VENV)/.installed

# A usable interpreter has a supported version, can make environments and really runs (a version
# manager may leave launchers on the path for versions that are not active).
PROBE  := import sys, venv, ensurepip; sys.exit(not (3, 11) <= sys.version_info[:2] < (3, 14))
PYTHON ?= $(shell for p in python3.13 python3.12 python3.11 python3; do \
	$$p -c '$(PROBE)' >/dev/null 2>&1 && { echo $$p; break; }; done)

export TF_CPP_MIN_LOG_LEVEL ?= 2
export PIP_DISABLE_PIP_VERSION_CHECK := 1

.DEFAULT_GOAL := install
.PHONY: install demo test test-slow lint bench docs clean help

install: $(STAMP) ## create .venv and install the project (the default)

demo: $(STAMP) ## run the quick scenario and draw its figure into results/quick
	$(BIN)/sionna-isac run scenarios/quick.yaml --out results/quick

test: $(STAMP) ## lint, build the docs, run the tests
	@$(MAKE) --no-print-directory -j 2 lint docs
	$(BIN)/python -m pytest -q -n 2 --dist worksteal

test-slow: $(STAMP) ## run the longer studies
	XLA_FLAGS= $(BIN)/python -m pytest -q -m slow --timeout 7200

lint: $(STAMP) ## ruff (rules and format) and mypy
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .
	$(BIN)/mypy

bench: $(STAMP) ## run the timed comparisons (BENCH=--quick: small ones)
	$(BIN)/python -m benchmarks.run $(BENCH)
	OPENBLAS_NUM_THREADS=1 $(BIN)/python -m benchmarks.beamforming $(BENCH)
	$(BIN)/python -m benchmarks.scattering $(BENCH)
	$(BIN)/python -m benchmarks.cost $(BENCH)
	$(BIN)/python -m benchmarks.matched_filter $(BENCH)
	$(BIN)/python -m benchmarks.range_doppler $(BENCH)
	$(BIN)/python -m benchmarks.moving_pursuit $(BENCH)
	$(BIN)/python -m benchmarks.known_symbols $(BENCH)
	$(BIN)/python -m benchmarks.cross_task $(BENCH)
	$(BIN)/python -m benchmarks.born $(BENCH)
	OMP_NUM_THREADS=1 $(BIN)/python -m benchmarks.extended_target $(BENCH)

docs: $(STAMP) ## build the documentation and check its pages; warnings are errors
	$(BIN)/sphinx-build -W --keep-going -b html docs docs/_build/html

clean: ## remove caches, built docs and results (keeps .venv)
	rm -rf results docs/_build docs/_generated build dist .mypy_cache .pytest_cache .ruff_cache .hypothesis
	find . -path './.venv*' -prune -o -name __pycache__ -type d -exec rm -rf {} +

help: ## list the targets
	@sed -n 's/^\([a-z-]*\):[^#]*## \(.*\)/  make \1|\2/p' $(MAKEFILE_LIST) | \
		awk -F'|' '{ printf "%-18s%s\n", $$1, $$2 }'

$(STAMP): pyproject.toml $(wildcard constraints/py*.txt)
	@if ! $(BIN)/python -m pip --version >/dev/null 2>&1; then \
		$(or $(PYTHON),false) -c '$(PROBE)' >/dev/null 2>&1 || { \
			echo "error: no working Python >=3.11,<3.14 with venv found; name one: make PYTHON=/path/to/python3" >&2; \
			exit 1; }; \
		$(PYTHON) -m venv $(VENV); \
	fi
	@echo "installing into $(VENV) (about 90 s, 0.8 GB)…"
	@pins=constraints/$$($(BIN)/python -c 'import sys; print("py%d%d" % sys.version_info[:2])').txt; \
	test -f $$pins || { echo "error: $(VENV) has an unsupported Python: no $$pins" >&2; exit 1; }; \
	$(BIN)/python -m pip install --quiet --no-input -c $$pins -e ".[test,docs]"
	@touch $@
