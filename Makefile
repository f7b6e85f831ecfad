# Every command a person needs.  `make app` and `make test` set everything up by themselves.
PYTHON ?= $(shell command -v python3.11 || command -v python3.12 || command -v python3)
PIP_FLAGS ?=
WORKERS ?= logical
RUN := .venv/bin/python
PICTURES := walk-light walk-dark walk-400 review-light explore-light queue-light formats-light repair-light train-light compare-light data-light
export GRADIO_ANALYTICS_ENABLED := False
export HF_HUB_DISABLE_TELEMETRY := 1

.PHONY: help app setup test check bench bench-explore bench-train model reproduce screenshots

help:
	@echo "make app          set up, then open the workbench at http://127.0.0.1:7860"
	@echo "make test         set up (a browser included), then run all tests, a worker a core (WORKERS=1: one)"
	@echo "make check        ruff and mypy"
	@echo "make bench        the speed tables, and their JSON under build/bench/"
	@echo "make bench-explore  first pits by each search; records its tables first (an hour; it goes on where it was)"
	@echo "make bench-train  our DPO run against the plain TRL script: pairs a second, peak memory"
	@echo "make reproduce    Self-Explore with its controls, three seeds: the README's first table (two cores: under an hour)"
	@echo "make model        train the built-in solver from scratch (one core: about two hours)"
	@echo "make screenshots  take the README's pictures anew"

app: .venv/.app
	$(RUN) app.py $(ARGS)

setup: .venv/.app

# The stamps are written last: an interrupted installation is taken up again. Once there, nothing is downloaded.
.venv/.app: requirements.txt constraints.txt
	test -x $(RUN) || $(PYTHON) -m venv .venv
	$(RUN) -m pip install --quiet --disable-pip-version-check $(PIP_FLAGS) -r requirements.txt -c constraints.txt
	touch $@

.venv/.test: .venv/.app requirements-dev.txt constraints.txt
	$(RUN) -m pip install --quiet --disable-pip-version-check $(PIP_FLAGS) -r requirements-dev.txt -c constraints.txt
	$(RUN) -m tests.e2e.browser
	touch $@

test: .venv/.test
	$(RUN) -m pytest -n $(WORKERS) --maxprocesses 4 --dist loadfile --no-loadscope-reorder $(ARGS)

check: .venv/.test
	$(RUN) -m ruff check .
	$(RUN) -m ruff format --check .
	$(RUN) -m mypy

bench: .venv/.test
	@for name in $(basename $(notdir $(wildcard tests/bench/bench_*.py))); do \
		echo "== $$name"; $(RUN) -m tests.bench.$$name || exit 1; done

# Whole tables are left as they are; a recording that was stopped goes on after its last whole trace.
bench-explore: .venv/.test
	$(RUN) -m tests.bench.record_recoverability --num 1000 --out build/bench/recoverability.jsonl
	$(RUN) -m tests.bench.record_recoverability --num 400 --seed 7501 --out build/bench/recoverability_fit.jsonl
	$(RUN) -m tests.bench.bench_explore $(ARGS)

bench-train: .venv/.test
	$(RUN) -m tests.bench.bench_train $(ARGS)

model: .venv/.app
	$(RUN) -m training.pretrain --out assets/model/solver
	$(RUN) -m training.showcase

# Stages that are done are passed over; one that was stopped goes on where it was.
reproduce: .venv/.app
	$(RUN) -m training.reproduce $(ARGS)

screenshots: .venv/.test
	$(RUN) -m pytest tests/e2e -m browser
	mkdir -p assets/screenshots
	cp $(PICTURES:%=build/screenshots/%.png) assets/screenshots/
