# `make run` is all that a newcomer needs. PYTHON chooses the interpreter that makes .venv (3.11 or newer).
PYTHON ?= python3
BIN := .venv/bin
# Node and npm: those of the machine, else those that were installed into .venv.
WITH_NODE := PATH="$$PATH:$(CURDIR)/$(BIN)"

.PHONY: run test durations soak system lint format pictures bench requirements clean

run: .venv/.installed node_modules/.installed
	@# exec: a SIGTERM that make passes on must reach the hub, not a shell in between.
	@exec $(BIN)/python manage.py runhub

test: system .venv/.installed-dev node_modules/.installed-dev
	$(BIN)/python -m tests.support.sessions $(ARGS)
	$(WITH_NODE) npm test --silent

# How long each file takes, by which the tests are ordered.
durations: system .venv/.installed-dev node_modules/.installed-dev
	$(BIN)/python -m tests.support.sessions --record

# Outages as long as docs/faults.md says, and larger volumes.
soak: export LONG_FAULTS = 1
soak: ARGS = tests/faults tests/paths tests/hub tests/bridges/rest tests/dashboards/live
soak: test

system:
	@.ci/prepare

lint: .venv/.installed-dev node_modules/.installed-dev
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .
	$(BIN)/mypy
	$(BIN)/lint-imports --no-logo
	$(BIN)/djlint --quiet --lint --check dashboards/templates
	$(WITH_NODE) npm run --silent lint

pictures: system .venv/.installed-dev node_modules/.installed
	PICTURES=1 $(BIN)/python -m pytest tests/paths/test_pictures.py

format: .venv/.installed-dev node_modules/.installed-dev
	$(BIN)/ruff check --fix .
	$(BIN)/ruff format .
	$(BIN)/djlint --quiet --reformat dashboards/templates
	$(WITH_NODE) npm run --silent format

bench: system .venv/.installed-dev node_modules/.installed
	$(BIN)/python -m benchmarks.ingest
	$(BIN)/python -m benchmarks.fairness
	$(BIN)/python -m benchmarks.history
	$(BIN)/python -m benchmarks.fanout
	$(BIN)/python -m benchmarks.connections
	$(BIN)/python -m benchmarks.chat

COMPILE = $(BIN)/pip-compile -q --strip-extras --allow-unsafe --generate-hashes --no-emit-index-url --no-emit-trusted-host \
	--no-emit-find-links --no-header --annotation-style line --upgrade

requirements: .venv/.installed-dev
	$(COMPILE) -o requirements.txt requirements.in
	$(COMPILE) -o requirements-dev.txt requirements-dev.in
	$(COMPILE) -o requirements-node.txt requirements-node.in

clean:
	rm -rf .venv node_modules

.venv/bin/python:
	@$(PYTHON) -c 'import sys; sys.exit(sys.version_info < (3, 11) and "Hubbub needs Python 3.11 or newer; name one with PYTHON=…")'
	@$(PYTHON) -m venv .venv || { echo "The venv module is missing; on Debian: apt install python3-venv" >&2; rm -rf .venv; exit 1; }

.venv/.installed: requirements.txt | .venv/bin/python
	@echo "Installing Python packages into .venv (once)"
	@$(BIN)/python -m pip install --quiet --disable-pip-version-check -r requirements.txt
	@touch $@

.venv/.installed-dev: requirements-dev.txt .venv/.installed
	@echo "Installing what the tests need into .venv (once)"
	@$(BIN)/python -m pip install --quiet --disable-pip-version-check -r requirements-dev.txt
	@touch $@

# Without npm on the machine, one from PyPI goes into .venv.
define install_npm
command -v npm >/dev/null 2>&1 || $(BIN)/python -m pip install --quiet --disable-pip-version-check -r requirements-node.txt
endef

node_modules/.installed: package-lock.json | .venv/bin/python
	@$(install_npm)
	@echo "Installing browser code into node_modules (once)"
	@$(WITH_NODE) npm ci --omit=dev --silent --no-audit --no-fund
	@touch $@

# `npm ci` replaces the whole folder, so this one does the work of both.
node_modules/.installed-dev: package-lock.json | .venv/bin/python
	@$(install_npm)
	@echo "Installing browser code and its linters into node_modules (once)"
	@$(WITH_NODE) npm ci --silent --no-audit --no-fund
	@touch node_modules/.installed $@
