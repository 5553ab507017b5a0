# nearfar: learns to see from live video without labels. `make` alone lists what there is to make.

SHELL := /bin/bash
.DEFAULT_GOAL := help

VERSION := $(shell git describe --tags --always --dirty 2>/dev/null || echo unknown)
COMMIT  := $(shell git rev-parse HEAD 2>/dev/null || echo unknown)
LDFLAGS := -X main.version=$(VERSION) -X main.commit=$(COMMIT)

# Pinned here and not in go.mod: what checks the code is no part of it.
STATICCHECK := honnef.co/go/tools/cmd/staticcheck@v0.8.2

# How long `make soak` watches memory, how long a trainer stands still in it, and how often one is killed.
SOAK  ?= 20m
STALL ?= 10m
KILLS ?= 200

# How often `make bench-peers` runs each pair.
PAIRS ?= 5

# OpenCV and oneDNN come through cgo. The commit goes in by LDFLAGS, so that a checkout that belongs to
# another user builds too (go's own stamping fails there).
export CGO_ENABLED := 1
BUILD := -mod=readonly -buildvcs=false

.PHONY: help deps build run test test-kafka test-faults soak bench-peers check clean

help: ## list the targets
	@awk -F ':.*## ' '/^[a-z-]+:.*## / { printf "  make %-11s %s\n", $$1, $$2 }' $(MAKEFILE_LIST)

deps: ## install the system packages that are missing (Debian 12, Ubuntu 24.04)
	@deploy/deps.sh

build: deps ## write bin/nearfar
	go build $(BUILD) -ldflags '$(LDFLAGS)' -o bin/nearfar ./cmd/nearfar

run: build ## learn from a synthetic three-camera rig, in runs/demo; goes on where it was interrupted
	bin/nearfar run

test: deps ## run all tests
	go test $(BUILD) -timeout 10m ./...

test-kafka: ## test against Apache Kafka: KAFKA_BROKERS, or a broker of its own where java and mvn are
	@deploy/kafka.sh

test-faults: deps ## the tests of faults at full size: kills, silent connections, zombies, broken disks (a quarter of an hour)
	NEARFAR_FAULTS=1 go test $(BUILD) -count=1 -timeout 40m -run 'Fault|Kill' ./...

soak: deps ## memory over SOAK (20m), a trainer that stands still for STALL (10m) and is killed KILLS times, corrupt pictures
	NEARFAR_SOAK=$(SOAK) NEARFAR_STALL=$(STALL) NEARFAR_CORRUPT=10000 NEARFAR_KILLS=$(KILLS) go test $(BUILD) -count=1 -v -timeout 4h \
		-run 'Memory|Corrupt|IsKilledEnds' ./cmd/nearfar ./internal/picture ./internal/online

bench-peers: build ## time nearfar beside PyTorch, NumPy, onnxruntime and ffmpeg, PAIRS (5) times by turns
	@python3 bench/peers.py --nearfar bin/nearfar --pairs $(PAIRS)

check: deps ## format, vet, staticcheck, all tests with the race detector in random order, and no Mat left open
	@unformatted=$$(gofmt -l .); if [ -n "$$unformatted" ]; then \
		echo "not formatted (run gofmt -w on them):"; echo "$$unformatted"; exit 1; fi
	go vet $(BUILD) ./...
	go run $(STATICCHECK) ./...
	go test $(BUILD) -race -shuffle=on -timeout 30m ./...
	go test $(BUILD) -tags matprofile -timeout 10m ./sources/capture ./internal/picture

clean: ## remove what was built; runs/ stays
	rm -rf bin coverage.out
