# The targets for developers and CI. `make` alone lists them.
#
# SWIFT=/path/to/swift selects a toolchain; otherwise scripts/find-swift.sh finds one.

SHELL := /bin/bash
.SHELLFLAGS := -euo pipefail -c
.DEFAULT_GOAL := help
.PHONY: help toolchain deps test-deps build deb deb-test test chaos fuzz attack simulate demo demo-stop demo-release demo-push demo-page bench format clean

# Looked up once, when a recipe first needs it, so that `make help` works without a toolchain.
swift = $(or $(swift_found),$(eval swift_found := $(shell SWIFT='$(SWIFT)' scripts/find-swift.sh))$(or \
	$(swift_found),$(error no Swift toolchain)))

help: ## list the targets
	@echo 'Usage: make TARGET'
	@echo
	@sed -n 's/^\([a-z-]*\):[^#]*## \(.*\)/\1\t\2/p' $(MAKEFILE_LIST) | expand -t 14 | sed 's/^/  /'

toolchain:
	@scripts/install-packages.sh toolchain
	@: $(swift)

deps: ## install the missing Debian packages of `build` and `demo` (as root or with sudo), after printing names and size
	@scripts/install-packages.sh toolchain build demo

test-deps: ## install those of the tests too: OpenStack, MariaDB, Docker and others
	@scripts/install-packages.sh toolchain build demo openstack test

build: toolchain ## build release binaries in .build/bin: aibuild, aibuild-coordinator, aibuild-agent, aibuild-fetch
	@scripts/install-packages.sh build
	@# They run on machines without Swift.
	@for program in $(programs); do $(swift) build -c release --static-swift-stdlib --product $$program; done
	@install -D -m 755 -s -t .build/bin $(programs:%=.build/release/%)
	@scripts/check-programs.sh $(programs:%=.build/bin/%)

programs := aibuild-coordinator aibuild aibuild-agent aibuild-fetch

deb: build ## build Debian packages in .build/deb (REVISION=1: of one version; DEBFULLNAME, DEBEMAIL: who makes them)
	@scripts/install-packages.sh deb
	@REVISION='$(REVISION)' DEB_LEVEL='$(DEB_LEVEL)' scripts/build-packages.sh

deb-test: deb ## check them with lintian, then install, upgrade and purge them on a Debian of their own with systemd (root)
	@lintian --allow-root --fail-on error,warning .build/deb/*.changes
	@REVISION='$(REVISION)' scripts/test-packages.sh

test: toolchain test-deps ## run all tests with the real components (TEST=REGEX: only the tests that match)
	@$(swift) build --build-tests
	@WIDTH='$(WIDTH)' scripts/run-tests.sh '$(swift)' $(if $(TEST),'$(TEST)')

chaos: toolchain test-deps ## inject faults into a busy farm of real processes; see docs/faults.md (SEED=1 ROUNDS=100 ONLY=WORDS STRETCH=12 WRITE=1)
	@$(swift) build --build-tests
	@CHAOS_SEED='$(SEED)' CHAOS_ROUNDS='$(or $(ROUNDS),100)' CHAOS_ONLY='$(ONLY)' \
	    CHAOS_STRETCH='$(STRETCH)' CHAOS_WRITE='$(WRITE)' LIMIT_SECONDS=$(or $(LIMIT_SECONDS),7200) \
	    scripts/run-tests.sh '$(swift)' '^ChaosTests[.]'

fuzz: toolchain test-deps ## feed changed messages, templates, image headers and requests to the parsers (MINUTES=60 SEED=1)
	@$(swift) build --build-tests
	@FUZZ_SECONDS=$$(( $(or $(MINUTES),60) * 60 )) FUZZ_SEED=$(or $(SEED),1) FUZZ_LAST=.build/fuzz \
	    LIMIT_SECONDS=$$(( $(or $(MINUTES),60) * 60 + 600 )) scripts/run-tests.sh '$(swift)' '^FuzzTests[.]'

attack: toolchain test-deps ## attack agents, the API, the store and the parsers as strangers would; see docs/security.md
	@$(swift) build --build-tests
	@scripts/run-tests.sh '$(swift)' '$(attacks)'

# The suites of docs/security.md; `make test` runs them as well.
attacks := [.](Isolation|IsolationRule|ImageTest|AttemptLimit|BaseImage|ImageDependency|ArchiveCheck|HostSecret|Epoch|Stop)Tests|$\
	[.](Attack|HostileAgent|HostileHost|HostileClient|HostileBody|HostileText|Access|BrowserSafety|Rights|SignIn|Account|Provider|KeystoneIdentity|TLS)Tests|$\
	[.](OpenID|BrowserSignIn|CommandLineSignIn|SigningKey)Tests|$\
	[.](Lease|Deposed|PausedLeader|Obligation|UnusableRow|Bounded|BoundSum|MissingRanges|Fitted|TemplateCheck)Tests|$\
	[.](ReleaseRights|ReleasePolicy|EnvironmentRules|TemplateCredential|GitCredential)Tests|^FuzzTests[.]

simulate: toolchain ## simulate the coordinator and its hosts, with faults from one seed (SEED=1 HOSTS=2000 BUILDS=100000, TRACE=file; see docs/faults.md)
	@scripts/install-packages.sh build
	@$(swift) build -c release --static-swift-stdlib --product aibuild-simulate
	@.build/release/aibuild-simulate --seed $(or $(SEED),1) --hosts $(or $(HOSTS),2000) \
	    --builds $(or $(BUILDS),100000) $(if $(TRACE),--trace '$(TRACE)')

demo: toolchain deps build ## build and publish two images on two local hosts (KEEP=1: leave the farm running, PORT=9800: another port)
	@KEEP='$(KEEP)' PORT='$(PORT)' scripts/demo.sh

demo-stop: ## stop demos that were started with KEEP=1
	@scripts/demo.sh stop
	@scripts/demo-release.sh stop
	@scripts/demo-push.sh stop

demo-release: toolchain deps build ## release an image to a local OpenStack, roll it back, boot it from there (KEEP=1: leave it running)
	@scripts/install-packages.sh openstack
	@KEEP='$(KEEP)' PORT='$(PORT)' scripts/demo-release.sh

demo-push: toolchain deps build ## push to a Git server: the images that it changes are built, a tag releases (KEEP=1: leave it running)
	@scripts/install-packages.sh push
	@KEEP='$(KEEP)' PORT='$(PORT)' scripts/demo-push.sh

demo-page: toolchain ## serve the pages of a busy farm that only exists in memory: 40 hosts, two weeks of builds (PORT=9760)
	@scripts/install-packages.sh build
	@$(swift) build -c release --static-swift-stdlib --product aibuild-demo-farm
	@folder=$$(mktemp -d) && trap "rm -rf $$folder" EXIT && \
	    .build/release/aibuild-demo-farm $(or $(PORT),9760) $$folder

bench: toolchain test-deps build ## benchmark against packer, scp, rsync and ssh; writes bench/results.json (ONLY=ROW,ROW: only these rows)
	@ONLY='$(ONLY)' python3 bench/bench.py

format: ## format the Swift sources
	@$(swift) format --in-place --recursive --parallel Package.swift Protocol Agent Coordinator Sources Tests

clean: ## remove build products
	@rm -rf .build
