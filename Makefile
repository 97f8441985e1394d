# Two commands: `make run` starts the product with demo data, `make test` runs every test.
# Both set everything up first; a second run starts in seconds.

PYTHON ?= python3
VENV   := .venv
BIN    := $(VENV)/bin
ENV_OK := $(VENV)/.ready
WEB_OK := src/dangol/web/static/built/.ready
WEB_SOURCES := $(shell find frontend -type f -not -path '*/node_modules/*' 2>/dev/null)

.PHONY: run test setup bench soak lint browser clean

run: setup
	$(BIN)/dangol up --demo

# What stands alone runs on all cores; whole installations one after the other. Both run to the end.
test: setup browser
	@$(BIN)/pytest -m "not soak" -n auto --maxprocesses 4 --dist worksteal --ignore tests/acceptance; \
	alone=$$?; $(BIN)/pytest -m "not soak" tests/acceptance && exit $$alone

soak: setup browser
	$(BIN)/pytest -m soak -s

bench: setup
	$(BIN)/python -m bench --write docs/benchmarks.md

lint: setup
	$(BIN)/ruff check .
	$(BIN)/lint-imports

setup: $(ENV_OK) $(WEB_OK)

$(ENV_OK): requirements.lock pyproject.toml
	@$(PYTHON) -c 'import sys; sys.exit(sys.version_info < (3, 11))' || \
	  { echo "Dangol needs Python 3.11 or later; this is $$($(PYTHON) --version)."; exit 1; }
	@$(PYTHON) -c 'import venv, ensurepip' 2>/dev/null || \
	  { echo "Python's venv module is missing. Install it with:"; \
	    echo "  apt-get install -y python3-venv"; exit 1; }
	@echo "Setting up $(VENV) …"
	@$(PYTHON) -m venv $(VENV)
	@$(BIN)/pip install --quiet --disable-pip-version-check --require-hashes -r requirements.lock
	@$(BIN)/pip install --quiet --disable-pip-version-check --no-deps --no-build-isolation -e .
	@touch $@

$(WEB_OK): $(ENV_OK) $(WEB_SOURCES)
	$(BIN)/python frontend/make.py
	@touch $@

browser: setup
	@$(BIN)/python tests/install_browser.py

clean:
	rm -rf $(VENV) frontend/node_modules src/dangol/web/static/built
