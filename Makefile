# The whole interface. A bare `make` lists it.
.DEFAULT_GOAL := help
.DELETE_ON_ERROR:
MAKEFLAGS += --no-print-directory

# What readers and learners need, and what `make test` adds.
READERS := .venv/installed
ENV := .venv/installed-test
LOCKS := requirements.txt requirements-test.txt
UV := _build/uv/bin/uv
COMPILE := $(UV) pip compile --quiet --python-version 3.11 --no-header --no-annotate
BIN := .venv/bin
PY := $(BIN)/python
SITE := _build/book/_build/html
SCRIPTS := $(sort $(wildcard notebooks/week_*.py))
EXECUTED := $(SCRIPTS:notebooks/%.py=_build/executed/%.ipynb)
# What a notebook's outputs depend on beside its own source.
LIBRARY := $(shell find src/ultralearn -name '*.py' -not -path '*/publish/*') src/ultralearn/practice/book.mplstyle
PAGES := _config.yml _toc.yml $(shell find book -type f) $(wildcard notebooks/*.ipynb benchmarks/results/*.json) \
	$(shell find src/ultralearn/plan src/ultralearn/cards src/ultralearn/publish benchmarks/report -type f -not -name '*.pyc')
PEERS := $(patsubst benchmarks/requirements/%.txt,_build/benchmarks/%/installed,$(wildcard benchmarks/requirements/*.txt))
STEP = @printf '\n\033[1m== %s\033[0m\n'

.PHONY: help book serve lab notebooks accept test bench lock fill clean \
	lint unit proofs coverage pairs execute replay site links browser external-links data-check colab floors bare published latest report

help: ## list the targets
	@awk -F ':.*## ' '/^[a-z-]+:.*## / {printf "  make %-15s %s\n", $$1, $$2}' $(MAKEFILE_LIST)

# --- for readers and learners

book: $(SITE)/.complete ## set up and build the site from the stored outputs
	@echo "The book is built: open $(SITE)/index.html, or run \`make serve\`"

serve: book ## open the built site on a free local port
	@$(PY) -m ultralearn.cli.serve $(SITE)

lab: $(READERS) ## open JupyterLab on your own copies in work/ (FRESH=1 puts new copies beside them)
	@$(PY) -m ultralearn.cli.lab $(if $(FRESH),--fresh)
	$(BIN)/jupyter lab --notebook-dir work $(if $(filter 0,$(shell id -u)),--allow-root)

# --- for maintainers

notebooks: $(EXECUTED) ## execute the notebooks that changed, headless (-j runs them side by side)

accept: notebooks _build/proofs ## take the executed outputs as the published ones
	@$(PY) -m ultralearn.publish.accept

test: $(ENV) ## everything: lint, tests, proofs, notebooks, comparison, book, browser
	@rm -f _build/not_run
	@for step in lint unit proofs coverage pairs execute replay site links browser; do $(MAKE) $$step || exit 1; done
	@if [ -s _build/not_run ]; then cat _build/not_run; echo "All that was run passed."; else echo "All steps passed."; fi

bench: $(ENV) $(PEERS) ## time our models beside the libraries' (Linux, Python 3.11, a quiet machine, 25 minutes)
	$(PY) -m benchmarks.run

lock: $(UV) ## make both locks anew from pyproject.toml (UPGRADE=1 takes the newest versions)
	@sort $(LOCKS) > _build/all.txt
	$(COMPILE) --universal --all-extras $(if $(UPGRADE),--upgrade) --output-file _build/all.txt pyproject.toml
	$(COMPILE) --universal --extra tracking --extra book --constraint _build/all.txt --output-file requirements.txt pyproject.toml
	grep -vxFf requirements.txt _build/all.txt > requirements-test.txt

fill: $(READERS) ## put ADDRESS=https://host/owner/name in place of the repository's address
	@$(PY) -m ultralearn.publish.address "$(ADDRESS)"

clean: ## remove what was built (not the environment, not work/)
	rm -rf _build

# --- the environment

INSTALL = @for python in $(PYTHON) python3 python3.13 python3.12 python3.11 python $(PY); do \
	$$python -c 'import sys, venv, ensurepip; sys.exit(not (3, 11) <= sys.version_info[:2] <= (3, 13))' 2>/dev/null \
		&& exec $$python -P src/ultralearn/install.py $(1); \
	done; \
	echo "No Python 3.11, 3.12 or 3.13 (with venv) was found on the PATH. Install one, or name it:" >&2; \
	echo "  make $(MAKECMDGOALS) PYTHON=/path/to/python3.12" >&2; exit 1

$(READERS): requirements.txt pyproject.toml
	$(call INSTALL)
	@touch $@

# What heavy tools need that not everyone wants is locked in a requirements-NAME.txt of its own.
.venv/installed-%: requirements-%.txt $(READERS)
	$(call INSTALL,$*)
	@touch $@

$(UV):
	$(or $(PYTHON),python3) -m venv _build/uv && _build/uv/bin/python -m pip install --quiet uv

# Each peer of the benchmarks has one of its own: what they pin does not go together.
_build/benchmarks/%/installed: benchmarks/requirements/%.txt | $(ENV)
	@$(PY) -c 'import sys; sys.exit(sys.version_info[:2] != (3, 11))' \
		|| { echo "The peers are pinned for Python 3.11. Remove .venv, then: make bench PYTHON=python3.11" >&2; exit 1; }
	@rm -rf $(@D) && $(PY) -m venv $(@D)
	$(@D)/bin/python -m pip install --quiet --requirement $<
	@touch $@

# --- the site

# Always from scratch: Sphinx does not see that an extension changed, and all of it takes seconds.
$(SITE)/.complete: $(READERS) $(PAGES)
	@rm -rf _build/book
	PYTHONPATH=. $(BIN)/jupyter-book build . -W -n --keep-going --path-output _build/book
	@$(PY) -m ultralearn.publish.expected_pages $(SITE)
	@touch $@

# --- the notebooks: make is the scheduler

_build/executed/%.ipynb: notebooks/%.py $(LIBRARY) | $(ENV)
	@$(PY) -m ultralearn.publish.execute $< $@

# --- the steps of `make test`, each of use alone

lint: $(ENV)
	$(STEP) "Lint: ruff, types, floors, workflows"
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .
	$(BIN)/mypy
	$(BIN)/mypy --disable-error-code empty-body --disable-error-code no-untyped-def notebooks
	$(BIN)/lint-imports
	$(BIN)/deptry src notebooks --extend-exclude '.*/publish/' --optional-dependencies-dev-groups tracking,book,test
	$(BIN)/deptry src notebooks tests --exclude __pycache__ --ignore DEP002
	$(BIN)/check-jsonschema --builtin-schema vendor.github-workflows .github/workflows/*.yml
	$(BIN)/zizmor --offline --quiet --config .github/zizmor.yml .github/workflows

unit: $(ENV)
	$(STEP) "Unit tests, with coverage of src/"
	$(PY) -m pytest tests --ignore tests/exercises --ignore tests/book --ignore tests/notebooks \
		--ignore-glob '*_in_browser.py' \
		-q --cov --cov-report=

proofs: $(ENV)
	$(STEP) "Proofs of the exercises"
	@rm -rf _build/proofs
	$(PY) -m pytest tests/exercises -q --cov --cov-append --cov-report=

coverage: $(ENV)
	$(STEP) "What the unit tests and the proofs covered"
	$(BIN)/coverage report --fail-under=90

_build/proofs: $(LIBRARY) $(wildcard tests/exercises/*.py) | $(ENV)
	@$(MAKE) proofs

pairs: $(ENV)
	$(STEP) "Pairs and published data in step"
	$(PY) -m pytest tests/notebooks/test_pairs.py -q

execute: $(ENV)
	$(STEP) "Every notebook executed from a clean state"
	@rm -rf _build/executed
	@$(MAKE) -j 2 notebooks

replay: $(ENV)
	$(STEP) "Executed outputs compared with the published ones"
	$(PY) -m pytest tests/notebooks/test_executed.py -q
	$(PY) -m pytest -p ultralearn.publish.replay --executed _build/executed notebooks -q

site: $(ENV)
	$(STEP) "The book, from scratch, warnings are errors"
	@rm -rf _build/book
	@$(MAKE) book

links: $(SITE)/.complete
	$(STEP) "Pages and links"
	$(PY) -m pytest tests/book/test_site.py -q

browser: $(SITE)/.complete
	$(STEP) "In the browser"
	$(PY) -m pytest tests/book/test_browser.py -q
	$(PY) -m pytest tests/recsys/service/test_page_in_browser.py -q

# --- what only the workflows run

published: # put the filled, executed notebooks on the branch that Colab opens
	git -c user.name=publish -c user.email=publish@localhost commit --quiet --message "Notebooks as published" \
		--only _config.yml notebooks
	git push --force origin HEAD:refs/heads/published

latest: # everything with the newest versions that pyproject.toml allows
	python3 -m venv .venv && $(PY) -m pip install --upgrade pip
	$(PY) -m pip install --editable '.[tracking,book,test]'
	touch $(READERS) $(ENV)
	$(MAKE) test

FLOORS := _build/floors/bin/python

floors: $(UV) # the oldest versions that pyproject.toml allows, on the oldest Python: unit tests and proofs
	$(COMPILE) --no-deps --resolution lowest-direct --output-file _build/floors.txt pyproject.toml
	$(COMPILE) --extra book --extra test --constraint _build/floors.txt --output-file _build/at_floors.txt pyproject.toml
	$(or $(PYTHON),python3.11) -m venv --clear _build/floors && $(FLOORS) -m pip install --quiet --upgrade pip
	$(FLOORS) -m pip install --quiet --requirement _build/at_floors.txt
	$(FLOORS) -m pip install --quiet --no-deps --no-build-isolation --editable .
	$(FLOORS) -m pytest tests --ignore tests/book --ignore tests/notebooks --ignore tests/deploy \
		--ignore-glob '*_in_browser.py' -n 2 --dist loadfile -q

bare: # nothing but `pip install .`: the command line runs, and a gate keeps its report on a server that fails it
	$(or $(PYTHON),python3) -m venv --clear _build/bare && _build/bare/bin/python -m pip install --quiet .
	_build/bare/bin/ultralearn --help
	@cd _build/bare && { bin/python -m http.server --bind 127.0.0.1 8613 >/dev/null 2>&1 & } && trap "kill $$!" EXIT && sleep 2 && \
		ULTRALEARN_HOME=home bin/ultralearn gate 3 --url http://127.0.0.1:8613; ls home/gates/*.json

colab: # in Colab's own image: install as the first cell does, then execute
	python3 -m pip install --quiet --no-deps .
	python3 -m pip install --quiet papermill jupytext
	echo n | python3 -c "from ultralearn import colab; colab.prepare()"
	for script in notebooks/week_*.py; do \
		python3 -m ultralearn.publish.execute $$script _build/colab/$$(basename $$script .py).ipynb || exit 1; done

external-links: $(READERS)
	PYTHONPATH=. $(BIN)/jupyter-book build . --builder linkcheck --path-output _build/linkcheck

data-check: $(ENV) # GroupLens's own rows and those of the fallback are the same
	$(PY) -m pytest tests/recsys -q -m internet

report:
	gh issue create --title "The weekly run failed" --body "$(RUN)"
