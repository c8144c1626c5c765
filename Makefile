# The few commands everyone types. `make demo` and `make test` need only git, make and python3 with venv.
PYTHON ?= python3
VENV   ?= .venv
BIN     = $(VENV)/bin
# The tests of a file stay on one worker: they share a model, a trained network or a drawn slide.
PARALLEL = -n auto --dist loadfile
COVERAGE = --cov --cov-report=term:skip-covered
PIP     = $(BIN)/python -m pip install --disable-pip-version-check --quiet

.PHONY: help demo page debian screenshots test test-all test-page test-systemd test-aarch64 fuzz check docs reference release-check format clean
.DELETE_ON_ERROR:

help:            ## this list
	@grep -E '^[a-z0-9-]+: .*##' $(MAKEFILE_LIST) | sed -E 's/:.*##/\t/' | expand -t 14

$(VENV)/bin/python:
	$(PYTHON) -m venv $(VENV) || { echo "python3 has no venv: on Debian type  sudo apt install python3-venv" >&2; exit 1; }

# What the device needs, and nothing more.
$(VENV)/.device: pyproject.toml | $(VENV)/bin/python
	$(PIP) -e .
	@touch $@

# All that the tests need: the workstation's half and the tools.
$(VENV)/.all: pyproject.toml | $(VENV)/bin/python
	$(PIP) -e '.[train,dev]'
	@touch $@ $(VENV)/.device $(VENV)/.web

# What builds the documentation.
$(VENV)/.docs: pyproject.toml | $(VENV)/bin/python
	$(PIP) -e '.[docs]'
	@touch $@

demo: $(VENV)/.device ## install, then count until 100 white cells are classified on the drawn slide
	$(BIN)/hemato-edge run --camera demo --until 100

# The device's half with the page.
$(VENV)/.web: pyproject.toml | $(VENV)/bin/python
	$(PIP) -e '.[web]'
	@touch $@ $(VENV)/.device

page: $(VENV)/.web ## install, then serve the page with the drawn slide behind it, for this machine alone
	$(BIN)/hemato-edge web --demo

# A broker for the tests of MQTT, the checkers of systemd units, a browser for the tests of the page.
debian:          ## as root: Debian's packages that some tests use; without them those tests skip
	apt-get update -qq
	DEBIAN_FRONTEND=noninteractive apt-get install -qq -y --no-install-recommends mosquitto systemd chromium

test: $(VENV)/.all ## install all that is needed and run the quick tests on all cores, with coverage
	$(BIN)/python -m pytest $(PARALLEL) $(COVERAGE)

test-all: $(VENV)/.all ## also the tests that take minutes
	$(BIN)/python -m pytest $(PARALLEL) -m "not systemd"

test-page: $(VENV)/.all ## the page in a real Chromium (`make debian` installs one): some minutes
	$(BIN)/python -m pytest -m browser tests/edge/web

screenshots: $(VENV)/.all ## every screen of the page into build/screenshots: phone and desktop, light, dark and night
	$(BIN)/python tests/edge/web/screenshots.py build/screenshots

test-systemd: $(VENV)/.all ## the service under a booted systemd; root, systemd-container, mmdebstrap
	$(BIN)/python -m pytest -m systemd tests/systemd

test-aarch64: $(VENV)/.device ## on emulated 64-bit Arm: needs root, network, mmdebstrap and half an hour (docs/aarch64.md)
	tests/aarch64/test.sh $(BIN)/python bookworm trixie

fuzz: $(VENV)/.all ## damaged models, settings, pictures, videos and records, 20 000 of each: most of an hour
	$(BIN)/python -m pytest tests/edge/fuzz tests/edge/web/test_abuse.py --hypothesis-profile=long

check: $(VENV)/.all ## style and types
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .
	$(BIN)/mypy

docs: $(VENV)/.docs ## build the documentation into site/: links, anchors and included files are checked
	NO_MKDOCS_2_WARNING=1 $(BIN)/python -m mkdocs build --quiet --strict

reference: $(VENV)/.all ## write the generated pages of the documentation anew
	$(BIN)/python tests/layout.py > docs/develop/layout.md
	$(BIN)/python -m hemato_edge.cameras.registry > docs/reference/cameras.md
	$(BIN)/hemato-edge config example > systemd/config.example.toml
	$(BIN)/python tests/reference.py

release-check: $(VENV)/.all ## build sdist and wheel, check them, count from the wheel in a bare environment
	rm -rf dist build/bare
	$(BIN)/python -m build --outdir dist .
	$(BIN)/python -m twine check --strict dist/*
	$(PYTHON) -m venv build/bare
	build/bare/bin/python -m pip install --disable-pip-version-check --quiet dist/*.whl
	cd build/bare && HOME=$$PWD bin/hemato-edge --version && HOME=$$PWD bin/hemato-edge run --camera demo --until 20

format: $(VENV)/.all ## let the formatter do its work
	$(BIN)/ruff format .
	$(BIN)/ruff check --fix .

clean: ## remove the environment and what tools left behind
	rm -rf $(VENV) .pytest_cache .mypy_cache .ruff_cache .coverage build dist site
