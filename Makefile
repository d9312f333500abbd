# Two commands matter: `make demo` and `make test`. Both make the environment when it is missing.
PYTHON ?= python3
BOARD ?= ulx3s-85f
SEEDS ?=
VENV := .venv
RUN := $(VENV)/bin/python
STAMP := $(VENV)/.installed
JOBS ?= 2

.DEFAULT_GOAL := help
CONFIG ?= 4x8x64-l16

.PHONY: help install demo report verilog bitstream boards virtual flash test test-slow lint format clean distclean

help: ## list the targets
	@awk -F ':.*## ' '/^[a-z-]+:.*## / { printf "  make %-10s %s\n", $$1, $$2 }' $(MAKEFILE_LIST)

# Done again when what is installed changes, not when the code does (it is an editable install).
$(STAMP): pyproject.toml constraints.txt
	@$(PYTHON) -c 'import sys; sys.exit(sys.version_info < (3, 11))' \
		|| { echo "$(PYTHON) is older than 3.11; run make PYTHON=/path/to/python3.11"; exit 1; }
	test -x $(RUN) || $(PYTHON) -m venv $(VENV)
	$(RUN) -m pip install --quiet --disable-pip-version-check -e '.[dev]' -c constraints.txt
	@touch $@

install: $(STAMP) ## make .venv with everything in it

demo: $(STAMP) ## simulate a block of the shipped model and compare every tensor
	$(RUN) -m sim.run_block

report: $(STAMP) ## cycles, bytes and time lines of whole networks, into build/report
	mkdir -p build/report
	$(call network_report,cifar10,4x8x64-l16,cifar10)
	$(call network_report,random:binaryvit,7x16x64-l32,binaryvit)

# $(call network_report,MODEL,CONFIGURATION,NAME): table, JSON and time line.
network_report = $(RUN) -m sim.report --model $(1) --config $(2) \
	--json build/report/$(3)-$(2).json --picture build/report/$(3)-$(2).png \
	> build/report/$(3)-$(2).txt

verilog: $(STAMP) ## the core CONFIG=... with AXI ports for a system of your own, into build/verilog
	$(RUN) -m bitstreams.verilog --config $(CONFIG)

bitstream: $(STAMP) ## synthesise, route and pack BOARD (ulx3s-85f), for SEEDS (those of its report)
	$(RUN) -m bitstreams build $(BOARD) $(if $(SEEDS),--seeds $(SEEDS)) --jobs $(JOBS)

boards: $(STAMP) ## list the boards with area, clock and frames a second
	$(RUN) -m bitstreams boards

virtual: $(STAMP) ## run BOARD in simulation, from pin to pin, with its memory chip
	$(RUN) -m bitstreams virtual $(BOARD)

flash: $(STAMP) ## load the bitstream of BOARD
	$(RUN) -m bitstreams flash $(BOARD)

test: $(STAMP) ## lint, then every test
	$(RUN) -m ruff check .
	$(RUN) -m ruff format --check .
	$(RUN) -m pytest -n $(JOBS)

test-slow: $(STAMP) ## a block in the synthesised netlist of the smallest accelerator
	$(RUN) -m pytest -m slow

lint: $(STAMP) ## lint only
	$(RUN) -m ruff check .
	$(RUN) -m ruff format --check .

format: $(STAMP) ## format the code
	$(RUN) -m ruff check --fix .
	$(RUN) -m ruff format .

clean: ## remove compiled simulators and caches
	rm -rf build .pytest_cache .ruff_cache .hypothesis
	find . -name __pycache__ -not -path './$(VENV)/*' -prune -exec rm -rf {} +

distclean: clean ## remove the environment as well
	rm -rf $(VENV) *.egg-info
