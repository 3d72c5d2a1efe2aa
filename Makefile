# make demo, make test and make install do their own set-up: .ci/setup says first what it installs.
export CGO_ENABLED := 0
# All that go does here is done in one way, so that what is built for the one need not be built for the other.
# HTTP/1.1 will do for the one list that is fetched: 0.35 MiB less.
export GOFLAGS := -trimpath -buildvcs=false -tags=nethttpomithttp2
GO_BUILD := go build -ldflags="-s -w"
HOST := build/codefob
# The race detector needs cgo, a C compiler and nothing else does.
PREFIX ?= $(if $(filter 0,$(shell id -u)),/usr/local,$(HOME)/.local)
SOURCES := $(shell find native-host internal manifests -name '*.go' -o -name '*.json' -o -name '*.txt') go.mod go.sum

.PHONY: all host relay extension generate demo test unit unbrowsed e2e bench bench-relay install uninstall dist setup fuzz soak audit clean
all: host extension

host: $(HOST)
$(HOST): $(SOURCES)
	$(GO_BUILD) -o $@ ./native-host

# The server that syncing may go through: docs/relay.md.
RELAY := build/codefob-relay
relay: $(RELAY)
$(RELAY): $(SOURCES)
	$(GO_BUILD) -o $@ ./native-host/codefob-relay

extension: extension/node_modules
	cd extension && npm run --silent build
# Not npm ci: it refuses a lock file without Biome's programs for other systems, which not every registry has.
extension/node_modules: extension/package-lock.json
	cd extension && npm install --no-save --silent --no-audit --no-fund
	@touch $@

# The widgets that the end-to-end tests fill, which the extension itself has no use for.
WIDGETS := extension/e2e/widgets
$(WIDGETS)/node_modules: $(WIDGETS)/package-lock.json
	cd $(WIDGETS) && npm install --no-save --silent --no-audit --no-fund --ignore-scripts
	@touch $@

# The host without a release budget, for the tests that fill often and those that time it.
BENCH_HOST := build/codefob-bench
$(BENCH_HOST): $(SOURCES) | $(HOST)
	$(GO_BUILD) -tags nethttpomithttp2,bench -o $@ ./native-host

# What is defined once, written where it is needed twice.
generate:
	@mkdir -p build
	go run ./internal/protocol/tsgen internal/protocol/protocol.go > build/protocol.ts
	mv build/protocol.ts extension/src/protocol.ts
	go run ./internal/licences > build/licences.txt
	mv build/licences.txt docs/licences.txt

setup:
	@.ci/setup $(SETUP)

demo: SETUP := demo
demo: setup host extension
	node extension/e2e/demo.mjs

test: SETUP := test
# The end-to-end tests wait more than they work: the others run meanwhile, and let them go first. The third job is for
# what npm fetches before both.
test: setup
	@# What failed in unit is said again at the end: the other half takes longer, and what it says would hide it.
	+@rm -f build/unit.failed; $(MAKE) --no-print-directory --jobs=3 --output-sync=line e2e unit BESIDE="nice -n 10" || \
	  { test ! -e build/unit.failed || tail -n 150 build/unit.log; exit 1; }
	@echo "everything passed"

unit: host extension $(WIDGETS)/node_modules
	@mkdir -p build; rm -f build/unit.failed
	+@{ $(BESIDE) $(MAKE) --no-print-directory unbrowsed || touch build/unit.failed; } 2>&1 | tee build/unit.log
	@test ! -e build/unit.failed

# What unit runs once all is built.
unbrowsed:
	test -z "$$(gofmt -l native-host internal manifests)"
	go vet ./...
	go tool staticcheck ./...
	@# Skipped tests are said aloud, which go test does only with -v.
	go test -vet=off -v ./... >build/go-test.log 2>&1 || { grep -B 100 -A 2 -E '^ *--- FAIL|^FAIL|^panic:' build/go-test.log | \
	  grep -vE '^ *(=== |--- PASS|PASS)'; exit 1; }
	@grep -A1 -e '--- SKIP' build/go-test.log || true
	@grep '^ok' build/go-test.log
	@# What starts goroutines, as internal/archtest finds it. Without the transcripts, which start programs, and without
	@# pictures and much data: they are for one goroutine, and take long under the race detector. It has memory of
	@# its own, which no scan gets through. What the relay is in is for make soak: NATS takes minutes to build so.
	CGO_ENABLED=1 go test -vet=off -race -skip 'Scripts$$|Screenshot|InMemory|WhateverTheKeychainDoes|TenThousandAccounts|LongestList' ./internal/away ./internal/directory ./internal/host ./internal/keystore ./internal/prompt ./internal/relay/wire ./native-host
	CGO_ENABLED=1 go test -vet=off -race -run '^(TestCreateAtOnce|TestKDBX)$$' ./internal/vault ./internal/interchange
	cd extension && npm run --silent check && npm test --silent
	cd extension && npx --no-install vitest run --config e2e/vitest.config.mjs detector
	.ci/reproducible

# The detector alone reads its pages among the unit tests: no key and no click of it can come late.
e2e: $(WIDGETS)/node_modules extension host $(BENCH_HOST)
	cd extension && npx --no-install vitest run --config e2e/vitest.config.mjs --exclude '**/detector.test.mjs'

# Ten seconds on each fuzz test; make fuzz FUZZTIME=30m for more.
FUZZTIME ?= 10s
fuzz:
	@for p in $$(go list ./...); do \
	  for f in $$(go test -list '^Fuzz' $$p | grep '^Fuzz'); do \
	    echo "$$p $$f"; go test -run '^$$' -fuzz "^$$f$$" -fuzztime $(FUZZTIME) $$p || exit 1; done; done

# Asks the databases of known holes, over the network.
audit:
	@.ci/audit

# The vault under fire, the random attacks of pages, and what browsers say, for hours. One line each says what was
# tried; the first failure ends it.
SOAK ?= 10000
SOAK_FUZZTIME ?= 30m
soak: host extension $(BENCH_HOST)
	@mkdir -p build
	@CODEFOB_SOAK=$(SOAK) go test -count=1 -timeout 0 -v -run 'KilledA|PowerLoss|EachSystemCall|Damage|AlmostFull|GoesWrong|TimesOf|LeftInMemory|TenThousandRequests|RandomSchedules|ManyOperations|AfterTheSameRecord|OverOneCluster' ./internal/vault ./internal/vaultsync ./internal/syncing ./internal/relay ./native-host >build/soak.log 2>&1 || { cat build/soak.log; exit 1; }
	@grep -o 'SOAK.*' build/soak.log
	CGO_ENABLED=1 go test -vet=off -race -skip 'AfterTheSameRecord|OverOneCluster|KilledAtRandom|StopAreDropped' ./internal/relay ./internal/syncing ./native-host/codefob-relay
	cd extension && CODEFOB_SOAK=$(SOAK) CODEFOB_SWAPS=400 CODEFOB_CLICKING=60000 npx --no-install vitest run --config e2e/vitest.config.mjs attacks -t "E3|on its way"
	@for p in ./internal/host ./internal/nativemsg ./internal/vaultsync ./internal/relay/wire; do \
	  for f in $$(go test -list '^Fuzz' $$p | grep '^Fuzz'); do \
	    echo "SOAK $$p $$f: $$(go test -run '^$$' -fuzz "^$$f$$" -fuzztime $(SOAK_FUZZTIME) $$p | tee build/soak.log | grep '^fuzz: elapsed' | tail -1)"; \
	    grep -q '^ok' build/soak.log || { cat build/soak.log; exit 1; }; done; done

bench: SETUP := bench
bench: setup host extension $(BENCH_HOST)
	$(GO_BUILD) -o build/echo ./internal/nmbench/echo
	go build -o build/nmbench ./internal/nmbench
	go test -run '^$$' -bench . -benchmem ./internal/...
	.ci/bench

# What the relay holds and carries: under two minutes.
bench-relay: $(RELAY)
	go build -o build/relaybench ./internal/relaybench
	build/relaybench -relay $(RELAY)

# For good: the program and the extension in place, and the browsers told.
SYSTEM := $(if $(filter 0,$(shell id -u)),--system)
install: host extension
	install -D -m 755 $(HOST) $(DESTDIR)$(PREFIX)/bin/codefob
	rm -rf $(DESTDIR)$(PREFIX)/share/codefob/extension
	mkdir -p $(DESTDIR)$(PREFIX)/share/codefob
	cp -R extension/dist $(DESTDIR)$(PREFIX)/share/codefob/extension
	rm $(DESTDIR)$(PREFIX)/share/codefob/extension/detector.js
	$(if $(DESTDIR),,$(PREFIX)/bin/codefob install $(SYSTEM))

uninstall:
	-$(PREFIX)/bin/codefob uninstall $(SYSTEM)
	rm -rf $(PREFIX)/bin/codefob $(PREFIX)/share/codefob

# For the stores, and for other computers. macOS needs a Mac: cgo reaches the Keychain.
VERSION = $(shell sed -n 's/^const version = "\(.*\)"/\1/p' native-host/main.go)
dist: SETUP := dist
dist: setup extension
	mkdir -p dist
	GOOS=windows go vet ./...
	GOOS=darwin go vet ./...
	cp docs/licences.txt dist/
	cd extension && node pack.mjs ../dist
	GOOS=linux GOARCH=amd64 $(GO_BUILD) -o dist/codefob-$(VERSION)-linux-amd64 ./native-host
	GOOS=linux GOARCH=arm64 $(GO_BUILD) -o dist/codefob-$(VERSION)-linux-arm64 ./native-host
	GOOS=windows GOARCH=amd64 $(GO_BUILD) -o dist/codefob-$(VERSION)-windows-amd64.exe ./native-host
	GOOS=linux GOARCH=amd64 $(GO_BUILD) -o dist/codefob-relay-$(VERSION)-linux-amd64 ./native-host/codefob-relay
	GOOS=linux GOARCH=arm64 $(GO_BUILD) -o dist/codefob-relay-$(VERSION)-linux-arm64 ./native-host/codefob-relay
ifeq ($(shell uname),Darwin)
	CGO_ENABLED=1 GOARCH=arm64 $(GO_BUILD) -o dist/codefob-$(VERSION)-darwin-arm64 ./native-host
	CGO_ENABLED=1 GOARCH=amd64 $(GO_BUILD) -o dist/codefob-$(VERSION)-darwin-amd64 ./native-host
else
	@echo "not built: darwin. Run make dist on a Mac: only there can it be linked with the Keychain."
endif
	cd dist && sha256sum codefob-* > SHA256SUMS

clean:
	rm -rf build dist extension/dist
