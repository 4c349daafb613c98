# `make demo`, `make test`: each creates `.venv` and installs what it needs.

PYTHON ?= python3
BIN := .venv/bin

.PHONY: demo test test-parity lint benchmark clean

# MODEL is conv_bert or hybrid_bert.
MODEL ?= conv_bert

demo: .venv/training
	$(BIN)/python -m training.demo --model $(MODEL)

# A file of tests stays in one process; files are shared out to all cores.
test: .venv/dev
	$(BIN)/python -m pytest --numprocesses auto --dist loadfile

# The same layers on JAX and Torch, and the numbers of the PyTorch peer.
test-parity: .venv/parity
	$(BIN)/python -m pytest -m parity
	KERAS_BACKEND=jax $(BIN)/python -m pytest tests/layers tests/models/test_golden.py
	KERAS_BACKEND=torch $(BIN)/python -m pytest tests/layers tests/models/test_golden.py

lint: .venv/dev
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .

benchmark: .venv/bench
	$(BIN)/python -m benchmarks.compare

clean:
	rm -rf .venv

.venv/%: requirements-%.txt $(wildcard requirements*.txt)
	test -x $(BIN)/python || $(PYTHON) -m venv .venv
	$(BIN)/python -m pip install --quiet --upgrade-strategy only-if-needed \
		-r requirements.txt -r $<
	touch $@
