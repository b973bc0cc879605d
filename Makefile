# `make quickstart`, `make test`, and `make faults`, which takes long. Each makes its own environment in .venv.
PYTHON ?= python3
VENV := .venv
BIN := $(VENV)/bin

.PHONY: quickstart test faults format clean

$(VENV)/installed: pyproject.toml
	$(PYTHON) -m venv $(VENV)
	$(BIN)/python -m pip install --quiet --disable-pip-version-check --editable '.[test]'
	touch $@

quickstart: $(VENV)/installed
	$(BIN)/python -m experiments.quickstart --workdir=runs/quickstart

test: $(VENV)/installed
	$(BIN)/ruff format --check .
	$(BIN)/ruff check .
	$(BIN)/python -m pytest --numprocesses=2 --dist=loadfile --no-loadscope-reorder

faults: $(VENV)/installed
	$(BIN)/python -m experiments.faults --workdir=runs/faults

format: $(VENV)/installed
	$(BIN)/ruff check --fix .
	$(BIN)/ruff format .

clean:
	rm -rf $(VENV) runs .pytest_cache .ruff_cache .hypothesis
