# Start with `make run` and `make test`. `make help` lists all targets.
SHELL := /bin/bash
.SHELLFLAGS := -eu -o pipefail -c
.DEFAULT_GOAL := help
.PHONY: help run test check format lint docs-check deny proto descriptors sql sql-check deploy-check release-database load fuzz bench bench-quick bench-doors bench-revocations bench-abuse \
	restarts outages release images web web-test web-generate clean

CARGO ?= cargo
TOOLS := $(CURDIR)/.tools
BUF := $(TOOLS)/node_modules/.bin/buf
PGBOUNCER = $(shell command -v pgbouncer || echo /usr/sbin/pgbouncer)
# make looks for these before a target begins, so a program that is installed by it is taken from its usual place.
NODE = $(shell command -v node || echo /usr/bin/node)
CHROMIUM = $(shell command -v chromium || command -v chromium-browser || command -v google-chrome || echo /usr/bin/chromium)
PROMETHEUS := $(TOOLS)/prometheus/usr/bin
# The revision that `make proto` compares the protos with.
AGAINST ?= main
# How long `make fuzz` sends input to each parser, in seconds.
FUZZ_SECONDS ?= 600
WITH_POSTGRES = $(CARGO) run --quiet --package embedded-postgres --bin with-postgres -- --

help: ## List the targets.
	@awk -F':.*## ' '/^[a-z-]+:.*## / { printf "  %-18s %s\n", $$1, $$2 }' $(MAKEFILE_LIST)

run: ## Start PostgreSQL, both services and the gateway with the console. No configuration is needed.
	@scripts/provide compiler postgres
	@scripts/build-console
	$(CARGO) run --package standalone

test: ## Run all checks, then all tests, including those with buf, Python, PgBouncer, Prometheus, nginx, Envoy, Caddy, Node.js and Chromium.
	@scripts/provide compiler postgres pgbouncer node web chromium connect-node python prometheus nginx
	@$(MAKE) --no-print-directory web check web-test
	$(CARGO) build --workspace --all-targets
	TEST_BUF=$(BUF) TEST_GRPCURL=$(TOOLS)/bin/grpcurl TEST_PYTHON=$(TOOLS)/python/bin/python TEST_PGBOUNCER=$(PGBOUNCER) \
		TEST_PROMTOOL=$(PROMETHEUS)/promtool TEST_PROMETHEUS=$(PROMETHEUS)/prometheus TEST_NGINX=$(TOOLS)/nginx/usr/sbin/nginx \
		TEST_ENVOY=$(TOOLS)/bin/envoy TEST_CADDY=$(TOOLS)/bin/caddy TEST_JOSE=$(TOOLS)/node_modules/jose \
		TEST_NODE=$(NODE) TEST_CHROMIUM=$(CHROMIUM) TEST_CONNECT_NODE=$(TOOLS)/connect-node \
		$(WITH_POSTGRES) $(CARGO) test --workspace --no-fail-fast

check: format lint docs-check deny proto sql-check deploy-check ## Run the seven checks that `make test` runs before the tests.

format: ## Check that the code is formatted with rustfmt.
	$(CARGO) fmt --all --check

lint: ## Check that clippy finds nothing, with the groups all and pedantic.
	$(CARGO) clippy --workspace --all-targets -- -D warnings

docs-check: ## Check that the documentation of the code builds and has no broken link.
	RUSTDOCFLAGS="-D warnings -A rustdoc::private_intra_doc_links" $(CARGO) doc --workspace --no-deps --document-private-items --quiet

deny: ## Check licences, sources and bans of the dependencies. ADVISORIES=advisories adds RustSec, which needs GitHub.
	@scripts/provide deny
	$(TOOLS)/bin/cargo-deny --workspace check --hide-inclusion-graph bans licenses sources $(ADVISORIES)

proto: ## Check that buf finds no lint, no wrong format, no breaking change since AGAINST (default: main), and that web/sdk/src/gen is current.
	@scripts/provide node web
	$(BUF) lint proto
	$(BUF) format proto --diff --exit-code --path proto/tandem
	@scripts/proto-breaking $(BUF) $(AGAINST)
	BUF=$(BUF) node web/sdk/scripts/generate.mjs --check

web: ## Build the SDK for browsers, and the console, which the next build of the gateway contains. Needs Node.js 18 or newer.
	@scripts/provide web
	npm --prefix web run --silent build --workspace sdk
	@TANDEM_CONSOLE=required scripts/build-console

web-test: ## Run the tests of the SDK for browsers.
	@scripts/provide web
	node web/sdk/scripts/test.mjs

web-generate: ## Write web/sdk/src/gen. This is needed after a change of the protos or of the reasons.
	@scripts/provide node web
	BUF=$(BUF) node web/sdk/scripts/generate.mjs

descriptors: ## Write target/tandem.binpb, the descriptors of all RPCs, for Envoy's JSON and for grpcurl.
	@scripts/provide node
	@mkdir -p target
	$(BUF) build proto --as-file-descriptor-set --output target/tandem.binpb

sql: ## Write .sqlx/, the descriptions of all SQL statements. This is needed after a change of SQL.
	@scripts/provide compiler postgres
	$(WITH_POSTGRES) scripts/describe-sql .sqlx

sql-check: ## Check that .sqlx/ agrees with the statements and the migrations.
	@scripts/provide compiler postgres
	$(WITH_POSTGRES) scripts/describe-sql target/sqlx-fresh
	diff -r .sqlx target/sqlx-fresh

deploy-check: ## Check that everything in deploy/ matches its schema and the rules of scripts/deploy-check.
	@scripts/provide python kubectl
	$(TOOLS)/python/bin/python scripts/deploy-check $(TOOLS)/bin/kubectl $(TOOLS)/bin/envoy $(TOOLS)/bin/caddy

release: ## Build optimised binaries of both services and the gateway with the console, in target/release.
	@scripts/provide compiler
	@$(MAKE) --no-print-directory web
	TANDEM_CONSOLE=required $(CARGO) build --release --package auth-service --package task-service --package gateway

images: release ## Build an image of each binary on an empty base, with buildah and without a registry.
	@scripts/provide buildah
	for binary in auth-service task-service gateway; do scripts/image $$binary; done

release-database: ## Record the migrations and statements of a release, to test later versions with them. Run `make sql` first.
	@scripts/provide compiler postgres
	$(CARGO) build --package auth-service --package task-service
	TEST_WRITE=1 $(WITH_POSTGRES) $(CARGO) test --package standalone --test started -- \
		database::released::a_released database::previous::every_statement

load: ## Measure the latency of a new stack with 100 concurrent callers (30 seconds).
	@scripts/provide compiler postgres
	$(CARGO) build --release --package standalone --package bench
	target/release/bench --callers 100 --seconds 30

bench: ## Measure all goals for speed and memory, and write docs/benchmarks.md (about 17 minutes).
	@scripts/provide compiler postgres seed-stack
	$(CARGO) build --release --package auth-service --package task-service --package gateway --package bench
	target/release/bench goals $(BENCH)

bench-quick: ## The same with less data and short blocks: only a hint (about 3 minutes).
	@$(MAKE) --no-print-directory bench BENCH="--quick $(BENCH)"

bench-doors: ## Measure the same call through every protocol ÷ direct gRPC (6 minutes).
	@scripts/provide compiler postgres
	$(CARGO) build --release --package auth-service --package task-service --package gateway --package bench
	target/release/bench doors

bench-revocations: ## Measure how soon two task services refuse a revoked token, 1,000 times for each cause (15 minutes).
	@scripts/provide compiler postgres
	$(CARGO) build --release --package auth-service --package task-service --package bench
	target/release/bench revocations --rounds 1000

fuzz: ## Send generated input to a started stack, ten minutes for each parser (an hour). TARGET=filters: only that one.
	@scripts/provide compiler postgres
	$(CARGO) build --workspace --bins
	FUZZ_SECONDS=$(FUZZ_SECONDS) $(WITH_POSTGRES) $(CARGO) test --package standalone --test started -- fuzz::$(TARGET) \
		--nocapture --test-threads 1

bench-abuse: ## Measure an honest user with and without each kind of abuse by somebody else (10 minutes).
	@scripts/provide compiler postgres
	$(CARGO) build --release --package standalone --package bench
	target/release/bench abuse

restarts: ## Restart every process 20 times under load, with two replicas of each, and print the figures (4 minutes).
	@scripts/provide compiler postgres python
	$(CARGO) build --workspace --bins
	TEST_RESTARTS=20 TEST_PYTHON=$(TOOLS)/python/bin/python $(WITH_POSTGRES) $(CARGO) test --package standalone --test faults restarts -- --nocapture

outages: ## Kill, stop, cut off and write-protect the database under load, 33 times, and print the figures (5 minutes).
	@scripts/provide compiler postgres
	$(CARGO) build --workspace --bins
	TEST_OUTAGES=1 $(CARGO) test --package standalone --test faults outages -- --nocapture

clean: ## Remove everything that was built or fetched, except the data of `make run` in .tandem/.
	$(CARGO) clean
	rm -rf $(TOOLS)
