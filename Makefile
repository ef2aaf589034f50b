# Every target does what its name says on a fresh machine; `make help` lists them.
PYTHON ?= python3
VENV := .venv
BIN := $(VENV)/bin
LOCK := $(BIN)/uv pip compile --universal --python-version 3.11 --generate-hashes --no-strip-extras --upgrade --no-emit-index-url --no-emit-find-links --custom-compile-command 'make lock' -q

.PHONY: help venv lock check test test-unit test-peers test-integration test-faults test-faults-few test-e2e cluster cluster-down chart images demo demo-down mutate

help: ## List the targets
	@grep -hE '^[a-z0-9-]+:.*##' $(MAKEFILE_LIST) | sed -E 's/:.*## /\t/' | expand -t 22

$(VENV)/.ready: requirements-dev.lock requirements-build.lock pyproject.toml
	$(PYTHON) -m venv $(VENV)
	$(BIN)/pip install --quiet --require-hashes -r requirements-dev.lock
	$(BIN)/pip install --quiet --require-hashes -r requirements-build.lock
	$(BIN)/pip install --quiet --no-deps --no-build-isolation --editable .
	touch $@

venv: $(VENV)/.ready ## The Python environment, hash-checked

lock: venv ## Renew the lock files
	$(BIN)/pip install --quiet uv
	$(LOCK) pyproject.toml -o requirements.lock
	$(LOCK) --extra dev pyproject.toml -o requirements-dev.lock
	$(LOCK) requirements-build.in -o requirements-build.lock
	for peer in tests/peers/*.in; do $(LOCK) $$peer -o $${peer%.in}.lock || exit 1; done

check: venv ## Format, lint, types, import contracts
	$(BIN)/ruff format --check .
	$(BIN)/ruff check .
	$(BIN)/mypy
	$(BIN)/lint-imports

test: check test-unit test-peers test-integration test-faults-few test-e2e ## Everything: checks, unit, real clients, a real API server, some faults, a real kubelet

test-unit: venv ## Without any cluster
	$(BIN)/pytest -n auto -m 'not integration and not e2e and not peers and not faults' --cov --cov-report=term:skip-covered --cov-fail-under=85

test-peers: venv ## The vendor's clients, from PyPI in environments of their own, against our hub
	$(BIN)/pytest -m peers

test-integration: venv ## On a real API server, started and stopped by the tests (Linux, Go)
	$(BIN)/pytest -n 2 --dist loadfile -m integration

test-faults: venv ## Kills, cuts and full disks: all of them, an hour
	HUBTRAINING_FAULTS=full $(BIN)/pytest -m faults --durations=15

test-faults-few: venv ## The same, a few of each
	$(BIN)/pytest -n 2 -m faults

test-e2e: venv ## Real training in real pods on a cluster of its own (root, Linux, Go)
	$(BIN)/pytest -m e2e --durations=15

mutate: venv ## See that no rule of the controller's decision can be taken away unnoticed
	$(BIN)/python hack/mutate/rules

cluster: ## A local Kubernetes without Docker (root, Linux, Go)
	hack/cluster/cluster up

cluster-down: ## Take the local Kubernetes away, and everything that it made
	hack/cluster/cluster down

chart: venv ## Bring the chart's copies, the tables of docs/ and deploy/ up to date
	$(BIN)/python hack/chart/sync
	$(BIN)/python hack/chart/render

images: ## Build the images
	hack/images/build all

demo: ## From nothing to a trained model (CONTEXT=name REGISTRY=… for a cluster of yours)
	hack/demo/demo $(if $(CONTEXT),--context $(CONTEXT)) $(if $(REGISTRY),--registry $(REGISTRY))

demo-down: ## Take away what the demo made
	hack/demo/demo --down $(if $(CONTEXT),--context $(CONTEXT))
