# make demo   does all the set-up, invents people and does the whole job on them
# make test   does all the set-up and runs the checks and tests
SHELL := /bin/bash
VENV  := .venv
PY    := $(VENV)/bin/python
STAMP := $(VENV)/.installed-$(shell cat requirements.lock pyproject.toml | cksum | cut -d' ' -f1)

.PHONY: venv system demo test lint bench serve data tagger fonts audit clean
.DEFAULT_GOAL := demo

venv: $(STAMP)

$(STAMP): requirements.lock pyproject.toml
	@scripts/make_venv.sh $(VENV)
	@echo "Compiling the address engine (a minute) …"
	@$(PY) -c "from songda.address import standardize; standardize([None])"
	@rm -f $(VENV)/.installed-* && touch $@

# PostgreSQL and Chromium are needed by tests only.
system:
	@scripts/system_packages.sh

demo: venv
	@rm -rf demo
	@$(VENV)/bin/songda demo --out demo

lint: venv
	$(VENV)/bin/ruff format --check .
	$(VENV)/bin/ruff check .
	$(VENV)/bin/mypy
	$(VENV)/bin/lint-imports --no-cache

test: venv system lint
	$(VENV)/bin/pytest -n 2 --dist worksteal

bench: venv
	$(PY) -m bench

serve: venv
	$(VENV)/bin/songda serve

# Rebuild what the package ships (needs the `data` group of pyproject.toml and npm; results are committed).
data: requirements-data.lock
	@scripts/make_venv.sh $(VENV) requirements-data.lock
	$(PY) scripts/build_divisions.py
	$(PY) scripts/build_place_words.py
	$(PY) scripts/build_sounds.py
	$(PY) scripts/build_lexicon.py
	$(PY) scripts/build_holidays.py

# Train the shipped weights of the address tagger anew (about ten minutes; SONGDA_TEST_DATA adds the real labelled lines).
tagger: venv
	$(PY) scripts/train_tagger.py

fonts: requirements-data.lock
	@scripts/make_venv.sh $(VENV) requirements-data.lock
	$(PY) scripts/build_fonts.py

# Ask osv.dev about everything that is pinned; needs the network.
audit: venv
	$(PY) scripts/audit_dependencies.py

clean:
	rm -rf $(VENV) demo out build dist .mypy_cache .ruff_cache .pytest_cache .hypothesis
