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
# The newest first: weeks tend to grow, and what takes longest should not begin last.
EXECUTED := $(patsubst notebooks/%.py,_build/executed/%.ipynb,$(shell ls -r $(SCRIPTS)))
PAGES := _config.yml _toc.yml $(shell find book -type f) $(wildcard notebooks/*.ipynb benchmarks/results/*.json) \
	$(shell find $(addprefix src/ultralearn/,plan cards experiments publish/sphinx) benchmarks/report -type f -not -name '*.pyc') \
	$(addprefix src/ultralearn/,files.py practice/cards.py publish/expected_pages.py)
PEERS := $(patsubst benchmarks/requirements/%.txt,_build/benchmarks/%/installed,$(wildcard benchmarks/requirements/*.txt))
# WEEK=07 or WEEK=7; without it, all
CHOSEN := week_$(if $(WEEK),$(shell printf %02d $(WEEK:0%=%)))

GREEN := _build/green
# What depends on what, by imports: made anew where a Python file or a folder changed, and read where it is asked for.
CODE := $(shell find $(addsuffix /.,src tests notebooks benchmarks deploy book .ci .github) \( -name "*.py" -o -type d \) -not -name __pycache__ -not -name "*.egg-info")
NEEDS_CLOSURE := notebooks accept unit proofs coverage pairs execute replay browser links _build/executed/% $(GREEN)/%
ifneq ($(filter $(NEEDS_CLOSURE),$(MAKECMDGOALS)),)
include _build/closure.mk
endif
PROVED = $(patsubst %,$(GREEN)/proofs/%,$(filter $(CHOSEN)%,$(WEEKS)))

# Where nothing may be skipped, a stamp counts only if what it skipped is excused (tests/no_skips.py).
ifdef ULTRALEARN_NO_SKIPS
$(shell grep -rl '^$(if $(ULTRALEARN_NO_ENGINE),SKIPPED,.)' $(GREEN) 2>/dev/null | xargs rm -f)
endif

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

accept: $(filter _build/executed/$(CHOSEN)%,$(EXECUTED)) $(PROVED) ## take the executed outputs as the published ones (WEEK=07: of one week)
	@$(PY) -m ultralearn.publish.accept $(WEEK)

test: $(ENV) ## everything that is due: lint, tests, proofs, notebooks, comparison, book, browser
	@$(PY) -m ultralearn.publish.steps $(MAKE)

bench: $(ENV) $(PEERS) ## time our models beside the libraries' (Linux, Python 3.11, a quiet machine, 25 minutes)
	$(PY) -m benchmarks.run

lock: $(UV) ## make both locks anew from pyproject.toml (UPGRADE=1 takes the newest versions)
	@sort $(LOCKS) > _build/all.txt
	$(COMPILE) --universal --all-extras $(if $(UPGRADE),--upgrade) --output-file _build/all.txt pyproject.toml
	$(COMPILE) --universal --extra tracking --extra book --constraint _build/all.txt --output-file requirements.txt pyproject.toml
	grep -vxFf requirements.txt _build/all.txt > requirements-test.txt

fill: $(READERS) ## put ADDRESS=https://host/owner/name in place of the repository's address
	@$(PY) -m ultralearn.publish.repository "$(ADDRESS)"

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

# --- the notebooks: make is the scheduler. What each depends on stands in the include below.

_build/closure.mk: $(CODE) | $(ENV)
	@$(PY) -m ultralearn.publish.closure $@

_build/executed/%.ipynb: notebooks/%.py $(LOCKS) | $(ENV)
	@$(PY) -m ultralearn.publish.execute $< $@

# --- the steps of `make test`, each of use alone
# A step leaves a stamp when it is green, and runs again when something that it depends on is newer than that.

lint: $(addprefix $(GREEN)/lint/,ruff types types_of_notebooks imports declared workflows)
unit: $(ROOMS:%=$(GREEN)/unit/%)
proofs: $(WEEKS:%=$(GREEN)/proofs/%)
execute: notebooks
site: $(SITE)/.complete
coverage pairs replay links browser: %: $(GREEN)/%

$(GREEN)/lint/%: $(filter %.py,$(CODE)) pyproject.toml $(LOCKS) | $(ENV)
	$(LINT.$*)
	@mkdir -p $(@D) && touch $@

LINT.ruff = $(BIN)/ruff check . && $(BIN)/ruff format --check .
LINT.types = $(BIN)/mypy
# A cache of its own: with other options mypy would throw that of the first away.
LINT.types_of_notebooks = $(BIN)/mypy --cache-dir .mypy_cache/notebooks \
	--disable-error-code empty-body --disable-error-code no-untyped-def notebooks
LINT.imports = $(BIN)/lint-imports
# src/ alone by what the base package declares, publish/ by the extras too.
LINT.declared = $(BIN)/deptry src notebooks --extend-exclude '.*/publish/' --optional-dependencies-dev-groups tracking,book,test \
	&& $(BIN)/deptry src notebooks tests --exclude __pycache__ --ignore DEP002
LINT.workflows = $(BIN)/check-jsonschema --builtin-schema vendor.github-workflows .github/workflows/*.yml \
	&& $(BIN)/zizmor --offline --quiet --config .github/zizmor.yml .github/workflows

$(GREEN)/lint/workflows: $(shell find .github -type f)

# $(call TESTED,FILES,OPTIONS): with a stamp, and the coverage of src/ kept beside it. Rooms and weeks go side by side, each
# in one process: a pool of processes for each would import torch three times as often.
ONE_THREAD := OMP_NUM_THREADS=1 OPENBLAS_NUM_THREADS=1 MKL_NUM_THREADS=1# a process: else they wait for each other
KEPT = $(notdir $(@D)).$(@F)
TESTED = @mkdir -p _build/coverage/$(KEPT) _build/junit && echo "$(@F)" && \
	COVERAGE_FILE=_build/coverage/$(KEPT)/data $(ONE_THREAD) $(PY) -m pytest $(1) $(2) -q \
	-p tests.stamps --stamp $@ --junitxml _build/junit/$(KEPT).xml
COVERED = --cov --cov-report=

# A room is a folder of tests; those below it are rooms of their own.
$(GREEN)/unit/%: pyproject.toml $(LOCKS) tests/stamps.py tests/no_skips.py | $(ENV)
	$(call TESTED,$(filter-out %_in_browser.py,$(wildcard $(subst .,/,$*)/test_*.py)),$(COVERED))

$(GREEN)/proofs/%: pyproject.toml $(LOCKS) tests/stamps.py tests/no_skips.py | $(ENV)
	@rm -f _build/proofs/$*.*
	$(call TESTED,tests/exercises,--week $(*:week_%=%))

$(GREEN)/coverage: $(ROOMS:%=$(GREEN)/unit/%)
	$(BIN)/coverage combine --quiet --keep --data-file _build/coverage/all _build/coverage/*/data
	$(BIN)/coverage report --data-file _build/coverage/all --fail-under=90 --ignore-errors # of modules that are gone
	@touch $@

$(GREEN)/pairs: $(wildcard notebooks/week_* book/results/*.json) $(WEEKS:%=$(GREEN)/proofs/%)
	$(PY) -m pytest tests/notebooks/test_pairs.py -q -p tests.stamps --stamp $@

$(GREEN)/replay: $(EXECUTED) $(wildcard notebooks/*.ipynb)
	$(PY) -m pytest -p ultralearn.publish.replay --executed _build/executed tests/notebooks/test_executed.py notebooks \
		-q -p tests.stamps --stamp $@

$(GREEN)/links: $(SITE)/.complete
	$(PY) -m pytest tests/book/test_site.py -q -p tests.stamps --stamp $@

$(GREEN)/browser: $(SITE)/.complete
	$(call TESTED,tests/book/test_browser.py $(shell find tests -name '*_in_browser.py'),-n logical --dist worksteal)

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
