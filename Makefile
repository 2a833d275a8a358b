# Everything that a stranger needs, with nothing but Python 3.11, pip and make.
#
#   make audit    audit the sample bundles and write the reports to build/
#   make demo     open a page on which anyone can see training data drawn from a model
#   make check    lint, types, import contracts and the fast tests, in less than a minute
#   make test     lint, types, import contracts and all tests but the slow ones and those of the images
#   make help     the rest

PYTHON ?= $(shell command -v python3.11 || command -v python3)
# A plain `pip install torch` brings several gigabytes of CUDA on Linux. Set this to the address of
# PyTorch's CPU wheels (see the README) to leave them out.
TORCH_INDEX ?=
AUDIT ?= membership
PORT ?= 8080
DEMO_PORT ?= 8000

VENV := .venv
RUN := $(VENV)/bin
PIP := $(RUN)/pip --disable-pip-version-check --quiet
# Every package is installed by its hash; `make lock` writes the lists.
LOCKED := $(PIP) install --require-hashes

.DEFAULT_GOAL := help
.PHONY: help audit check test test-slow test-endpoints coverage system lint serve demo samples docs clean

help:  ## this list
	@sed -nE 's/^([a-z-]+):[^#]*## (.*)/  make \1\t\2/p' $(MAKEFILE_LIST) | expand -t 22

$(VENV)/installed: $(addprefix container/requirements-, membership.txt inversion.txt torch.txt torch-cpu.txt) pyproject.toml
	"$(PYTHON)" -m venv $(VENV)
	@echo "installing into $(VENV) (once; a few minutes)"
	$(LOCKED) -r container/requirements-membership.txt -r container/requirements-inversion.txt
	container/install-torch $(RUN)/pip "$(TORCH_INDEX)"
	$(PIP) install --no-build-isolation --no-deps --editable .
	@touch $@

# The demo needs no PyTorch, and is there sooner without.
$(VENV)/installed-demo: container/requirements-demo.txt pyproject.toml
	"$(PYTHON)" -m venv $(VENV)
	@echo "installing into $(VENV) (once; a minute or two)"
	$(LOCKED) -r container/requirements-demo.txt
	$(PIP) install --no-build-isolation --no-deps --editable .
	@touch $@

$(VENV)/installed-dev: $(VENV)/installed $(VENV)/installed-demo container/requirements-dev.txt container/requirements-publish.txt
	@echo "installing what the tests need"
	$(LOCKED) -r container/requirements-dev.txt -r container/requirements-publish.txt
	@touch $@

audit: $(VENV)/installed  ## audit three sample bundles; the reports are in build/
	@$(RUN)/leakgauge audit sample-input/membership.zip -o build/membership
	@$(RUN)/leakgauge audit sample-input/membership-people.zip -o build/people
	@$(RUN)/leakgauge audit sample-input/inversion.zip -o build/inversion

# The report is tested in a real browser, the sandbox with the real filter; on Debian both can be had.
system:
	@command -v chromium >/dev/null && ldconfig -p | grep -q libseccomp.so.2 || { \
	  [ "$$(id -u)" = 0 ] && command -v apt-get >/dev/null && \
	  apt-get update -qq && apt-get install -y -qq chromium libseccomp2 >/dev/null; } || { \
	  echo "install chromium and libseccomp2 first, for example: sudo apt-get install chromium libseccomp2"; exit 1; }

PYTEST = OMP_NUM_THREADS=1 OPENBLAS_NUM_THREADS=1 $(RUN)/python -m pytest -n 2 --dist worksteal

# Those that need no system package and no second process that works: rules, documents, formats, figures.
FAST := tests/property tests/unit/report tests/contract/test_exported_names.py $(addprefix tests/unit/test_, \
	bundle.py bundle_habits.py cli.py docs.py docs_ci.py parameters.py policy.py site.py tables.py version.py workflows.py)

check: lint  ## lint, types, import contracts and the fast tests: a loop of less than a minute
	$(PYTEST) -q -m "not images and not slow and not endpoints" $(FAST)

test: lint system  ## lint, types, import contracts, all tests but the slow ones and the image tests
	$(PYTEST) -m "not images and not slow and not endpoints"

test-slow: $(VENV)/installed-dev system  ## audits of every model that scikit-learn can make, and others that take long
	$(PYTEST) -m slow

ENDPOINTS := build/endpoints

$(ENDPOINTS)/installed: container/requirements-endpoints.txt
	"$(PYTHON)" -m venv $(ENDPOINTS)
	@echo "installing MLServer and MLflow into $(ENDPOINTS) (once; a minute or two)"
	$(ENDPOINTS)/bin/pip --disable-pip-version-check --quiet install --require-hashes -r $<
	@touch $@

test-endpoints: $(VENV)/installed-dev $(ENDPOINTS)/installed system  ## audits of models behind real servers: MLServer and MLflow
	OMP_NUM_THREADS=1 OPENBLAS_NUM_THREADS=1 $(RUN)/python -m pytest -m endpoints tests/endpoints

coverage: $(VENV)/installed-dev system  ## which lines the tests run, in their subprocesses too; build/coverage/index.html
	$(PYTEST) -m "not images and not slow and not endpoints" --cov --cov-report=html:build/coverage --cov-report=term:skip-covered

lint: $(VENV)/installed-dev  ## style, types, walls between the rooms
	$(RUN)/ruff check .
	$(RUN)/ruff format --check .
	$(RUN)/mypy
	$(RUN)/lint-imports

serve: $(VENV)/installed  ## the HTTP service on PORT (8080) for AUDIT (membership)
	@$(RUN)/leakgauge serve --audit $(AUDIT) --host 0.0.0.0 --port $(PORT)

demo: $(VENV)/installed-demo  ## the page on which a model's training data is drawn, on DEMO_PORT (8000)
	@$(RUN)/leakgauge demo --port $(DEMO_PORT)

samples: $(VENV)/installed  ## rebuild the sample bundles and their expected output
	$(RUN)/python sample-input/build.py
	for sample in sample-input/*.zip; do \
	  $(RUN)/leakgauge audit $$sample -o build/sample && \
	  cp build/sample/output.csv $${sample%.zip}.output.csv || exit 1; \
	done

docs: $(VENV)/installed  ## regenerate docs/*.schema.json and the pages that are made of tables in the code
	$(RUN)/python -m leakgauge.report.schema > docs/report.schema.json
	$(RUN)/python -m leakgauge.report.schema comparison > docs/comparison.schema.json
	$(RUN)/python docs/make_parameters.py > docs/parameters.md
	$(RUN)/python docs/make_supported_models.py > docs/supported-models.md
	$(RUN)/python docs/make_contents.py > docs/contents.md
	$(RUN)/python docs/make_clauses.py > docs/clauses.md
	$(RUN)/python -m leakgauge.service.openapi > docs/openapi.json

# --- the documentation site ---------------------------------------------------------------------------

SITE := build/site
SITE_TOOLS := build/site-tools

.PHONY: site

$(SITE_TOOLS)/installed: container/requirements-site.txt
	"$(PYTHON)" -m venv $(SITE_TOOLS)
	@echo "installing what builds the site into $(SITE_TOOLS) (once; less than a minute)"
	$(SITE_TOOLS)/bin/pip --disable-pip-version-check --quiet install --require-hashes -r $<
	@touch $@

site: $(SITE_TOOLS)/installed  ## build the documentation into build/site, without a warning, and check its links
	@rm -rf $(SITE)
	@PYTHONPATH=src $(SITE_TOOLS)/bin/python -m sphinx -q -E -W --keep-going -c docs/site -d build/site-doctrees docs $(SITE)
	@$(SITE_TOOLS)/bin/python docs/site/check.py $(SITE)

# --- images -----------------------------------------------------------------------------------------

.PHONY: images demo-image test-images listing scale lock scan bill

# Where distributions put the engine's own client.
DOCKER ?= /usr/bin/docker
VERSION = $(shell sed -nE 's/^__version__ = "(.*)"$$/\1/p' src/leakgauge/version.py)
BUILD = DOCKER_BUILDKIT=1 "$(DOCKER)" build --build-arg VERSION=$(VERSION) --build-arg TORCH_INDEX=$(TORCH_INDEX)
SAGEMAKER := build/sagemaker
SAGEMAKER_V3 := build/sagemaker-v3

images:  ## build leakgauge-membership and leakgauge-inversion
	$(BUILD) --target membership --tag leakgauge-membership .
	$(BUILD) --target inversion --tag leakgauge-inversion .

demo-image:  ## build leakgauge-demo, the page in a container of its own
	$(BUILD) --target demo --tag leakgauge-demo .

$(SAGEMAKER)/installed $(SAGEMAKER_V3)/installed: %/installed: container/requirements-sagemaker.txt container/requirements-sagemaker-v3.txt
	"$(PYTHON)" -m venv $*
	@echo "installing the SageMaker SDK into $* (once; some minutes)"
	$*/bin/pip --disable-pip-version-check --quiet install --require-hashes -r container/requirements-$(notdir $*).txt
	@touch $@

test-images: images demo-image $(VENV)/installed-dev $(SAGEMAKER)/installed $(SAGEMAKER_V3)/installed  ## test all images with a real engine
	DOCKER="$(DOCKER)" $(RUN)/python -m pytest -m images -s --durations=10 tests/images

listing: $(VENV)/installed-dev  ## show and check the requests that publish both products
	@for kind in membership inversion; do \
	  $(RUN)/python marketplace-listing/publish.py $$kind --dry-run --bucket example-bucket \
	    --registry 111122223333.dkr.ecr.us-east-1.amazonaws.com \
	    --role arn:aws:iam::111122223333:role/leakgauge-validation || exit 1; \
	done

scale: images  ## audits an hour and their cost, for 1 and 2 containers
	DOCKER="$(DOCKER)" python3 container/local_test/scale.py leakgauge-$(AUDIT) build/scale \
	  sample-input/$(AUDIT).zip --copies 8 --instances 1 2 --cpus 1

RELEASE_TOOLS := build/release-tools

$(RELEASE_TOOLS)/installed: container/requirements-release.txt
	"$(PYTHON)" -m venv $(RELEASE_TOOLS)
	@echo "installing what makes a release into $(RELEASE_TOOLS) (once; less than a minute)"
	$(RELEASE_TOOLS)/bin/pip --disable-pip-version-check --quiet install --require-hashes -r $<
	@touch $@

lock: $(RELEASE_TOOLS)/installed  ## write container/requirements-*.txt anew; LOCK=--upgrade takes the newest of everything
	PATH="$(CURDIR)/$(RELEASE_TOOLS)/bin:$$PATH" TORCH_INDEX="$(TORCH_INDEX)" "$(PYTHON)" container/lock.py $(LOCK)

# Not for endpoints: those servers run in tests alone, and MLServer keeps FastAPI below versions that are mended.
scan: $(RELEASE_TOOLS)/installed  ## look for known vulnerabilities in all that is installed; asks a database in the network
	@for list in $(filter-out %-endpoints.txt, $(wildcard container/requirements-*.txt)); do \
	  echo "$$list" && $(RELEASE_TOOLS)/bin/pip-audit --disable-pip --require-hashes -r $$list || exit 1; \
	done

bill:  ## list every package in the images with its licence, as CycloneDX and as a table
	for kind in membership inversion; do \
	  $(BUILD) --target $$kind-bill --tag leakgauge-$$kind-bill . && \
	  "$(DOCKER)" run --rm leakgauge-$$kind-bill > container/licences/$$kind.cdx.json || exit 1; \
	done
	python3 container/licences/table.py container/licences/*.cdx.json > container/licences/README.md

clean:  ## remove what was built, and the virtual environment
	rm -rf build $(VENV)
