# SPDX-FileCopyrightText: 2026 The labfleet.gpu authors
# SPDX-License-Identifier: GPL-3.0-or-later

.DEFAULT_GOAL := help
NODES ?= 3
KINDS ?=
ONLY ?=
ARGS ?=
RUN := python3 tests/tools/run.py
WITH := python3 tests/tools/with_env.py
FOR_CHECK := requirements/debian-check.txt
FOR_LAB := $(FOR_CHECK) requirements/debian-lab.txt

.PHONY: help demo test check test-all benchmark docs-check build clean set-up set-up-lab
.PHONY: lab-up lab-converge lab-down lab-status

help: ## Show this list
	@grep -hE '^[a-z-]+:.*## ' $(MAKEFILE_LIST) | sed -E 's/:[^#]*## /\t/' | expand -t 14

demo: set-up-lab ## Boot 4 simulated GPU nodes, install the driver over ssh, show that a second run changes nothing
	@$(WITH) --root controller python tests/tools/demo.py

test: set-up-lab ## Test every feature once, on booted nodes (needs root; ONLY=stage,stage for some)
	@$(RUN) test $(if $(ONLY),--only $(ONLY))

check: set-up ## Lint, types, unit and conformance tests
	@$(RUN) check $(if $(ONLY),--only $(ONLY))

test-all: set-up-lab ## Test the full matrix
	@$(RUN) test-all $(if $(ONLY),--only $(ONLY))

lab-up: set-up-lab ## Boot a lab and leave it running: NODES=20 KINDS=ubuntu2404,debian12
	@$(WITH) --root controller python tests/lab/lab.py up --nodes $(NODES) $(if $(KINDS),--kinds $(KINDS))

lab-converge: set-up-lab ## Run playbooks/site.yml on the lab: ARGS="--limit node1 -e nvidia_driver_branch=570"
	@$(WITH) --root controller sh tests/tools/converge.sh $(ARGS)

lab-down: set-up-lab ## End the lab and remove what it left
	@$(WITH) --root controller python tests/lab/lab.py down

lab-status: set-up-lab ## Show the lab's nodes
	@$(WITH) --root controller python tests/lab/lab.py status

benchmark: set-up-lab ## Time the no-change run against a ping play at 1, 10 and 20 nodes
	@$(WITH) --root controller python tests/benchmark/benchmark.py

docs-check: set-up ## Check documentation, changelog and links
	@$(WITH) docs sh tests/tools/docs.sh

build: set-up ## Build the collection's archive into .build/dist
	@$(WITH) galaxy sh tests/tools/galaxy.sh --build-only

clean: ## Remove everything that was built here (a running lab stays: make lab-down)
	@rm -rf .build tests/output .mypy_cache .ruff_cache .pytest_cache

set-up:
	@sh tests/tools/bootstrap.sh $(FOR_CHECK)

set-up-lab:
	@sh tests/tools/bootstrap.sh $(FOR_LAB)
