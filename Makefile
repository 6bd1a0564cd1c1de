# make demo   installs stylezoo into a virtual environment and turns a photo into a mosaic
# make test   installs what development needs as well and runs the tests
# make lint   checks style, types, imports, spelling and prose
# make check  does that and runs the fast tests: for between two commits
# make docs   builds the documentation as a site, in site/
# The demo downloads some 60 MB; the tests need PyTorch as well, which takes a few minutes and about 5.5 GB of disk.

PYTHON ?= python3
VENV ?= .venv
WORKERS ?= 2

.PHONY: demo test lint check docs install dev clean

demo: install
	$(VENV)/bin/python scripts/demo.py

# One thread a worker: torch would start as many threads as there are cores in each of them.
test: dev
	OMP_NUM_THREADS=1 $(VENV)/bin/python -m pytest -q -n $(WORKERS)

lint: dev
	$(VENV)/bin/ruff check .
	$(VENV)/bin/ruff format --check .
	$(VENV)/bin/mypy
	$(VENV)/bin/lint-imports
	$(VENV)/bin/codespell
	$(VENV)/bin/proselint check --config .proselintrc.json *.md docs/*.md

check: lint
	OMP_NUM_THREADS=1 $(VENV)/bin/python -m pytest -q -n $(WORKERS) -m "not slow and not train and not hub and not browser"

# --strict fails on a link that leads nowhere.
docs: $(VENV)/.stylezoo-docs
	$(VENV)/bin/zensical build --strict --clean

install: $(VENV)/.stylezoo
dev: $(VENV)/.stylezoo-dev

$(VENV)/.stylezoo: pyproject.toml
	$(PYTHON) -m venv "$(VENV)"
	$(VENV)/bin/python -m pip install --editable .
	touch "$@"

# The stamp is newer than pyproject.toml when the environment holds what it asks for.
$(VENV)/.stylezoo-%: pyproject.toml
	$(PYTHON) -m venv "$(VENV)"
	$(VENV)/bin/python -m pip install --editable '.[$*]'
	touch "$@"

clean:
	rm -rf build dist demo site .cache .mypy_cache .pytest_cache .ruff_cache .import_linter_cache
