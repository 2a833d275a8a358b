# Everything that a stranger needs, with nothing but Python 3.11, pip and make.
#
#   make audit    audit the sample bundle and write the report to build/
#   make test     lint, types, import contracts and all tests but those of the images
#   make help     the rest

PYTHON ?= $(shell command -v python3.11 || command -v python3)
# A plain `pip install torch` brings several gigabytes of CUDA on Linux. Set this to the address of
# PyTorch's CPU wheels (see the README) to leave them out.
TORCH_INDEX ?=
AUDIT ?= membership
PORT ?= 8080

VENV := .venv
RUN := $(VENV)/bin
PIP := $(RUN)/pip --disable-pip-version-check --quiet
TORCH := $(if $(TORCH_INDEX),--extra-index-url $(TORCH_INDEX))

.DEFAULT_GOAL := help
.PHONY: help audit test system lint serve samples docs clean

help:  ## this list
	@sed -nE 's/^([a-z-]+):[^#]*## (.*)/  make \1\t\2/p' $(MAKEFILE_LIST) | expand -t 22

$(VENV)/installed: container/requirements-membership.txt pyproject.toml
	$(PYTHON) -m venv $(VENV)
	@echo "installing into $(VENV) (once; a few minutes)"
	$(PIP) install $(TORCH) -r container/requirements-membership.txt
	$(PIP) install --no-deps --editable .
	@touch $@

$(VENV)/installed-dev: $(VENV)/installed container/requirements-dev.txt
	@echo "installing what the tests need"
	$(PIP) install -r container/requirements-dev.txt
	@touch $@

audit: $(VENV)/installed  ## audit sample-input/membership.zip
	@$(RUN)/leakgauge audit sample-input/membership.zip -o build/membership

# The report is tested in a real browser, the sandbox with the real filter; on Debian both can be had.
system:
	@command -v chromium >/dev/null && ldconfig -p | grep -q libseccomp.so.2 || { \
	  [ "$$(id -u)" = 0 ] && command -v apt-get >/dev/null && \
	  apt-get update -qq && apt-get install -y -qq chromium libseccomp2 >/dev/null; } || { \
	  echo "install chromium and libseccomp2 first, for example: sudo apt-get install chromium libseccomp2"; exit 1; }

test: lint system  ## lint, types, import contracts, all tests but the image tests
	$(RUN)/python -m pytest -n 2 --dist worksteal -m "not images"

lint: $(VENV)/installed-dev  ## style, types, walls between the rooms
	$(RUN)/ruff check .
	$(RUN)/ruff format --check .
	$(RUN)/mypy
	$(RUN)/lint-imports

serve: $(VENV)/installed  ## the HTTP service on PORT (8080) for AUDIT (membership)
	@PATH="$(CURDIR)/$(RUN):$$PATH" LEAKGAUGE_AUDIT=$(AUDIT) SAGEMAKER_BIND_TO_PORT=$(PORT) ./serve

samples: $(VENV)/installed  ## rebuild the sample bundles and their expected output
	$(RUN)/python sample-input/build.py

docs: $(VENV)/installed  ## regenerate docs/report.schema.json and docs/parameters.md
	$(RUN)/python -m leakgauge.report.schema > docs/report.schema.json
	$(RUN)/python docs/make_parameters.py > docs/parameters.md

clean:  ## remove what was built, and the virtual environment
	rm -rf build $(VENV)
