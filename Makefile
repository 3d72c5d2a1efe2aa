# make demo, make test and make install do their own set-up: .ci/setup says first what it installs.
export CGO_ENABLED := 0
GO_BUILD := go build -trimpath -ldflags="-s -w"
HOST := build/codefob
# The race detector needs cgo, a C compiler and nothing else does.
PREFIX ?= $(if $(filter 0,$(shell id -u)),/usr/local,$(HOME)/.local)
SOURCES := $(shell find native-host internal manifests -name '*.go' -o -name '*.json' -o -name '*.txt') go.mod go.sum

.PHONY: all host extension generate demo test unit e2e race bench install uninstall dist setup fuzz clean
all: host extension

host: $(HOST)
$(HOST): $(SOURCES)
	$(GO_BUILD) -o $@ ./native-host

extension: extension/node_modules
	cd extension && npm run --silent build
extension/node_modules: extension/package-lock.json
	cd extension && npm ci --silent --no-audit --no-fund
	@touch $@

# What is defined once, written where it is needed twice.
generate:
	go run ./internal/protocol/tsgen internal/protocol/protocol.go > build/protocol.ts
	mv build/protocol.ts extension/src/protocol.ts

setup:
	@.ci/setup $(SETUP)

demo: SETUP := demo
demo: setup host extension
	node extension/e2e/demo.mjs

test: SETUP := test
test: setup unit e2e
	@echo "everything passed"

unit: extension
	test -z "$$(gofmt -l native-host internal manifests)"
	go vet ./...
	GOOS=windows go vet ./...
	GOOS=darwin go vet ./...
	go tool staticcheck ./...
	go test ./...
	CGO_ENABLED=1 go test -race ./...
	cd extension && npm run --silent check && npm test --silent

e2e: host extension
	cd extension && npx --no-install vitest run --config e2e/vitest.config.mjs

# Ten seconds on each fuzz test; make fuzz FUZZTIME=30m for more.
FUZZTIME ?= 10s
fuzz:
	@for p in $$(go list ./...); do \
	  for f in $$(go test -list '^Fuzz' $$p | grep '^Fuzz'); do \
	    echo "$$p $$f"; go test -run '^$$' -fuzz "^$$f$$" -fuzztime $(FUZZTIME) $$p || exit 1; done; done

bench: setup host extension
	$(GO_BUILD) -tags bench -o build/codefob-bench ./native-host
	$(GO_BUILD) -o build/echo ./internal/nmbench/echo
	go build -o build/nmbench ./internal/nmbench
	go test -run '^$$' -bench . -benchmem ./internal/...
	native-host/bench

clean:
	rm -rf build dist extension/dist
