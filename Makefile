# Enishi. Two commands matter: `make run` and `make test`; both install what is missing.

CHDB_VERSION := 26.5.3
CACHE        := $(or $(XDG_CACHE_HOME),$(HOME)/.cache)/enishi
LIBRARY      := $(CACHE)/chdb-$(CHDB_VERSION)/libchdb.so
NPM          := npm --no-audit --no-fund --loglevel=error
GO           := go
export CGO_ENABLED := 0

APT          := $(shell [ "$$(id -u)" = 0 ] || echo sudo) env DEBIAN_FRONTEND=noninteractive apt-get

.PHONY: help run dev build tools fonts deps deps-test deps-full web sdk lint test test-full soak race fuzz integration bench bench-parts fmt golden clean

help: ## what can be made
	@awk -F':.*## ' '/^[a-z-]+:.*## / {printf "  make %-12s %s\n", $$1, $$2}' $(MAKEFILE_LIST)

run: build fonts ## install what is missing, build, and start the demo shop with everything embedded in ./data
	./bin/enishi serve --demo --data ./data

dev: deps sdk ## the server without a console build; run `npm run dev` in web/ beside it
	$(GO) run ./cmd/enishi serve --demo --data ./data

build: deps web sdk ## bin/enishi with the console and the browser SDK inside
	$(GO) build -trimpath -o bin/enishi ./cmd/enishi

tools:
	@command -v npm >/dev/null && command -v go >/dev/null || { echo "installing Go and Node.js ..."; \
		$(APT) update -qq && $(APT) install -y -qq $$(command -v go >/dev/null || echo golang-go) $$(command -v npm >/dev/null || echo nodejs npm) >/dev/null; }

deps: tools $(LIBRARY) ## the engine library
$(LIBRARY): | tools
	@echo "fetching the ClickHouse engine ($(CHDB_VERSION), about 130 MB) ..."
	@mkdir -p $(@D)
	@tmp=$$(mktemp -d) && cd $$tmp && npm pack --silent @chdb/lib-linux-x64-gnu@$(CHDB_VERSION) >/dev/null && tar xzf *.tgz package/libchdb.so \
		&& mv package/libchdb.so $@.part && mv $@.part $@ && rm -rf $$tmp

web: web/dist/index.html ## the console's files
web/node_modules/.package-lock.json: web/package.json web/package-lock.json | tools
	cd web && $(NPM) ci
	@touch $@
web/dist/index.html: web/node_modules/.package-lock.json api/openapi.yaml $(shell find web/src web/index.html web/vite.config.ts 2>/dev/null -type f)
	cd web && $(NPM) run build

sdk: sdk/js/dist/sdk.js ## the browser SDK
sdk/js/node_modules/.package-lock.json: sdk/js/package.json sdk/js/package-lock.json | tools
	cd sdk/js && $(NPM) ci
	@touch $@
sdk/js/dist/sdk.js: sdk/js/node_modules/.package-lock.json sdk/js/build.mjs $(shell find sdk/js/src -type f 2>/dev/null)
	cd sdk/js && $(NPM) run build

fonts: ## the typefaces of print (postal direct mail); without them everything but layouts works
	@test -f /usr/share/fonts/opentype/ipaexfont-gothic/ipaexg.ttf && command -v pdftoppm >/dev/null || \
		{ echo "installing the typefaces of print ..."; \
		  $(APT) update -qq && $(APT) install -y -qq fonts-ipaexfont poppler-utils >/dev/null || echo "they cannot be installed: pieces of direct mail cannot be drawn"; }

deps-test: deps fonts
	@command -v chromium >/dev/null && command -v kcat >/dev/null && fc-list :lang=ja 2>/dev/null | grep -q Noto || \
		{ echo "installing chromium, kcat and Japanese fonts ..."; \
		  $(APT) update -qq && $(APT) install -y -qq chromium kcat fonts-noto-cjk fontconfig >/dev/null; }

lint: ## formatting and vet
	@test -z "$$(gofmt -l $$(git ls-files '*.go'))" || { gofmt -l $$(git ls-files '*.go'); echo "run make fmt"; exit 1; }
	$(GO) vet ./...

WALK := $(GO) test -tags browser -timeout 25m -count=1 -run Browser ./cmd/enishi
# Each test starts storage of its own, and what waits for a disk is half of its time: in memory where there is plenty of it.
ROOM := $(shell awk '/MemAvailable/ && $$2 > 12000000 {print "memory"}' /proc/meminfo)$(shell df --output=avail -k /dev/shm 2>/dev/null | awk 'NR == 2 && $$1 > 8000000 {print "-disk"}')
SCRATCH := $(if $(filter memory-disk,$(ROOM)),/dev/shm,$(or $(TMPDIR),/tmp))/enishi-test-$(shell pwd | cksum | cut -d' ' -f1)
# Processes under test wait more than they work: three at a time, also where there are two cores.
LANES := $(shell n=$$(nproc); echo $$((n > 3 ? n : 3)))
test: deps-test build lint ## everything a change must pass, in less than 10 minutes
	cd web && $(NPM) test
	cd sdk/js && $(NPM) test
	@# A browser mostly waits, so it is walked beside the other tests. What fails there is walked once more by itself, and said.
	@walked=$$(mktemp); rm -rf $(SCRATCH); mkdir -p $(SCRATCH); trap 'rm -rf $(SCRATCH)' EXIT; \
		export GOTMPDIR=$${TMPDIR:-/tmp} TMPDIR=$(SCRATCH); \
		$(WALK) >$$walked 2>&1 & walk=$$!; \
		$(GO) test -p 2 -parallel $(LANES) -timeout 20m ./cmd/enishi ./... || failed=1; \
		wait $$walk || { cat $$walked; echo "a browser test failed: all of them once more, by themselves"; $(WALK) || failed=1; }; \
		tail -n 1 $$walked; rm -f $$walked; test -z "$$failed"

deps-full: deps-test
	@test -x /usr/sbin/postfix && /usr/bin/python3 -c 'import dkim, nacl' 2>/dev/null || \
		{ echo "installing postfix and python3-dkim ..."; \
		  $(APT) update -qq && RUNLEVEL=1 $(APT) install -y -qq postfix python3-dkim python3-nacl >/dev/null || echo "they cannot be installed: the test with a real mail server is skipped"; }

test-full: deps-full build ## more kills, more seeds, both languages, a real mail server
	ENISHI_FULL=1 $(GO) test -p 1 -timeout 60m ./...
	ENISHI_FULL=1 $(GO) test -tags browser -count=1 -timeout 20m -run Browser ./cmd/enishi

HOURS := 8
soak: deps-test build ## for HOURS hours: kills, replicas and faults again and again, and simulated worlds from ever new seeds
	@end=$$(($$(date +%s) + $(HOURS) * 3600)); seed=1; while [ $$(date +%s) -lt $$end ]; do seed=$$((seed + 1000)); \
		ENISHI_FULL=1 ENISHI_FROM=$$seed $(GO) test -count=1 -timeout 60m ./internal/pipeline ./channels || exit 1; \
		ENISHI_FULL=1 $(GO) test -count=1 -timeout 60m ./cmd/enishi || exit 1; done

race: deps ## the race detector (needs a C compiler)
	CGO_ENABLED=1 $(GO) test -race -short -p 1 -timeout 40m ./...

fuzz: ## each fuzz target for a minute
	@for p in $$($(GO) list ./...); do for f in $$($(GO) test -list '^Fuzz' $$p | grep ^Fuzz); do echo "$$p $$f"; \
		$(GO) test -run '^$$' -fuzz "^$$f$$" -fuzztime 60s $$p || exit 1; done; done

integration: deps ## the log's tests on a real broker: ENISHI_TEST_KAFKA=host:port
	@test -n "$$ENISHI_TEST_KAFKA" || { echo "skipped: ENISHI_TEST_KAFKA names no broker"; exit 0; }; $(GO) test -count=1 ./internal/stream

bench: deps ## each stage against its bare twin; STAGE=pipeline for one, GATE=1 to fail on a miss, ROUNDS=3 for a quick look
	$(GO) run ./internal/bench $(if $(STAGE),-stage $(STAGE)) $(if $(ROUNDS),-rounds $(ROUNDS)) $(if $(GATE),-gate)

bench-parts: deps ## the benchmarks of single functions
	$(GO) test -run '^$$' -bench . -benchmem -p 1 ./...

fmt: ## format
	gofmt -w $$(git ls-files '*.go')
	$(GO) mod tidy

golden: deps ## write the golden files anew
	$(GO) generate ./...
	$(GO) test -p 1 ./... -update

clean: ## delete what was built; data/ stays
	rm -rf bin
	git clean -fdxq -- web sdk/js
