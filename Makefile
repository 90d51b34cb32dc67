# Two commands: `make run` does the main job, `make test` passes the tests. Each sets up everything.
PYTHON ?= $(shell for p in python3.11 python3.12 python3.13 python3 python; do \
  $$p -c 'import sys; sys.exit(not (3, 11) <= sys.version_info[:2] <= (3, 13))' 2>/dev/null && echo $$p && break; done)
BIN := .venv/bin
UV := $(shell command -v uv 2>/dev/null || echo $(CURDIR)/$(BIN)/uv)
COVERAGE = --cov=src --cov-report=term-missing:skip-covered
SYNC := $(UV) sync --frozen --inexact --quiet
ADVICE := { echo "The environment could not be made. If it is about tagship, the engine's pin is broken:" \
  "https://github.com/tagship-labs/tagship-starter/blob/template/v0.2.0/docs/how-to/update.md"; exit 1; }
export PATH := $(CURDIR)/.tools/bin:$(PATH)
export UV_PYTHON_DOWNLOADS := never

.PHONY: help run test check hooks tools tools-kustomize update clean setup setup-all setup-gitops
.DEFAULT_GOAL := help

help:  ## Show these words
	@grep -hE '^[a-z-]+:.*##' $(MAKEFILE_LIST) | sed -E 's/:.*## /\t/' | sort

run: setup  ## Train, gate, lock, report and build every model
	$(BIN)/tagship run

test: setup-all  ## Run this project's tests
	$(BIN)/pytest -n 2 $(COVERAGE) $(ARGS)

check: setup-all  ## Run every pre-commit hook on every file
	$(BIN)/pre-commit run --all-files

hooks:  ## Have Git run the pre-commit hooks at each commit; once for each clone
	@command -v git >/dev/null 2>&1 || { echo "git runs the hooks and was not found: install it, then: make hooks"; exit 1; }
	@test -z "$$(git rev-parse --show-cdup 2>&1 || echo none)" || { echo "Git runs the hooks, and no repository begins in" \
	  "$(CURDIR). Here, run: git init -b main. Then: make hooks"; exit 1; }
	@$(MAKE) --no-print-directory setup-all
	$(BIN)/pre-commit install

tools: tools-kustomize  ## Set up kustomize, which some tests use

tools-kustomize:
	bash .ci/kustomize

update: setup-all  ## Take over the template's newest version, or its branch: engine and static files
	$(BIN)/tagship update
	@$(MAKE) --no-print-directory setup-all
	$(BIN)/tagship lock check

clean:  ## Remove everything that was made here, but the environment
	rm -rf .tagship reports mlruns mlflow.db* dist .pytest_cache .mypy_cache .ruff_cache .coverage

setup: .venv/.run.stamp

setup-gitops: .venv/.gitops.stamp tools-kustomize  # what releasing and reconciling need: no training, no serving

setup-all: .venv/.all.stamp

.venv/.uv.stamp:
	@test -n "$(PYTHON)" || { echo "Python 3.11, 3.12 or 3.13 is needed and was not found"; exit 1; }
	$(PYTHON) -m venv --clear .venv
	@command -v uv >/dev/null 2>&1 || $(BIN)/python -m pip install --quiet --require-hashes --only-binary :all: -r .ci/uv.txt
	@touch $@

.venv/.gitops.stamp: .venv/.uv.stamp uv.lock pyproject.toml
	$(SYNC) --no-default-groups || $(ADVICE)
	@$(BIN)/tagship schema >/dev/null
	@touch $@

.venv/.run.stamp: .venv/.uv.stamp uv.lock pyproject.toml
	$(SYNC) --no-default-groups --extra train --extra serve || $(ADVICE)
	@$(BIN)/tagship schema >/dev/null
	@touch $@

.venv/.all.stamp: .venv/.uv.stamp uv.lock pyproject.toml
	$(SYNC) --all-extras || $(ADVICE)
	@$(BIN)/tagship schema >/dev/null
	@touch $@ .venv/.run.stamp

-include template.mk # in the template itself only
