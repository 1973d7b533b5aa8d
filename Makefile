# `make figures` and `make test` need only Python 3.11 to 3.13, git and make.
VENV := .venv
PY := $(VENV)/bin/python
READY := $(VENV)/.ready
UV ?= uv

# The first interpreter that really runs, has a supported version and can make an environment.
RUNS := import ensurepip, sys, venv; sys.exit(not (3, 11) <= sys.version_info[:2] < (3, 14))
PYTHON ?= $(shell for p in python3.13 python3.12 python3.11 python3 python; do \
	$$p -c '$(RUNS)' >/dev/null 2>&1 && { command -v $$p; break; }; done)

.PHONY: help figures notebooks paper test lab data check readme lock clean

help:
	@echo 'make figures    run the notebooks, write figures/ and print the results table'
	@echo 'make test       lint, unit tests, every notebook on synthetic sound'
	@echo 'make lab        open the notebooks in JupyterLab'
	@echo 'make data       fetch the real corpora into data/corpora'
	@echo 'make paper      as figures, at full scale (hours)'
	@echo 'make check      what is installed and found here, [OK] or [FAIL]'
	@echo 'make notebooks  run the notebooks in place, outputs cleaned for committing'
	@echo 'make readme     bring the tables of README.md up to date'
	@echo 'make lock       compile requirements.lock from pyproject.toml (needs uv)'
	@echo 'make clean      remove build products (keeps .venv and data/corpora)'

$(READY): requirements.lock pyproject.toml
	@if ! $(PY) -c 'import pip; $(RUNS)' >/dev/null 2>&1; then \
		if ! "$(PYTHON)" -c '$(RUNS)' >/dev/null 2>&1; then \
			echo 'No usable Python 3.11, 3.12 or 3.13 with venv was found.'; \
			echo 'Install one (Debian and Ubuntu: python3-venv too), or name it:'; \
			echo '  make figures PYTHON=/path/to/python3.12'; \
			exit 1; \
		fi; \
		echo "Making $(VENV) with $(PYTHON): some minutes, once."; \
		"$(PYTHON)" -m venv --clear $(VENV); \
	fi
	$(PY) -m pip install --disable-pip-version-check --requirement requirements.lock
	$(PY) -m pip install --disable-pip-version-check --quiet \
		--no-deps --no-build-isolation --editable .
	@touch $@

figures: $(READY)
	$(PY) -m lib.notebooks run
	@$(PY) -m lib.readme write

notebooks: $(READY)
	$(PY) -m lib.notebooks run --in-place

paper: $(READY)
	SCALE=paper $(PY) -m lib.notebooks run
	@$(PY) -m lib.readme write

# The second pytest compares the numbers that the notebooks have just recorded; those of an
# earlier run must not be taken for them.
test: $(READY)
	@rm -rf build/test
	$(PY) -m ruff check
	$(PY) -m ruff format --check
	$(PY) -m pytest --quiet --durations=10 tests
	$(PY) -m lib.notebooks test
	$(PY) -m pytest --quiet tests/test_results.py

lab: $(READY)
	$(PY) -m lib.notebooks lab

data: $(READY)
	$(PY) -m lib.corpora fetch all

check: $(READY)
	@$(PY) -m lib.check

readme: $(READY)
	$(PY) -m lib.readme write

lock:
	$(UV) pip compile --quiet --universal --python-version 3.11 --no-header --no-annotate \
		--output-file requirements.lock pyproject.toml

clean:
	rm -rf build .pytest_cache .ruff_cache notebooks/.ipynb_checkpoints
	find lib tests -name __pycache__ -prune -exec rm -rf {} +
