# Every target makes what it needs: `make demo` and `make test` work in a fresh clone that has python3 and make.
#
#   make demo    crawl a real site with three kinds of nodes on the embedded store
#   make test    every check and every test, as CI runs them
#   make chaos   the chaos runs with their full counts         make soak    the long ones
#   make bench   umbel beside its peers, tables and a plot      make docs    the documentation, into site/
#   make bench-redis   the same on Redis                        make bench-rabbitmq   and on RabbitMQ
#   make bench-beat    the scheduler with 10,000 entries
#   make lint    the checks without the tests                   make format  lay out the code as the checks want it
#   make lock    write requirements.lock anew                   make clean   remove what make made

PYTHON ?= python3
PY := .venv/bin/python
READY := .venv/.ready
export PYTHON

.PHONY: help demo test lint format chaos soak bench bench-redis bench-rabbitmq bench-beat docs lock clean
.DEFAULT_GOAL := help

help:
	@sed -n '/^#   make/s/^#  //p' Makefile

$(READY): requirements.lock pyproject.toml $(wildcard examples/*/pyproject.toml) scripts/venv
	@scripts/venv

demo: $(READY)
	@.venv/bin/umbel-crawler demo

test: $(READY)
	@$(PY) scripts/check

lint: $(READY)
	@$(PY) scripts/check --no-tests

format: $(READY)
	@.venv/bin/ruff check --fix-only --quiet . && .venv/bin/ruff format --quiet .

chaos: $(READY)
	@UMBEL_CHAOS_FACTOR=$${UMBEL_CHAOS_FACTOR:-1} $(PY) -m pytest -m chaos --timeout 3600 -o faulthandler_timeout=0 -rA

soak: $(READY)
	@$(PY) scripts/soak

bench: $(READY)
	@scripts/need redis-server
	@$(PY) -m benchmarks

bench-redis: $(READY)
	@scripts/need redis-server
	@$(PY) -m benchmarks --store redis

bench-rabbitmq: $(READY)
	@scripts/need redis-server rabbitmq-server
	@$(PY) -m benchmarks --store rabbitmq

bench-beat: $(READY)
	@scripts/need redis-server
	@$(PY) -m benchmarks.beat

docs: $(READY)
	@.venv/bin/sphinx-build --fail-on-warning --keep-going --nitpicky --quiet --fresh-env -d .make/doctrees docs site
	@echo "site/index.html"

lock:
	@$(PYTHON) scripts/lock $(if $(UPGRADE),--upgrade)

clean:
	rm -rf .venv .make build dist site .mypy_cache .ruff_cache .pytest_cache .hypothesis .import_linter_cache
