# Two commands matter: `make quickstart` and `make test`. Both set up what they need in .venv.
PYTHON ?= python3.11
PIP_ARGS ?=
BIN := .venv/bin
STAMP := .venv/.installed
export OMP_NUM_THREADS = 1
export DVC_NO_ANALYTICS = 1

.PHONY: install quickstart repro figure test test-slow lint format clean

install: $(STAMP)

$(STAMP): pyproject.toml constraints.txt
	test -x $(BIN)/python || $(PYTHON) -m venv .venv
	$(BIN)/python -m pip install --disable-pip-version-check -q -c constraints.txt $(PIP_ARGS) torch==2.13.0
	$(BIN)/python -m pip install --disable-pip-version-check -q -c constraints.txt $(PIP_ARGS) -e '.[run,dev]'
	@touch $@

quickstart: install
	$(BIN)/ladle run recipes/quickstart.recipe
	$(BIN)/ladle report recipes/quickstart.recipe

figure: install
	$(BIN)/ladle run recipes/figure.recipe
	$(BIN)/ladle report recipes/figure.recipe

repro: install
	PATH="$(CURDIR)/$(BIN):$$PATH" dvc repro

lint: install
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .
	$(BIN)/mypy
	cd typings && ../$(BIN)/lint-imports --config ../pyproject.toml
	$(BIN)/ladle lint --strict recipes/*.recipe
	$(BIN)/ladle lint --strict --ignore W510 recipes/paper
	$(BIN)/ladle fmt --check recipes
	$(BIN)/ladle lock --check
	$(BIN)/ladle compile --check

test: lint
	$(BIN)/pytest -n 2 --dist loadfile

test-slow: lint
	$(BIN)/pytest -m "not gpu"

format: install
	$(BIN)/ruff check --fix .
	$(BIN)/ruff format .

clean:
	rm -rf .ladle artifacts scores reports
