# Two commands on a fresh machine with Python 3.11 or newer and make: `make demo`, `make test`.
# Tests that need curl, redis-server, chromium, nginx, caddy or prometheus are skipped, with a reason, where it is missing
# (Debian, Ubuntu: apt-get install redis-server chromium nginx-light caddy prometheus).
PYTHON ?= python3
BIN := .venv/bin
PIP := $(BIN)/python -m pip install --quiet --disable-pip-version-check
PYTEST := $(BIN)/python -m pytest
MKDOCS := NO_MKDOCS_2_WARNING=1 $(BIN)/mkdocs
SECONDS ?= 600
BENCHMARKS := cold warm pages apply insights storm formats fairness grammar sizing

LOCK := $(BIN)/uv pip compile --universal --python-version 3.11 --generate-hashes --no-emit-index-url --no-header --quiet

.PHONY: demo test coverage test-slow test-all check english format bench screenshots docs docs-serve soak fuzz lock licenses audit sbom clean

demo: .venv/installed  ## serve a sandbox Analytics API and the gateway on loopback
	$(BIN)/skillhabit-odata demo

test: check  ## style, types, layers, and all tests but the slow ones
	$(PYTEST) -n 2 --dist worksteal -m "not slow"

coverage: .venv/installed-dev  ## the tests of `make test` again, twice as slow: they must cover 95 %
	$(PYTEST) -n 2 --dist worksteal -m "not slow" --cov --cov-report=term --cov-fail-under=95

test-slow: .venv/installed-dev  ## the slow tests that `make test` omits
	$(PYTEST) -n 2 --dist worksteal -m "slow"

test-all: .venv/installed-dev  ## what `make test` omits: slow tests, and all examples of property tests
	$(PYTEST) -n 2 --dist worksteal -m "slow or hypothesis" --hypothesis-profile full

check: .venv/installed-dev  ## the fast part, for every save
	$(BIN)/ruff format --check .
	$(BIN)/ruff check .
	$(BIN)/mypy
	$(BIN)/lint-imports --no-logo
	$(BIN)/python -m tests.docs.english

english: .venv/installed-dev  ## phrases that plain English does not use, each with its place
	$(BIN)/python -m tests.docs.english

format: .venv/installed-dev  ## put the code into shape
	$(BIN)/ruff format .
	$(BIN)/ruff check --fix .

bench: .venv/installed-dev  ## ratios of medians, from one run on this machine
	for name in $(BENCHMARKS); do $(BIN)/python -m benchmarks.$$name || exit 1; done

screenshots: .venv/installed-dev  ## take docs/screenshots again; needs chromium
	$(BIN)/python -m tests.browser.screenshots

docs: .venv/installed-dev  ## the documentation as a site in build/site; a broken link is an error
	$(MKDOCS) build --strict --quiet

docs-serve: .venv/installed-dev  ## the same on loopback, rebuilt when a page changes
	$(MKDOCS) serve

soak: .venv/installed-dev  ## fifty clients for SOAK_SECONDS (600), every response checked; see docs/operations.md
	$(BIN)/python -m benchmarks.soak

fuzz: .venv/installed-dev  ## random URLs for SECONDS (600), each response compared with plain Python; SEED=7 repeats a run; see docs/architecture.md
	$(BIN)/python -m tests.fuzz --seconds $(SECONDS) $(if $(SEED),--seed $(SEED))

lock: .venv/installed-supply  ## pin the dependencies of pyproject.toml; UPGRADE=--upgrade takes the newest versions
	$(LOCK) $(UPGRADE) pyproject.toml --output-file requirements.lock
	(sed -n 's/^requires = \[\(.*\)\]$$/\1/p' pyproject.toml | tr -d '"' | tr ',' '\n'; echo uv) | $(LOCK) $(UPGRADE) - --output-file requirements-build.lock

licenses: .venv/installed-dev  ## write docs/licenses.md
	$(BIN)/python -m tests.packaging.licenses

audit: .venv/installed-supply  ## known vulnerabilities of the locked dependencies, if the advisory service can be reached
	$(BIN)/python -m tests.packaging.audit

sbom: .venv/installed-supply  ## dist/sbom.cdx.json (CycloneDX) of the locked dependencies
	mkdir -p dist
	$(BIN)/cyclonedx-py requirements requirements.lock --pyproject pyproject.toml --short-PURLs --output-reproducible --of JSON --output-file dist/sbom.cdx.json

clean:  ## remove what the other targets made
	rm -rf .venv build dist .pytest_cache .mypy_cache .ruff_cache .hypothesis .coverage*

.venv/bin/python:
	$(PYTHON) -m venv .venv
	$(PIP) "pip>=25.1"  # older versions lack --group

.venv/installed: .venv/bin/python pyproject.toml
	$(PIP) --editable .
	touch $@

.venv/installed-dev: .venv/bin/python pyproject.toml
	$(PIP) --editable . --group dev
	touch $@ .venv/installed

.venv/installed-supply: .venv/installed-dev
	$(PIP) --editable . --group dev --group supply
	touch $@
