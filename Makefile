# What people and machines run here. A fresh Debian machine with Python 3.11 is enough to start with:
# the first run makes .venv and fills it, later runs go straight to work.

PYTHON ?= python3
VENV := .venv
BIN := $(VENV)/bin
# More words for pytest, e.g. `make test PYTEST="-k challenge"`.
PYTEST ?=
FUZZ ?=
MUTANTS ?=

.PHONY: demo test lint types fmt soak fuzz mutation docs screenshots bench profile lock clean venv parts

## demo: play the whole flow against an example, then leave it up (in a terminal)
demo: venv
	@$(BIN)/twofa-gate demo

## test: style, types, all tests, coverage of the core
test: venv parts
	@$(BIN)/python tools/check.py $(PYTEST)

## lint: style alone
lint: venv
	@$(BIN)/ruff check .
	@$(BIN)/ruff format --check .

## types: types alone
types: venv
	@$(BIN)/mypy

## fmt: put the code into the common form
fmt: venv
	@$(BIN)/ruff format .
	@$(BIN)/ruff check --fix .

## soak: the tests that take long on purpose
soak: venv parts
	@$(BIN)/python -m pytest --soak $(PYTEST)

## fuzz: a million requests, and every parser; more words in FUZZ, e.g. `make fuzz FUZZ="--seed 1"`
fuzz: venv
	@$(PYTHON) tools/setup_venv.py --group fuzz
	@$(BIN)/python -m tests.fuzz $(FUZZ)

## mutation: change core/ in every small way, and see that a test notices; takes hours; more words in MUTANTS
mutation: venv
	@$(PYTHON) tools/setup_venv.py --group mutation
	-@$(BIN)/mutmut run $(MUTANTS)
	@$(BIN)/python tools/mutation.py

## docs: the documentation as HTML, warnings being errors
docs: venv
	@if [ -f docs/conf.py ]; then \
	  $(BIN)/python -m sphinx -W --keep-going -q -b html docs docs/_build/html && \
	  echo "docs/_build/html/index.html"; \
	else echo "there is no docs/conf.py yet"; fi

## screenshots: a picture of every page in every state, and the sheets of docs/gallery
screenshots: venv parts
	@$(BIN)/python tools/screenshots.py

## bench: what the gate costs beside what teams already run; under ten minutes, writes docs/explanation/performance/
bench: venv parts
	@$(PYTHON) bench/setup_env.py
	$(if $(PARTS),,@$(BIN)/python -m bench.scale.growing)
	@bench/.venv/bin/python -m bench $(PARTS)

## profile: a flame graph of a verified request
profile:
	@$(PYTHON) bench/setup_env.py
	@mkdir -p build && bench/.venv/bin/py-spy record -r 500 -o build/verified-request.svg -- \
	  bench/.venv/bin/python -m bench.profiling
	@echo build/verified-request.svg

## lock: pin everything that these commands install, as new as a week ago, with hashes, for all platforms
lock:
	@$(PYTHON) -m venv build/lock && build/lock/bin/python -m pip install -qq --no-input uv
	@for group in dev fuzz mutation; do \
	  build/lock/bin/uv pip compile -q --upgrade --universal --python-version 3.11 --generate-hashes \
	    --no-emit-index-url --no-annotate --custom-compile-command "make lock" --exclude-newer "1 week" \
	    --all-extras --group dev --group $$group pyproject.toml -o tools/$$group.lock || exit 1; \
	done

## clean: take away what these commands made, the environment too
clean:
	rm -rf $(VENV) build dist docs/_build .pytest_cache .mypy_cache .ruff_cache .hypothesis .coverage .coverage.*
	find . -name __pycache__ -type d -prune -exec rm -rf {} +

venv:
	@$(PYTHON) tools/setup_venv.py

parts:
	@sh tools/setup_debian.sh
