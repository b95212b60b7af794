# `make help` lists the commands. Needed: Python 3.10 to 3.13, make and bash.

SHELL := bash
.DEFAULT_GOAL := help

VENV := .venv
STAMP := $(VENV)/.installed
RUN := $(VENV)/bin/python

# Leave empty to have a fitting interpreter searched for: make venv PYTHON=python3.12
PYTHON ?=
# More options for pytest: make test PYTEST_ARGS="-x tests/video"
PYTEST_ARGS ?=
# Test processes at a time; each needs about 3 GB.
WORKERS ?= 2
# More options for the demo: make demo DEMO_ARGS="--compare"
DEMO_ARGS ?=

# More options for the benchmark: make bench BENCH_ARGS="--rounds 3", or
# BENCH_ARGS="--report docs/performance.md" to put its tables into that page
BENCH_ARGS ?=

export KERAS_BACKEND := tensorflow
export TF_CPP_MIN_LOG_LEVEL ?= 2
export PIP_DISABLE_PIP_VERSION_CHECK ?= 1

.PHONY: help venv demo test lint bench docs clean

help:
	@echo "make demo   train a small video predictor, write runs/demo/ and its GIFs"
	@echo "make test   lint and run all tests"
	@echo "make lint   check style only (ruff)"
	@echo "make bench  measure the speed on this machine, some minutes"
	@echo "make docs   build the site of docs/ into site/, warnings are errors"
	@echo "make venv   make the Python environment $(VENV) that the others use"
	@echo "make clean  remove $(VENV), caches and builds; keeps data/ and runs/"

demo: $(STAMP)
	@$(VENV)/bin/tfsigmavae demo $(DEMO_ARGS)

test: lint
	@$(RUN) -m pytest -n $(WORKERS) --dist worksteal $(PYTEST_ARGS)

lint: $(STAMP)
	@$(RUN) -m ruff check .
	@$(RUN) -m ruff format --check .

bench: $(STAMP)
	@$(RUN) scripts/benchmark.py --short $(BENCH_ARGS)

docs: $(STAMP)
	@$(RUN) -c "import mkdocs, material, mkdocstrings" 2>/dev/null \
		|| $(RUN) -m pip install -q -e '.[docs]'
	@NO_MKDOCS_2_WARNING=1 $(RUN) -m mkdocs build --strict
	@echo "Built site/index.html; with search: $(RUN) -m http.server -d site"

venv: $(STAMP)

# The stamp holds the checkout's path: an editable install does not survive a move.
ifneq ($(shell cat $(STAMP) 2>/dev/null),$(CURDIR))
.PHONY: $(STAMP)
endif

$(STAMP): setup.py pyproject.toml
	@if ! $(RUN) -m pip --version >/dev/null 2>&1; then \
		$(find_python); \
		echo "Making $(VENV) with $$($$python --version) ..."; \
		$$python -m venv --clear $(VENV) || exit 1; \
	fi
	@echo "Installing into $(VENV): TensorFlow and more, at first some minutes ..."
	@set -o pipefail; $(RUN) -m pip install -e '.[test,docs]' | sed -n \
		-e 's/^ *\(Downloading [^ ]* ([^)]* MB)\).*/  \1/p' \
		-e 's/^Installing collected packages.*/  Unpacking .../p'
	@echo "$(CURDIR)" > $@
	@echo "Installed."

clean:
	@rm -rf $(VENV) build dist site *.egg-info .pytest_cache .ruff_cache
	@find tfsigmavae video scripts tests -name __pycache__ -prune -exec rm -rf {} +

# Sets the shell variable `python` to an interpreter that fits, or stops.
define find_python
fits='import sys; sys.exit(not (3, 10) <= sys.version_info[:2] <= (3, 13))'; \
python=; no_venv=; \
for name in $(or $(PYTHON),python3 python3.13 python3.12 python3.11 python3.10 python); do \
	$$name -c "$$fits" >/dev/null 2>&1 || continue; \
	if $$name -c 'import ensurepip, venv' >/dev/null 2>&1; \
	then python=$$name; break; else no_venv=$${no_venv:-$$name}; fi; \
done; \
if [ -z "$$python" ] && [ -n "$$no_venv" ]; then \
	echo "$$no_venv cannot make a virtual environment: its modules venv and" \
		"ensurepip are missing. On Debian or Ubuntu: apt install python3-venv" >&2; \
	exit 1; \
elif [ -z "$$python" ]; then \
	echo "No Python 3.10 to 3.13 found as: $(or $(PYTHON),python3 python3.10 ... python3.13)." \
		"Install one, or name it: make venv PYTHON=/path/to/python3.12" >&2; \
	exit 1; \
fi
endef
