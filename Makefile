# `make quickstart`, `make test`, `make docs`, and `make faults`, which takes long. Each makes its own environment in
# .venv. `make beam` and `make newest` are tests in environments of their own; `make dist` builds a release.
PYTHON ?= python3
NEWEST_PYTHON ?= python3.13
VENV := .venv
BIN := $(VENV)/bin

# What touches JAX, Flax, Optax and Orbax most, and one training from start to end; they must stay fast.
NEWEST_TESTS := tests/app/test_end_to_end.py::test_a_run_killed_and_stopped_at_random_points_ends_with_the_same_bits \
	tests/layers tests/inference/test_export.py tests/inference/test_extractor.py tests/run/test_checkpoint.py \
	tests/run/test_recovery.py tests/test_compilation.py tests/test_programs.py tests/training/test_optimizer.py

.PHONY: quickstart test beam newest docs faults dist format clean

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

# Beam needs older versions of packages that the other tests take, such as protobuf and PyArrow.
.venv-beam/installed: pyproject.toml
	$(PYTHON) -m venv .venv-beam
	.venv-beam/bin/python -m pip install --quiet --disable-pip-version-check --editable '.[beam,test]'
	touch $@

beam: .venv-beam/installed
	.venv-beam/bin/python -m pip check
	.venv-beam/bin/python -m pytest tests/app/test_beam.py tests/app/test_beam_files.py

.venv-newest/installed: pyproject.toml
	$(NEWEST_PYTHON) -m venv .venv-newest
	.venv-newest/bin/python -m pip install --quiet --disable-pip-version-check --upgrade \
		--upgrade-strategy=eager --editable '.[test]'
	touch $@

newest: .venv-newest/installed
	.venv-newest/bin/python -m pip check
	.venv-newest/bin/python -m pytest --numprocesses=2 --dist=loadfile --no-loadscope-reorder $(NEWEST_TESTS)

docs: $(VENV)/installed
	$(BIN)/python -m pip install --quiet --disable-pip-version-check --editable '.[docs]'
	$(BIN)/python -m sphinx --quiet --fail-on-warning --fresh-env --write-all \
		-c docs/site -d build/site . site
	@echo "the site is at site/index.html"

faults: $(VENV)/installed
	$(BIN)/python -m experiments.faults --workdir=runs/faults

dist: $(VENV)/installed
	rm -rf dist build/twine
	$(BIN)/python -m hatchling build --directory dist
	$(PYTHON) -m venv build/twine
	build/twine/bin/python -m pip install --quiet --disable-pip-version-check twine
	build/twine/bin/python -m twine check --strict dist/*

format: $(VENV)/installed
	$(BIN)/ruff check --fix .
	$(BIN)/ruff format .

clean:
	rm -rf $(VENV) .venv-beam .venv-newest runs build dist site .pytest_cache .ruff_cache .hypothesis
