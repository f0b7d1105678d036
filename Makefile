# make run      sets everything up and starts the gateway on http://127.0.0.1:8080
# make test     sets everything up and runs the tests
PYTHON ?= python3
VENV := .venv
BIN := $(VENV)/bin

.PHONY: run demo test lint format bench screens lock clean

run: $(VENV)/runtime
	$(BIN)/python run.py serve

# A sample city with two months behind it; `rm -r var/demo` forgets it.
demo: $(VENV)/runtime
	$(BIN)/python run.py demo

# On all cores, a file of tests on one of them. Real processes, sockets and browsers share a busy machine: what fails is
# tried once more, and said to have been (RERUN), which is a fault to mend.
test: $(VENV)/dev
	$(BIN)/python -m pytest -n auto --dist loadfile --reruns 1

lint: $(VENV)/dev
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .
	$(BIN)/mypy

format: $(VENV)/dev
	$(BIN)/ruff check --fix .
	$(BIN)/ruff format .

bench: $(VENV)/dev
	$(BIN)/python -m tests.bench

# Pictures of every page, in both languages and themes: make screens SCREENS=some/folder
SCREENS := var/screens
screens: $(VENV)/dev
	$(BIN)/python -m tests.browser.screens $(SCREENS)

# After a change of the dependencies in pyproject.toml.
lock: $(VENV)/dev
	$(BIN)/uv pip compile -q --universal --generate-hashes --no-emit-index-url --python-version 3.11 --custom-compile-command "make lock" pyproject.toml -o requirements.lock
	$(BIN)/uv pip compile -q --universal --generate-hashes --no-emit-index-url --python-version 3.11 --custom-compile-command "make lock" --group dev pyproject.toml -o requirements-dev.lock

clean:
	rm -rf $(VENV) .pytest_cache .mypy_cache .ruff_cache

# Debian leaves venv out of its python3; with root's rights it is installed, else it is said what to install.
$(BIN)/python:
	@$(PYTHON) -c 'import sys; sys.exit(sys.version_info < (3, 11))' || { echo "Everyline needs Python 3.11 or newer."; exit 1; }
	@$(PYTHON) -c 'import ensurepip, venv' 2>/dev/null \
		|| { test "$$(id -u)" = 0 && apt-get update -q && apt-get install -y -q python3-venv; } \
		|| { echo "Python's venv is missing: apt-get install python3-venv"; exit 1; }
	$(PYTHON) -m venv $(VENV)

$(VENV)/runtime: $(BIN)/python requirements.lock
	$(BIN)/python -m pip install -q --disable-pip-version-check --require-hashes -r requirements.lock
	@touch $@

$(VENV)/dev: $(BIN)/python requirements-dev.lock
	$(BIN)/python -m pip install -q --disable-pip-version-check --require-hashes -r requirements-dev.lock
	@touch $@ $(VENV)/runtime
