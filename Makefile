# Everything a machine with Python >= 3.11, make and git needs: `make book`, `make test`; a browser as well for
# `make pdf` and `make test-site`.
# Extra arguments for pip, such as another index for torch: make env PIP_ARGS="..."

PYTHON ?= python3
PROFILE ?= digits
PIP_ARGS ?=

BIN := .venv/bin
INSTALLED := .venv/.installed
# What reads and shows measurements, without torch: enough for PROFILE=published.
READING := .venv/.reading

.PHONY: env book pdf browser test test-slow test-ray test-site lint bench clean

PIP_INSTALL := $(BIN)/python -m pip install --quiet --disable-pip-version-check

env: $(INSTALLED)

.venv/pyvenv.cfg:
	@$(PYTHON) -c 'import sys; sys.exit(sys.version_info < (3, 11) and "Python 3.11 or newer is needed, found " + sys.version.split()[0] + ": call make with PYTHON=python3.11")'
	$(PYTHON) -m venv .venv

$(INSTALLED): requirements.lock pyproject.toml | .venv/pyvenv.cfg
	$(PIP_INSTALL) $(PIP_ARGS) --requirement requirements.lock
	$(PIP_INSTALL) --no-deps --editable .
	@touch $(INSTALLED) $(READING)

$(READING): requirements.lock pyproject.toml | .venv/pyvenv.cfg
	$(PIP_INSTALL) $(PIP_ARGS) --constraint requirements.lock --editable '.[book]'
	@touch $(READING)

book: $(if $(filter published,$(PROFILE)),$(READING),$(INSTALLED))
	$(BIN)/rflib book --profile $(PROFILE)

# The whole book on paper: _build/book.pdf.
pdf: book browser
	$(BIN)/rflib pdf

# Chromium, which is installed where that can be done.
browser:
	@.ci/browser > /dev/null

test: env
	$(BIN)/pytest

test-slow: env
	$(BIN)/pytest -m slow

# Ray on this machine: a minute or two, and slower than that where the cores are busy.
test-ray: env
	$(BIN)/pytest -m slow tests/study/executors tests/command/test_executors.py

# The site as `make book` last built it, in a real browser.
test-site: env browser
	$(BIN)/pytest tests/site -m "site and not slow"

lint: env
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .
	$(BIN)/mypy

# The tools measured against lie apart from the environment: neither their pins nor their needs concern it.
PEERS := .venv/.peers

$(PEERS)/.installed: benchmarks/requirements.txt | $(INSTALLED)
	rm -rf $(PEERS)
	$(PIP_INSTALL) --no-deps --only-binary :all: --target $(PEERS) --requirement benchmarks/requirements.txt
	@touch $@

# Some of them: make bench BENCHMARKS="cka gpu".
bench: $(INSTALLED) $(PEERS)/.installed
	$(BIN)/python -m benchmarks.run $(BENCHMARKS)

clean:
	rm -rf _build .pytest_cache .mypy_cache .ruff_cache .hypothesis
