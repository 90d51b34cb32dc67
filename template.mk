# The template alone: the engine's words, and those of the documentation and the benchmarks.
ENGINE := src/engine
ENGINE_BIN := $(ENGINE)/.venv/bin
ENGINE_SYNC := env -u VIRTUAL_ENV -u UV_PROJECT_ENVIRONMENT $(UV) sync --directory $(ENGINE) --frozen --inexact --quiet --all-extras

COVERAGE := --cov=src/features --cov=src/sources --cov-report=term-missing:skip-covered  # `src` has the engine too

.PHONY: bench clean-docs docs play test-engine test-slow check-engine tools-engine

test: test-engine

test-engine: $(ENGINE)/.venv/.stamp
	cd $(ENGINE) && .venv/bin/pytest -n 3 --dist worksteal -m "not slow" $(ARGS)

test-slow: $(ENGINE)/.venv/.stamp  ## Run what is long by nature: whole made projects, soak, quick benchmarks, images
	cd $(ENGINE) && .venv/bin/pytest -n 3 --dist worksteal -m slow $(ARGS)

check: check-engine

check-engine: $(ENGINE)/.venv/.stamp
	cd $(ENGINE) && .venv/bin/mypy

tools: tools-engine

tools-engine:
	bash .ci/tools

docs: $(ENGINE)/.venv/.stamp  ## Generate the reference pages, and build the documentation into site-docs/
	$(ENGINE_BIN)/python docs/generate.py
	$(ENGINE_BIN)/mkdocs build --strict --quiet

clean: clean-docs

clean-docs:
	rm -rf site-docs

play: $(ENGINE)/.venv/.stamp  ## Play the pages that show outputs, and write what was printed
	$(ENGINE_BIN)/python docs/play.py $(ARGS)

bench: $(ENGINE)/.venv/.bench.stamp  ## Measure the figures of benchmarks/README.md
	$(ENGINE_BIN)/python benchmarks/run.py $(ARGS)

$(ENGINE)/.venv/.stamp: .venv/.uv.stamp $(ENGINE)/uv.lock $(ENGINE)/pyproject.toml
	@test -d $(ENGINE)/.venv || $(PYTHON) -m venv $(ENGINE)/.venv
	$(ENGINE_SYNC)
	@touch $@

$(ENGINE)/.venv/.bench.stamp: $(ENGINE)/.venv/.stamp  # the peers' packages too
	$(ENGINE_SYNC) --group bench
	@touch $@
