# Only Go is needed. Tests that want redis-server, chromium, node, openssl or
# curl skip with a sentence where it is absent; .ci/run installs and requires them.
.PHONY: build test baddays lint bench fuzz demo

build:
	go build -trimpath -tags release -o bin/rekey ./bot

# The program's own tests run whole worlds in real time: nothing runs beside them.
# The tables of moments at which a replica dies, and the worlds, are sampled under
# the race detector, and complete without it; bad days are complete in baddays.
test:
	go test -race -timeout 20m $$(go list ./... | grep -v '^rekey/bot$$')
	go test -timeout 20m ./rotation
	go test -race -timeout 20m ./bot
	go test -timeout 20m ./bot

# Every trouble at every moment of every emergency and every rollback: some 11,000
# stories.
baddays:
	go test -timeout 60m ./rotation -run 'TestBadDay|TestBadWayBack|TestSigningKeysGoBackAnywhere' -baddays

lint:
	golangci-lint run ./...

bench:
	go test -run '^$$' -bench . -benchmem ./state/... ./rotation/... ./bot

# FUZZTIME is for each fuzz target; one package can run only one at a time.
FUZZTIME ?= 10s
fuzz:
	bash .ci/fuzz $(FUZZTIME)

demo:
	go run ./bot sandbox --demo FAL_KEY
