# Tapedeck. Go and make are all that `demo` and `test` need.

VERSION  ?= $(shell git describe --tags --always --dirty 2>/dev/null || echo dev)
FUZZTIME ?= 10s
COUNT    ?= 1
GO       ?= go
LINT     := github.com/golangci/golangci-lint/v2/cmd/golangci-lint@v2.15.0
SERVICES := deploy/test-services
LDFLAGS  := -s -w -X main.version=$(VERSION)

.DEFAULT_GOAL := help
.PHONY: help demo test web web-check test-web test-client test-services bench benchmarks fuzz lint build cover

help: ## list the targets
	@awk -F ':.*## ' '/^[a-z-]+:.*## / { printf "  make %-14s %s\n", $$1, $$2 }' $(MAKEFILE_LIST)

# Not by go run, which takes Ctrl-C for an error.
demo: ## broker, simulated market, streamer and page in one process
	@$(GO) build -o bin/ ./cmd/streamer
	@bin/streamer demo

test: ## vet, and every test with the race detector; needs no outside service
	$(GO) vet ./...
	$(GO) test -race -timeout 10m ./...

web: web/node_modules ## the page, from web/ into server/page, from where it is embedded; to be committed (node)
	cd web && npm run --silent build

web-check: web/node_modules ## the page's types, and that what is committed is what web/ builds (node)
	cd web && npm run --silent check

test-client: ## the TypeScript client, against servers that its tests start (node)
	cd clients/typescript && npm ci --silent --no-audit --no-fund && npm test

test-web: web-check ## the page in a browser, against demo servers (node, Chromium)
	cd web && npm run --silent test && npm run --silent e2e

web/node_modules: web/package-lock.json
	cd web && npm ci --no-audit --no-fund --silent
	@touch $@

test-services: ## a real Kafka and a real ClickHouse: fetched, started, tested against, stopped
	@set -e; trap '$(SERVICES)/kafka.sh stop; $(SERVICES)/clickhouse.sh stop' EXIT; trap 'exit 130' INT; trap 'exit 143' TERM; \
	$(SERVICES)/kafka.sh start; eval "$$($(SERVICES)/kafka.sh env)"; \
	$(SERVICES)/clickhouse.sh start; eval "$$($(SERVICES)/clickhouse.sh env)"; \
	$(GO) test -race -count=1 -timeout 20m -run 'Kafka|ClickHouse' ./feed/kafka ./feed/clickhouse ./cmd/replay/... ./cmd/streamer ./e2e

bench: ## the whole way under load, with other servers beside it in the same run (minutes; ROUNDS, PEERS, SCENARIOS)
	bench/scenarios.sh $(SCENARIOS)

benchmarks: ## every Go benchmark, COUNT times
	$(GO) test -run '^$$' -bench . -benchmem -count $(COUNT) ./...

fuzz: ## every fuzz target for FUZZTIME
	@set -e; grep -rl --include='*_test.go' '^func Fuzz' . | sort | while read -r file; do \
	  for name in $$(sed -n 's/^func \(Fuzz[A-Za-z0-9_]*\)(.*/\1/p' "$$file"); do \
	    echo "== $$(dirname "$$file") $$name"; \
	    $(GO) test -run '^$$' -fuzz "^$$name\$$" -fuzztime $(FUZZTIME) "$$(dirname "$$file")"; \
	  done; \
	done

lint: ## golangci-lint at a pinned version, kept out of go.mod
	$(GO) run $(LINT) run ./...

build: ## both programs into bin/
	CGO_ENABLED=0 $(GO) build -trimpath -ldflags '$(LDFLAGS)' -o bin/ ./cmd/...

cover: ## a report of what the tests reach, in build/cover.html
	@mkdir -p build
	$(GO) test -coverprofile build/cover.out -coverpkg ./... ./...
	$(GO) tool cover -html build/cover.out -o build/cover.html
	$(GO) tool cover -func build/cover.out | tail -1
