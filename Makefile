# The whole interface. A bare `make` lists it.
.DEFAULT_GOAL := help
.DELETE_ON_ERROR:
MAKEFLAGS += --no-print-directory

ENV := .venv/installed
BIN := .venv/bin
PY := $(BIN)/python
SITE := _build/book/_build/html
SCRIPTS := $(sort $(wildcard notebooks/week_*.py))
EXECUTED := $(SCRIPTS:notebooks/%.py=_build/executed/%.ipynb)
PAGES := _config.yml _toc.yml $(shell find book -type f) $(wildcard notebooks/*.ipynb benchmarks/results/*.json) \
	$(shell find src/ultralearn/plan src/ultralearn/cards src/ultralearn/publish -type f -not -name '*.pyc')
LOCK := $(wildcard requirements*.txt)
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
	lint unit proofs coverage pairs execute replay site links browser external-links data-check colab published latest report

help: ## list the targets
	@awk -F ':.*## ' '/^[a-z-]+:.*## / {printf "  make %-15s %s\n", $$1, $$2}' $(MAKEFILE_LIST)

# --- for readers and learners

book: $(SITE)/.complete ## set up and build the site from the stored outputs
	@echo "The book is built: open $(SITE)/index.html, or run \`make serve\`"

serve: book ## open the built site on a free local port
	@$(PY) -m ultralearn.cli.serve $(SITE)

lab: $(ENV) ## open JupyterLab on your own copies in work/ (FRESH=1 puts new copies beside them)
	@$(PY) -m ultralearn.cli.lab $(if $(FRESH),--fresh)
	$(BIN)/jupyter lab --notebook-dir work

# --- for maintainers

notebooks: $(EXECUTED) ## execute the notebooks that changed, headless (-j runs them side by side)

accept: $(filter _build/executed/$(CHOSEN)%,$(EXECUTED)) $(PROVED) ## take the executed outputs as the published ones (WEEK=07: of one week)
	@$(PY) -m ultralearn.publish.accept $(WEEK)

test: $(ENV) ## everything that is due: lint, tests, proofs, notebooks, comparison, book, browser
	@$(PY) -m ultralearn.publish.steps $(MAKE)

bench: $(ENV) $(PEERS) ## time our models beside the libraries' (Linux, Python 3.11, a quiet machine, 25 minutes)
	$(PY) -m benchmarks.run

lock: $(ENV) ## make requirements.txt anew from pyproject.toml
	$(PY) -m venv _build/lock && _build/lock/bin/python -m pip install -q uv
	_build/lock/bin/uv pip compile --universal --python-version 3.11 --all-extras --no-header --no-annotate \
		$(if $(UPGRADE),--upgrade) --output-file requirements.txt pyproject.toml

fill: $(ENV) ## put ADDRESS=https://host/owner/name in place of the repository's address
	@$(PY) -m ultralearn.publish.address "$(ADDRESS)"

clean: ## remove what was built (not the environment, not work/)
	rm -rf _build

# --- the environment

$(ENV): requirements.txt pyproject.toml
	@if ! $(PY) -c '' 2>/dev/null; then \
		for python in $(PYTHON) python3 python3.13 python3.12 python3.11 python; do \
			$$python -c 'import sys, venv, ensurepip; sys.exit(not (3, 11) <= sys.version_info[:2] <= (3, 13))' \
				2>/dev/null && found=$$python && break; \
		done; \
		if [ -z "$$found" ]; then \
			echo "No Python 3.11, 3.12 or 3.13 (with venv) was found on the PATH. Install one, or name it:" >&2; \
			echo "  make book PYTHON=/path/to/python3.12" >&2; exit 1; \
		fi; \
		echo "Making the environment in .venv with $$($$found --version) (once, a few minutes, about 2.8 GB)"; \
		rm -rf .venv && $$found -m venv .venv; \
	fi
	@$(PY) -m pip install --quiet --upgrade pip
	$(PY) -m pip install --requirement requirements.txt
	@$(PY) -m pip install --quiet --no-deps --no-build-isolation --editable .
	@touch $@

# Each peer of the benchmarks has one of its own: what they pin does not go together.
_build/benchmarks/%/installed: benchmarks/requirements/%.txt | $(ENV)
	@$(PY) -c 'import sys; sys.exit(sys.version_info[:2] != (3, 11))' \
		|| { echo "The peers are pinned for Python 3.11. Remove .venv, then: make bench PYTHON=python3.11" >&2; exit 1; }
	@rm -rf $(@D) && $(PY) -m venv $(@D)
	$(@D)/bin/python -m pip install --quiet --requirement $<
	@touch $@

# --- the site

# Always from scratch: Sphinx does not see that an extension changed, and all of it takes seconds.
$(SITE)/.complete: $(ENV) $(PAGES)
	@rm -rf _build/book
	$(BIN)/jupyter-book build . -W -n --keep-going --path-output _build/book
	@$(PY) -m ultralearn.publish.expected_pages $(SITE)
	@touch $@

# --- the notebooks: make is the scheduler. What each depends on stands in the include below.

_build/closure.mk: $(CODE) | $(ENV)
	@$(PY) -m ultralearn.publish.closure $@

_build/executed/%.ipynb: notebooks/%.py $(LOCK) | $(ENV)
	@$(PY) -m ultralearn.publish.execute $< $@

# --- the steps of `make test`, each of use alone
# A step leaves a stamp when it is green, and runs again when something that it depends on is newer than that.

lint: $(addprefix $(GREEN)/lint/,ruff types types_of_notebooks imports workflows)
unit: $(ROOMS:%=$(GREEN)/unit/%)
proofs: $(WEEKS:%=$(GREEN)/proofs/%)
execute: notebooks
site: $(SITE)/.complete
coverage pairs replay links browser: %: $(GREEN)/%

$(GREEN)/lint/%: $(filter %.py,$(CODE)) pyproject.toml $(LOCK) | $(ENV)
	$(LINT.$*)
	@mkdir -p $(@D) && touch $@

LINT.ruff = $(BIN)/ruff check . && $(BIN)/ruff format --check .
LINT.types = $(BIN)/mypy
# A cache of its own: with other options mypy would throw that of the first away.
LINT.types_of_notebooks = $(BIN)/mypy --cache-dir .mypy_cache/notebooks \
	--disable-error-code empty-body --disable-error-code no-untyped-def notebooks
LINT.imports = $(BIN)/lint-imports
LINT.workflows = $(BIN)/check-jsonschema --builtin-schema vendor.github-workflows .github/workflows/*.yml \
	&& $(BIN)/zizmor --offline --quiet --config .github/zizmor.yml .github/workflows

$(GREEN)/lint/workflows: $(shell find .github -type f)

# $(call TESTED,FILES,OPTIONS): on all processors, with a stamp, and the coverage of src/ kept beside it.
ONE_THREAD := OMP_NUM_THREADS=1 OPENBLAS_NUM_THREADS=1 MKL_NUM_THREADS=1# a process: else they wait for each other
KEPT = $(notdir $(@D)).$(@F)
TESTED = @mkdir -p _build/coverage/$(KEPT) _build/junit && echo "$(@F)" && \
	COVERAGE_FILE=_build/coverage/$(KEPT)/data $(ONE_THREAD) $(PY) -m pytest $(1) $(2) -q -n logical \
	-p tests.stamps --stamp $@ --junitxml _build/junit/$(KEPT).xml
COVERED = --cov --cov-report=

# A room is a folder of tests; those below it are rooms of their own. What a module makes once is made by one process.
$(GREEN)/unit/%: pyproject.toml $(LOCK) tests/stamps.py tests/no_skips.py | $(ENV)
	$(call TESTED,$(filter-out %_in_browser.py,$(wildcard $(subst .,/,$*)/test_*.py)),--dist loadfile $(COVERED))

$(GREEN)/proofs/%: pyproject.toml $(LOCK) tests/stamps.py tests/no_skips.py | $(ENV)
	@rm -f _build/proofs/$*.*
	$(call TESTED,tests/exercises,--week $(*:week_%=%) --dist loadgroup $(COVERED))

$(GREEN)/coverage: $(ROOMS:%=$(GREEN)/unit/%) $(WEEKS:%=$(GREEN)/proofs/%)
	$(BIN)/coverage combine --quiet --keep --data-file _build/coverage/all _build/coverage/*/data
	$(BIN)/coverage report --data-file _build/coverage/all --fail-under=90
	@touch $@

$(GREEN)/pairs: $(wildcard notebooks/week_* book/results/*.json) $(WEEKS:%=$(GREEN)/proofs/%)
	$(PY) -m pytest tests/notebooks/test_pairs.py -q -p tests.stamps --stamp $@

$(GREEN)/replay: $(EXECUTED) $(wildcard notebooks/*.ipynb)
	$(PY) -m pytest -p ultralearn.publish.replay --executed _build/executed tests/notebooks/test_executed.py notebooks \
		-q -p tests.stamps --stamp $@

$(GREEN)/links: $(SITE)/.complete
	$(PY) -m pytest tests/book/test_site.py -q -p tests.stamps --stamp $@

$(GREEN)/browser: $(SITE)/.complete
	$(call TESTED,tests/book/test_browser.py $(shell find tests -name '*_in_browser.py'),--dist worksteal)

# --- what only the workflows run

published: # put the filled, executed notebooks on the branch that Colab opens
	git -c user.name=publish -c user.email=publish@localhost commit --quiet --message "Notebooks as published" \
		--only _config.yml notebooks
	git push --force origin HEAD:refs/heads/published

latest: # everything with the newest versions that pyproject.toml allows
	python3 -m venv .venv && $(PY) -m pip install --upgrade pip
	$(PY) -m pip install --editable '.[tracking,book,test]'
	touch $(ENV)
	$(MAKE) test

colab: # in Colab's own image: install as the first cell does, then execute
	python3 -m pip install --quiet --no-deps .
	python3 -m pip install --quiet papermill jupytext
	echo n | python3 -c "from ultralearn import colab; colab.prepare()"
	for script in notebooks/week_*.py; do \
		python3 -m ultralearn.publish.execute $$script _build/colab/$$(basename $$script .py).ipynb || exit 1; done

external-links: $(ENV)
	$(BIN)/jupyter-book build . --builder linkcheck --path-output _build/linkcheck

data-check: $(ENV) # GroupLens's own rows and those of the fallback are the same
	$(PY) -m pytest tests/recsys -q -m internet

report:
	gh issue create --title "The weekly run failed" --body "$(RUN)"
