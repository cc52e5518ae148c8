# The two commands most people need: `make run` and `make test`. See README.md.

SHELL := /bin/sh
PYTHON ?= python3
VENV := .venv
BIN := $(VENV)/bin
RUN_STAMP := $(VENV)/.runtime-installed
DEV_STAMP := $(VENV)/.development-installed

.DEFAULT_GOAL := help
.PHONY: help run test check bench install install-dev browser clean

help:
	@echo "make run    start everything on this machine, with demo tenants and live events"
	@echo "make test   run the whole test suite"
	@echo "make check  format, lint, types, import contracts, then the tests"
	@echo "make bench  the benchmarks: each prints a ratio"

run: $(RUN_STAMP)
	@CIP_DEMO=$${CIP_DEMO:-1} $(BIN)/cip up

test: $(DEV_STAMP) browser
	@$(BIN)/python -m pytest

check: $(DEV_STAMP) browser
	$(BIN)/ruff format --check .
	$(BIN)/ruff check .
	$(BIN)/mypy
	$(BIN)/lint-imports
	@$(BIN)/python -m pytest

bench: $(DEV_STAMP)
	@for file in benchmarks/*.py; do \
		case "$$file" in benchmarks/_*) continue;; esac; \
		if [ ! -e "$$file" ]; then echo "There is no benchmark yet."; exit 0; fi; \
		echo "== $$file"; $(BIN)/python "$$file" || exit 1; \
	done

install: $(RUN_STAMP)

install-dev: $(DEV_STAMP)

$(BIN)/python:
	@command -v $(PYTHON) >/dev/null 2>&1 || { \
		echo "Python is missing: install Python 3.11 or newer, or name one: make PYTHON=python3.12 …"; \
		exit 1; }
	@$(PYTHON) -c 'import sys; sys.exit(sys.version_info < (3, 11))' || { \
		echo "$$($(PYTHON) --version) is too old: Python 3.11 or newer is needed (make PYTHON=…)."; \
		exit 1; }
	@$(PYTHON) -c 'import ensurepip, venv' 2>/dev/null || { \
		echo "Python's venv module is missing: on Debian and Ubuntu, apt-get install python3-venv."; \
		exit 1; }
	@echo "Making $(VENV) …"
	@$(PYTHON) -m venv $(VENV) || { rm -rf $(VENV); exit 1; }

# Installed again only when the pins or the project's own description change.
$(RUN_STAMP): requirements.txt requirements/runtime.in pyproject.toml | $(BIN)/python
	@echo "Installing the pinned packages (the first time takes a minute or two) …"
	@$(BIN)/python -m pip install --quiet --disable-pip-version-check -r requirements.txt
	@$(BIN)/python -m pip install --quiet --disable-pip-version-check \
		--no-deps --no-build-isolation --editable .
	@touch $@

$(DEV_STAMP): requirements-dev.txt $(RUN_STAMP)
	@echo "Installing what the tests need …"
	@$(BIN)/python -m pip install --quiet --disable-pip-version-check -r requirements-dev.txt
	@touch $@

# The browser tests drive a headless Chromium.
browser:
	@if command -v chromium >/dev/null 2>&1 && command -v chromedriver >/dev/null 2>&1; then \
		exit 0; \
	elif [ "$$(id -u)" = 0 ] && command -v apt-get >/dev/null 2>&1; then \
		echo "Installing chromium and chromium-driver for the browser tests …"; \
		apt-get update -qq && \
		DEBIAN_FRONTEND=noninteractive apt-get install -y -qq chromium chromium-driver >/dev/null; \
	else \
		echo "The browser tests need chromium and chromedriver. Install them, for example:"; \
		echo "  sudo apt-get install chromium chromium-driver"; \
		exit 1; \
	fi

clean:
	rm -rf $(VENV) build dist *.egg-info .mypy_cache .ruff_cache .pytest_cache .import_linter_cache
