# Suyuan 溯源. Two commands do everything: make demo, make test.
SHELL := /bin/sh
PYTHON := .venv/bin/python
export PYTHONPATH :=
# Compiled once: the tests start some hundreds of processes.
export PYTHONDONTWRITEBYTECODE :=
.PHONY: help demo test check bench fire torture standby soak seeds tampers fuzz described answers lock clean setup shots
.DEFAULT_GOAL := help

help: ## say what can be made
	@echo "make demo          a market's day, then the kiosk to look at (ONCE=1: check itself and end; PORT=8700)"
	@echo "make test          all checks and tests (under 20 minutes on 2 cores)"
	@echo "make check         ruff, mypy, import contracts, architecture tests"
	@echo "make bench         every bench, a JSON line each (SIZE=small|large)"
	@echo "make fire          the long test under fire: 20,000 reports, everything killed"
	@echo "make torture       200 faults of real processes, and what trust in a broker loses"
	@echo "make standby       20 failovers to a hot standby under load"
	@echo "make soak          10 minutes of sustained ingest with everything on"
	@echo "make seeds         simulated worlds, N of them (2000); FIRST=… begins at another seed"
	@echo "make tampers       10,000 attacks on log and rows, 1,000 honest growths"
	@echo "make fuzz          every parser of outside bytes under coverage: a million inputs each, 20 minutes for files (ONLY=labels)"
	@echo "make described     both APIs asked with whatever may be asked (EXAMPLES=100 of each operation)"
	@echo "make answers       how long the scan page takes to answer, beside what the browser needs for a word"
	@echo "make shots         screenshots of every screen, three sizes, both languages, looked at by axe, into .var/shots"
	@echo "make lock          resolve the dependencies again into requirements.lock"
	@echo "make clean         remove the virtual environment and what tests left"
	@echo "NO_APT=1           install no Debian packages; PYTHON3=…  choose the interpreter"

setup:
	@sh tools/setup

demo: setup ## a market's day
	@$(PYTHON) -m suyuan.cli demo $(if $(ONCE),--once,) $(if $(JSON),--json,) $(if $(PORT),--port $(PORT),)

check: setup ## style, types, contracts
	@$(PYTHON) -m ruff format --check -q .
	@$(PYTHON) -m ruff check -q .
	@$(PYTHON) -m mypy
	@$(PYTHON) tools/contracts.py
	@$(PYTHON) -m pytest tests/architecture

test: setup ## everything
	@sh tools/run-tests

fire: setup ## the long test under fire
	@$(PYTHON) -m pytest tests/torture/test_under_fire.py -m slow -s

seeds: setup ## simulated worlds
	@$(PYTHON) -m tests.simulator --seeds $(or $(N),2000) --first $(or $(FIRST),0)

torture: setup ## faults of real processes
	@$(PYTHON) -m pytest tests/torture/test_torture.py -m slow -s --show-capture=no

standby: setup ## failovers under load
	@$(PYTHON) -m pytest tests/torture/test_standby.py -m slow -s --show-capture=no

soak: setup ## sustained ingest
	@$(PYTHON) -m pytest tests/torture/test_soak.py -m slow -s --show-capture=no

tampers: setup ## attacks on log and rows
	@$(PYTHON) -m pytest tests/torture/test_tampers.py tests/torture/test_row_tampers.py -m slow -s

fuzz: setup ## parsers under coverage
	@$(PYTHON) -m tests.fuzz $(ONLY)

described: setup ## both APIs as they describe themselves
	@SUYUAN_EXAMPLES=$(or $(EXAMPLES),100) $(PYTHON) -m pytest tests/integration/test_described.py

answers: setup ## how long the scan page takes
	@$(PYTHON) -m tests.journeys.answers

bench: setup ## every bench
	@for name in ingest roundtrip project rebuild expiry export; do $(PYTHON) -m suyuan.cli bench $$name --size $(or $(SIZE),small) || exit 1; done

shots: setup ## screenshots
	@$(PYTHON) -m tests.journeys.shots

lock:
	@command -v uv >/dev/null || { echo "make lock needs uv: python3 -m pip install uv"; exit 1; }
	@uv pip compile --universal --python-version 3.11 --generate-hashes --no-emit-index-url --no-header --no-annotate --extra dev pyproject.toml -o requirements.lock

clean:
	rm -rf .venv .var .mypy_cache .ruff_cache .pytest_cache .hypothesis dist build
