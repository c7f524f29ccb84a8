# `make quick` while working, `make test` before a change goes in, `make demo` to see it all.  `make help` lists the others.
SHELL := /bin/bash
# Words of a person, which are no make: a dollar in them is a dollar.
override COMMENT := $(value COMMENT)
export COMMENT
.DEFAULT_GOAL := help
BIN := .venv/bin
STATE ?= .local/cloud
# Tests start Python hundreds of times: what is compiled once is kept, whatever the environment says.
unexport PYTHONDONTWRITEBYTECODE
# A file of tests stays in one process, since its fixtures are dear; more processes than four only start more clouds.
SPREAD := --numprocesses auto --maxprocesses 4 --dist loadfile --no-loadscope-reorder
# Tests of services wait for them a third of the time: half as many processes again as there are cores, from three to six.
CORES := $(shell getconf _NPROCESSORS_ONLN 2>/dev/null || echo 2)
SPREAD_WAITING := --numprocesses $(shell n=$$(( ($(CORES) * 3 + 1) / 2 )); echo $$(( n < 3 ? 3 : n > 6 ? 6 : n ))) \
  --dist loadfile --no-loadscope-reorder
# What a change is tried with many times an hour: no service, no server on this machine, no browser, no simulation, nothing that takes long.
QUICK := -m "not (slow or simulation or stand_in or azurite or browser or e2e or thorough or soak)" \
  $(addprefix --ignore tests/,local adapters browser e2e contracts simulation hooks infra golden telemetry laws security)
PYTHON := $(shell for p in python3 python3.13; do command -v $$p >/dev/null 2>&1 && $$p -c 'import sys; sys.exit(sys.version_info[:2] != (3, 13))' 2>/dev/null && echo $$p && break; done)

.PHONY: help setup demo up services drop status approve validate explain quick test thorough soak mutants bench oracle snapshots check fix lock clean

help:  ## this list
	@grep -hE '^[a-z]+:.*##' $(MAKEFILE_LIST) | sed -E 's/:[^#]*## */\t/' | expand -t 10

demo: setup  ## walk a sample dataset from a dropped file to a deployed model
	@$(BIN)/python -m local demo

quick: .venv/.ready check  ## the checks, and the tests that need no cloud: in a minute
	$(BIN)/pytest $(SPREAD) $(QUICK)

test: setup check  ## all checks, and the tests: each kind of fault, each transition, each seeded mistake
	$(BIN)/pytest $(SPREAD_WAITING)

thorough: setup  ## what CI adds: every branch that decides is reached, 95 % of shared/core and cli; and the tests that take longer
	EXAMPLES=100 $(BIN)/pytest $(SPREAD) tests/core tests/cli --cov -m "not soak"
	$(BIN)/python -m tests.support.branches
	$(BIN)/pytest $(SPREAD_WAITING) --ignore tests/core --ignore tests/cli -m thorough

soak: setup  ## the long campaigns, for hours; the table of what they did (ONLY="tests/simulation -k seeds")
	@$(BIN)/pytest -m soak $(ONLY); status=$$?; $(BIN)/python -m tests.support.figures; exit $$status

mutants: setup  ## change the deciding code in two thousand ways: the tests must notice
	$(BIN)/python -m tests.mutants

up: setup  ## start the local cloud and stay (STATE=dir)
	@$(BIN)/python -m local up --state $(STATE)

services: setup  ## start storage and the stand-in only, for `func start`
	@$(BIN)/python -m local up --no-host --state $(STATE)

drop: setup  ## drop a file or folder into the running cloud: PIPELINE=name FILE=path
	@if [ -z "$(PIPELINE)" ] || [ -z "$(FILE)" ]; then echo "usage: make drop PIPELINE=name FILE=path" >&2; exit 2; fi
	@$(BIN)/python -m local drop --state $(STATE) --pipeline "$(PIPELINE)" $(FILE)

status: setup  ## list the runs of the running cloud
	@$(BIN)/python -m local status --state $(STATE)

approve: setup  ## decide a run's open gate: RUN=id (DECISION=reject, withdraw or hold, COMMENT='why', AS=approver-2)
	@if [ -z "$(RUN)" ]; then echo "usage: make approve RUN=id [DECISION=reject|withdraw|hold] [COMMENT='why'] [AS=approver-2]" >&2; exit 2; fi
	@$(BIN)/python -m local approve --state $(STATE) $(if $(filter reject withdraw hold,$(DECISION)),--$(DECISION)) $(if $(filter-out default,$(origin AS)),--as $(AS)) --comment "$$COMMENT" $(RUN)

validate: setup  ## check a dataset file without the cloud: FILE=path (ARGS="--pipeline p.yaml --repair out.jsonl")
	@if [ -z "$(FILE)" ]; then echo "usage: make validate FILE=path [ARGS=...]" >&2; exit 2; fi
	@$(BIN)/python -m cli validate "$(FILE)" $(ARGS)

explain: setup  ## say what a dataset rule demands: RULE=DS035
	@$(BIN)/python -m cli explain $(RULE)

bench: setup .venv-bench/.ready  ## measure the dataset validator against its peers (ARGS="--mb 50 --no-memory"), WHAT=tick; WHAT=validators: what they find
	@$(BIN)/python -m bench$(addprefix .,$(WHAT)) $(ARGS)

.venv-bench/.ready: requirements-bench.txt
	@echo "installing the peers into .venv-bench"
	@$(PYTHON) -m venv --clear .venv-bench
	@.venv-bench/bin/python -m pip install --quiet --disable-pip-version-check --require-hashes -r requirements-bench.txt
	@touch $@

oracle: .venv-oracle/.ready  ## record anew what other packages say, with which statistics and similarities are compared
	@.venv-oracle/bin/python tests/core/evaluation/oracle/record.py

snapshots: .venv/.ready  ## write what each kind of deployment would send (infra/snapshots), with the Bicep compiler
	@$(BIN)/python -m tests.infra.snapshots

.venv-oracle/.ready: requirements-oracle.txt
	@echo "installing the packages to compare with into .venv-oracle"
	@$(PYTHON) -m venv --clear .venv-oracle
	@.venv-oracle/bin/python -m pip install --quiet --disable-pip-version-check --require-hashes -r requirements-oracle.txt
	@touch $@

check: .venv/.ready  ## lint, format and types
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .
	$(BIN)/mypy

fix: .venv/.ready  ## let the linter and the formatter correct what they can
	$(BIN)/ruff check --fix .
	$(BIN)/ruff format .

setup: .venv/.ready node_modules/.ready  ## install what is missing (nothing, the second time)

.venv/.ready: requirements-dev.txt
	@if [ -z "$(PYTHON)" ]; then echo "Python 3.13 is missing: install it so that python3 or python3.13 is it (https://www.python.org/downloads/)" >&2; exit 1; fi
	@echo "installing Python packages into .venv"
	@$(PYTHON) -m venv --clear .venv
	@$(BIN)/python -m pip install --quiet --disable-pip-version-check --require-hashes -r requirements-dev.txt
	@touch $@

node_modules/.ready: package-lock.json
	@if ! command -v node >/dev/null; then echo "Node 20 or newer is missing: install it, with npm (https://nodejs.org/)" >&2; exit 1; fi
	@if ! command -v npm >/dev/null; then echo "npm is missing: it comes with Node (https://nodejs.org/)" >&2; exit 1; fi
	@node -e 'if (+process.versions.node.split(".")[0] < 20) { console.error("Node " + process.version + " is too old: 20 or newer is needed"); process.exit(1) }'
	@echo "installing the packages of package.json into node_modules"
	@npm ci --silent --no-audit --no-fund
	@touch $@

lock: setup  ## pin all dependencies anew
	$(BIN)/uv pip compile --quiet --generate-hashes --no-emit-index-url --no-emit-find-links --universal --python-version 3.13 requirements.in -o requirements.txt
	$(BIN)/uv pip compile --quiet --generate-hashes --no-emit-index-url --no-emit-find-links --universal --python-version 3.13 requirements-dev.in -o requirements-dev.txt
	$(BIN)/uv pip compile --quiet --generate-hashes --no-emit-index-url --no-emit-find-links --universal --python-version 3.13 requirements-bench.in -o requirements-bench.txt
	$(BIN)/uv pip compile --quiet --generate-hashes --no-emit-index-url --no-emit-find-links --universal --python-version 3.13 requirements-oracle.in -o requirements-oracle.txt
	npm install --package-lock-only --no-audit --no-fund

clean:  ## remove everything that was installed or run here
	rm -rf .venv .venv-bench .venv-oracle node_modules mutants .local .mypy_cache .pytest_cache .ruff_cache .hypothesis
