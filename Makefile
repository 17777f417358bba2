# make demo | make test | make help
PYTHON ?= python3
VENV   := .venv
BIN    := $(VENV)/bin
FRAMES ?=
SAMPLE ?=
REPLAY ?=
SPEED  ?=
PORT   ?=
TRIAL  ?=
# So many test files at a time as there are cores; most tests wait for other processes.
SIDE   := -n logical --dist loadfile

.DEFAULT_GOAL := help
.PHONY: help demo test test-all check audit bench chaos browser lock openapi wheel clean

help: ## what can be made
	@grep -hE '^[a-z-]+:.*## ' $(MAKEFILE_LIST) | awk -F':.*## ' '{printf "  make %-10s %s\n", $$1, $$2}'

# Two stamps: what running needs, and what testing needs on top of it.
$(VENV)/.run: requirements.lock pyproject.toml
	@$(PYTHON) -c 'import sys; sys.exit("Python 3.11 or newer is needed, this is " + sys.version.split()[0]) if sys.version_info < (3, 11) else None'
	@test -x $(BIN)/python || $(PYTHON) -m venv $(VENV)
	@echo "setting up $(VENV) (a minute or two the first time)"
	@$(BIN)/python -m pip install -qq --disable-pip-version-check -r requirements.lock
	@$(BIN)/python -m pip install -qq --disable-pip-version-check --no-deps --editable .
	@$(BIN)/python -m paretoscope.worker.warm
	@touch $@

$(VENV)/.dev: $(VENV)/.run requirements-dev.lock
	@$(BIN)/python -m pip install -qq --disable-pip-version-check -r requirements-dev.lock
	@touch $@

demo: $(VENV)/.run ## a simulated microscope, the service and its page (FRAMES=5 SAMPLE=SrTiO3 REPLAY=file SPEED=4 PORT=8080)
	@$(BIN)/paretoscope demo $(if $(FRAMES),--frames $(FRAMES)) $(if $(SAMPLE),--sample $(SAMPLE)) \
		$(if $(REPLAY),--replay $(REPLAY)) $(if $(SPEED),--speed $(SPEED)) $(if $(PORT),--port $(PORT))

browser: ## Debian's chromium, which the browser tests drive
	@command -v chromium >/dev/null || \
		{ echo "installing chromium for the browser tests"; \
		  (apt-get update -qq && apt-get install -y -qq chromium) >/dev/null 2>&1; } || \
		echo "chromium is missing and may not be installed here: the browser tests will be skipped"

test: $(VENV)/.dev browser ## every test but the long ones, under 10 minutes on 2 cores
	@$(BIN)/python -m pytest $(SIDE) $(ARGS)

test-all: $(VENV)/.dev browser ## the long suites too
	@$(BIN)/python -m pytest -m '' $(ARGS)

check: $(VENV)/.dev ## lint, format, types, layers, container files
	@$(BIN)/ruff check .
	@$(BIN)/ruff format --check --quiet .
	@$(BIN)/pyright
	@$(BIN)/lint-imports --no-cache
	@$(BIN)/yamllint --strict docker .yamllint.yaml
	@$(BIN)/hadolint docker/api.Dockerfile docker/worker.Dockerfile
	@$(BIN)/check-jsonschema --quiet --builtin-schema vendor.compose-spec docker/compose.yaml

audit: $(VENV)/.dev ## known holes in what the lock files pin (needs a vulnerability service), secrets in the tree
	@$(BIN)/python .ci/audit.py

bench: $(VENV)/.run ## side-by-side benchmarks, medians and ratios
	@$(BIN)/paretoscope bench all

chaos: $(VENV)/.dev ## kills, floods, strangers, a long night: hours; figures into docs/reliability.md (TRIAL=kills)
	@$(BIN)/python -m chaos $(TRIAL) --record

openapi: $(VENV)/.run ## renew the pinned description of the REST routes
	@$(BIN)/python -m paretoscope.api.openapi

wheel: $(VENV)/.dev ## build the wheel into dist/
	@$(BIN)/python -m build --wheel --outdir dist . >/dev/null && ls dist/*.whl

lock: $(VENV)/.dev ## renew both lock files from pyproject.toml
	@$(BIN)/pip-compile --quiet --strip-extras --no-emit-index-url --no-emit-find-links --no-header --no-annotate \
		--extra service --extra sim --extra formats --extra viz --output-file requirements.lock pyproject.toml
	@sed -i -E 's/^(torch==[0-9.]+)\+cpu$$/\1/' requirements.lock  # the build's own label is not on every index
	@$(BIN)/pip-compile --quiet --strip-extras --no-emit-index-url --no-emit-find-links --no-header --no-annotate \
		--extra dev --constraint requirements.lock --output-file requirements-dev.lock pyproject.toml

clean: ## remove what was built, the environment included
	@rm -rf $(VENV) build dist out .pytest_cache .ruff_cache .hypothesis service/*.egg-info
