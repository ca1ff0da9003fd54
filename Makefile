# What a developer types. Nothing is installed outside of .tools/, which git
# ignores; `go build ./...` and `go test ./...` work without make.

TOOLS       := $(CURDIR)/.tools
STATICCHECK := $(TOOLS)/staticcheck-v0.8.2
GOVULNCHECK := $(TOOLS)/govulncheck-v1.9.0

# The packages in which goroutines meet.
CONCURRENT := ./buffer/... ./stream/... ./source/... ./convert/... ./sinks/... ./internal/... ./cmd/...

.PHONY: help
help: ## show this list
	@awk -F ':.*## ' '/^[a-z-]+:.*## / {printf "  make %-8s %s\n", $$1, $$2}' $(MAKEFILE_LIST)

.PHONY: run
run: ## everything in one process, with sample data: hydrant dev
	go run ./cmd/hydrant dev

.PHONY: build
build: ## the static binary, ./hydrant
	CGO_ENABLED=0 go build -trimpath -ldflags '-s -w' -o hydrant ./cmd/hydrant

.PHONY: test
test: servers ## all tests: unit, conformance, real servers, crash loop
	go test -timeout 30m ./...

# The servers to test against are built once, into .tools; tests that find
# none would do it themselves.
.PHONY: servers
servers:
	go test -timeout 30m ./e2e/servers

.PHONY: quick
quick: servers ## the tests of a minute or two
	go test -short ./...

.PHONY: race
race: servers ## the race detector on everything concurrent
	go test -race -short -timeout 30m $(CONCURRENT)

.PHONY: bench
bench: ## ours beside the yardsticks; see docs/benchmarks.md
	cd e2e/bench && go run -mod=mod .

.PHONY: lint
lint: vet staticcheck fmt portable benchmarks vulncheck ## all checks that need no run

.PHONY: vet
vet:
	go vet ./...
	go vet -tags faults ./...

.PHONY: staticcheck
staticcheck: $(STATICCHECK)
	$(STATICCHECK) ./...

.PHONY: fmt
fmt:
	@unformatted=$$(gofmt -l $$(git ls-files -co --exclude-standard '*.go')); \
	if [ -n "$$unformatted" ]; then echo "run gofmt -w on:"; echo "$$unformatted"; exit 1; fi

.PHONY: portable
portable: ## it compiles for the other systems
	CGO_ENABLED=0 GOOS=darwin GOARCH=arm64 go build -o /dev/null ./cmd/hydrant
	CGO_ENABLED=0 GOOS=windows GOARCH=amd64 go build -o /dev/null ./cmd/hydrant

.PHONY: benchmarks
benchmarks: ## the benchmarks still compile and judge rightly
	cd e2e/bench && go vet . && go test -short .

# The list of known vulnerabilities is on the network. Without it nothing is
# checked, which is said and is no failure; a finding is one.
.PHONY: vulncheck
vulncheck: $(GOVULNCHECK)
	@out=$$($(GOVULNCHECK) ./... 2>&1); code=$$?; echo "$$out"; \
	case "$$code:$$out" in \
	0:*) ;; \
	*"fetching vulnerabilities"*|*"vuln.go.dev"*) echo "SKIPPED, NOT CHECKED: the vulnerability database cannot be reached from here" ;; \
	*) exit $$code ;; \
	esac

$(STATICCHECK):
	GOBIN=$(TOOLS) go install honnef.co/go/tools/cmd/staticcheck@v0.8.2
	mv $(TOOLS)/staticcheck $@

$(GOVULNCHECK):
	GOBIN=$(TOOLS) go install golang.org/x/vuln/cmd/govulncheck@v1.9.0
	mv $(TOOLS)/govulncheck $@
