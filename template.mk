.PHONY: bench

bench: .venv/.bench.stamp  ## Measure the figures of benchmarks/README.md
	$(BIN)/python benchmarks/run.py $(ARGS)

.venv/.bench.stamp: .venv/.all.stamp  # the peers' packages too
	$(UV) sync --frozen --inexact --quiet --all-extras --group bench
	@touch $@
