# What a developer or a CI job calls. `make` alone lists the targets.
#
# SWIFT=/path/to/swift chooses a toolchain; otherwise scripts/find-swift.sh finds one.

SHELL := /bin/bash
.SHELLFLAGS := -euo pipefail -c
.DEFAULT_GOAL := help
.PHONY: help deps build test chaos demo demo-stop demo-release bench format clean

# Asked once, when a recipe first needs it: `make help` works without a toolchain.
swift = $(or $(swift_found),$(eval swift_found := $(shell SWIFT='$(SWIFT)' scripts/find-swift.sh))$(or \
	$(swift_found),$(error no Swift toolchain)))

help: ## list the targets
	@echo 'make TARGET, where TARGET is one of'
	@sed -n 's/^\([a-z-]*\):[^#]*## \(.*\)/\1\t\2/p' $(MAKEFILE_LIST) | expand -t 14 | sed 's/^/  /'

deps: ## install the missing Debian packages, saying which (root, or sudo)
	@scripts/install-packages.sh

build: deps ## release binaries in .build/bin: aibuild, aibuild-coordinator, aibuild-agent, aibuild-fetch
	@$(swift) build -c release --product aibuild-coordinator
	@$(swift) build -c release --product aibuild
	@# The agent runs on hosts that have no Swift: its own scratch path, as flags differ.
	@$(swift) build -c release --product aibuild-agent --static-swift-stdlib --scratch-path .build/static
	@$(swift) build -c release --product aibuild-fetch --static-swift-stdlib --scratch-path .build/static
	@install -D -m 755 -t .build/bin .build/release/aibuild .build/release/aibuild-coordinator
	@install -D -m 755 -s -t .build/bin .build/static/release/aibuild-agent .build/static/release/aibuild-fetch

test: deps ## every test, with the real components (TEST=name runs those whose name has it)
	@$(swift) build --build-tests
	@WIDTH='$(WIDTH)' scripts/run-tests.sh '$(swift)' $(if $(TEST),'$(TEST)')

chaos: deps ## faults over a busy farm of real processes (SEED=1 ROUNDS=100, ONLY=word, WRITE=1: docs/faults.md)
	@$(swift) build --build-tests
	@CHAOS_SEED='$(SEED)' CHAOS_ROUNDS='$(or $(ROUNDS),100)' CHAOS_ONLY='$(ONLY)' \
	    CHAOS_STRETCH='$(STRETCH)' CHAOS_WRITE='$(WRITE)' LIMIT_SECONDS=$(or $(LIMIT_SECONDS),7200) \
	    scripts/run-tests.sh '$(swift)' '^ChaosTests[.]'

demo: build ## two hosts, two builds, two published images (KEEP=1 serves on, PORT=… for another than 9753)
	@KEEP='$(KEEP)' PORT='$(PORT)' scripts/demo.sh

demo-stop: ## end demos that were kept
	@scripts/demo.sh stop
	@scripts/demo-release.sh stop

demo-release: build ## a build released into a real OpenStack, taken back, booted from there (KEEP=1 serves on)
	@KEEP='$(KEEP)' PORT='$(PORT)' scripts/demo-release.sh

bench: build ## measure against packer, scp, rsync and ssh; writes bench/results.json (ONLY=row,row) (ONLY=pull.cold: one row)
	@ONLY='$(ONLY)' python3 bench/bench.py

format: ## format the Swift sources
	@$(swift) format --in-place --recursive --parallel Package.swift Protocol Agent Coordinator Sources Tests

clean: ## remove what was built
	@rm -rf .build
