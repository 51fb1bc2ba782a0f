# Few targets; each does all of its own set-up. `make help` lists them.

GO      ?= go
ONLY    ?=
LINT    := bin/golangci-lint
LINTVER := $(shell cat .ci/lint-version)

.PHONY: help demo test race lint fuzz torture bench build clean

help: ## this list
	@grep -hE '^[a-z]+:.*##' $(MAKEFILE_LIST) | sed 's/:.*##/\t/' | expand -t 12

build: ## bin/posthorn
	$(GO) build -trimpath -o bin/posthorn ./cmd/posthorn

demo: ## two mail servers and a message's journey between them (ARGS="--lang de --once")
	$(GO) run ./cmd/posthorn demo $(ARGS)

test: ## every test: units, store laws, sessions, crashes, real programs
	$(GO) vet ./...
	$(GO) test -timeout 30m ./...

race: ## the same code under the race detector
	$(GO) test -race -short -timeout 30m ./internal/... ./e2e/...

$(LINT): .ci/lint-version
	GOBIN=$(CURDIR)/bin $(GO) install github.com/golangci/golangci-lint/v2/cmd/golangci-lint@$(LINTVER)
	@touch $@

lint: $(LINT) ## golangci-lint with .golangci.yml
	$(LINT) run ./...

fuzz: ## every fuzz target for FUZZTIME (30s)
	.ci/fuzz $${FUZZTIME:-30s}

torture: ## the proof that mail is not lost, at length (KILLS, CRASHES, CHECKS, SEEDS, FLIPS, FUZZTIME, ONLY=part,part of kill crash disk models hostile race mutants fuzz)
	ONLY="$(ONLY)" .ci/torture

bench: ## Posthorn against its peers, in one run (as root; ONLY=row,row; SAVE=1 keeps those alone)
	$(GO) build -o bin/bench ./bench
	ONLY="$(ONLY)" exec bin/bench

clean: ## what the targets above made
	rm -rf bin tmp
