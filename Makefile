# Two commands matter: `make demo` shows it, `make test` proves it. Both set up what is missing first.
.DEFAULT_GOAL := help
.PHONY: help demo test laws setup bench fuzz render lock clean

VENV := .venv/bin
# Any Python from 3.11 that really runs starts the setup; the setup then looks for the best one.
PYTHON = $(or $(shell for p in python3.13 python3.12 python3.11 python3 python /usr/bin/python3; do \
	$$p -c 'import sys; sys.exit(sys.version_info < (3, 11))' >/dev/null 2>&1 && echo $$p && break; done), \
	$(error No Python 3.11 or newer runs on this machine: install Python 3.13))

help: ## say what there is
	@sed -n 's/^\([a-z]*\):[^#]*## \(.*\)/make \1\t\2/p' Makefile | expand -t 14

demo: setup ## start the lake on this machine, put files in, look at the tables
	@$(VENV)/ledgerlake demo

test: setup ## lint, types, import fences, all tests
	$(VENV)/ruff check
	$(VENV)/ruff format --check
	$(VENV)/mypy
	$(VENV)/lint-imports
	$(VENV)/pytest -n 3

laws: setup ## the laws of the merge modes with 10,000 histories each instead of 2,000 (minutes)
	LAWS_HISTORIES=10000 $(VENV)/pytest tests/laws

setup: ## install what is missing into .venv and build (the other targets do it themselves)
	@$(PYTHON) scripts/bootstrap.py

bench: setup ## measure throughput and latency
	@$(VENV)/python -m benchmarks

fuzz: setup ## look for bytes that break a reader of files: a minute for each format, or make fuzz ARGS="csv 600"
	$(VENV)/uv pip install --quiet --target build/fuzz/packages atheris==3.1.0
	PYTHONPATH=build/fuzz/packages $(VENV)/python -m tests.fuzz $(ARGS)

render: setup ## make dashboards, alarms and pages again from the catalogue of metrics
	@$(VENV)/python -m monitoring.render
	@$(VENV)/python -m cli.settings_page

lock: setup ## pin again: requirements.txt from pyproject.toml, jars.sha256 (newest versions: make lock ARGS=--upgrade)
	$(VENV)/uv pip compile pyproject.toml --group local --group dev --universal --python-version 3.11 \
		--generate-hashes --no-annotate --no-header --quiet --output-file requirements.txt $(ARGS)
	$(VENV)/python scripts/jars.py build/jars --lock
	@$(PYTHON) scripts/bootstrap.py

clean: ## delete everything that setup, tests and the demo made, the demo's data included
	rm -rf .venv build dist .ledgerlake .pytest_cache .mypy_cache .ruff_cache .hypothesis .import_linter_cache

.PHONY: artifacts deploy lint-infra
STAGE ?= dev

artifacts: setup ## build what AWS runs: wheel, code of the functions, environment of the job
	@$(VENV)/python scripts/artifacts.py

deploy: artifacts ## deploy to AWS: make deploy STAGE=dev BUCKET=... PARAMETERS="JwtIssuer=... JwtAudience=..."
	@$(VENV)/python scripts/deploy.py $(STAGE) --bucket $(or $(BUCKET),$(error BUCKET is not set: a bucket for \
		artifacts, in the region of infra/samconfig.toml)) $(PARAMETERS)

lint-infra: setup ## lint the templates and the Dockerfile: cfn-lint, SAM, checkov, cfn-guard, hadolint
	@$(VENV)/pytest tests/infra
