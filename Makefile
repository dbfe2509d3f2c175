# make demo: a synthetic patient through the whole job.  make test: every check.
# Both set up .venv first and need nothing but Python 3.11 or newer and make.

PYTHON ?= python3.11
VENV := .venv
BIN := $(VENV)/bin

.PHONY: demo test lint setup setup-test clean

demo: setup
	$(BIN)/lvt demo -o demo --force

test: setup-test lint
	OMP_NUM_THREADS=1 $(BIN)/pytest -n auto --dist loadfile

lint: setup-test
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .
	$(BIN)/mypy

setup: $(VENV)/.installed
setup-test: $(VENV)/.installed-test

$(VENV)/.installed: pyproject.toml constraints.txt scripts/setup
	scripts/setup $(PYTHON) $(VENV)
	touch $@

$(VENV)/.installed-test: $(VENV)/.installed
	scripts/setup $(PYTHON) $(VENV) test
	touch $@

clean:
	rm -rf $(VENV) demo build *.egg-info
