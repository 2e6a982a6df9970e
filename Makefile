# `make run` and `make test` are all a newcomer needs; `make help` lists the steps they are made of.
SHELL := /bin/bash
.SHELLFLAGS := -eu -o pipefail -c
.DEFAULT_GOAL := help
.PHONY: help run test check format lint docs-check deny proto sql sql-check deploy-check release-database load bench-revocations \
	restarts outages release images clean

CARGO ?= cargo
TOOLS := $(CURDIR)/.tools
BUF := $(TOOLS)/node_modules/.bin/buf
PGBOUNCER = $(shell command -v pgbouncer || echo /usr/sbin/pgbouncer)
PROMETHEUS := $(TOOLS)/prometheus/usr/bin
# What `make proto` compares the protos with.
AGAINST ?= main
WITH_POSTGRES = $(CARGO) run --quiet --package embedded-postgres --bin with-postgres -- --

help: ## List the targets.
	@awk -F':.*## ' '/^[a-z-]+:.*## / { printf "  %-18s %s\n", $$1, $$2 }' $(MAKEFILE_LIST)

run: ## Start everything: Postgres, both services and the gateway. No configuration needed.
	@scripts/provide compiler postgres
	$(CARGO) run --package standalone

test: ## All checks, then all tests, those with foreign clients included.
	@scripts/provide compiler postgres pgbouncer node python prometheus
	@$(MAKE) --no-print-directory check
	$(CARGO) build --workspace --all-targets
	TEST_BUF=$(BUF) TEST_PYTHON=$(TOOLS)/python/bin/python TEST_PGBOUNCER=$(PGBOUNCER) \
		TEST_PROMTOOL=$(PROMETHEUS)/promtool TEST_PROMETHEUS=$(PROMETHEUS)/prometheus $(WITH_POSTGRES) $(CARGO) test --workspace --no-fail-fast

check: format lint docs-check deny proto sql-check deploy-check ## Format, lints, documentation, dependencies, protos, SQL, deploy/.

format: ## rustfmt.
	$(CARGO) fmt --all --check

lint: ## clippy: all and pedantic, no warning passes.
	$(CARGO) clippy --workspace --all-targets -- -D warnings

docs-check: ## Documentation builds without a broken link.
	RUSTDOCFLAGS="-D warnings -A rustdoc::private_intra_doc_links" $(CARGO) doc --workspace --no-deps --document-private-items --quiet

deny: ## Licences, sources and duplicates of the dependencies. `make deny ADVISORIES=advisories` asks RustSec too (needs GitHub).
	@scripts/provide deny
	$(TOOLS)/bin/cargo-deny --workspace check --hide-inclusion-graph bans licenses sources $(ADVISORIES)

proto: ## buf lint, format, and no breaking change against AGAINST (default: main).
	@scripts/provide node
	$(BUF) lint proto
	$(BUF) format proto --diff --exit-code --path proto/tandem
	@scripts/proto-breaking $(BUF) $(AGAINST)

sql: ## Describe every statement again after a change of SQL: writes .sqlx/.
	@scripts/provide compiler postgres
	$(WITH_POSTGRES) scripts/describe-sql .sqlx

sql-check: ## .sqlx/ is what the statements and migrations say.
	@scripts/provide compiler postgres
	$(WITH_POSTGRES) scripts/describe-sql target/sqlx-fresh
	diff -r .sqlx target/sqlx-fresh

deploy-check: ## Everything in deploy/ is valid to the tools that read it, and keeps our own rules.
	@scripts/provide python kubectl
	$(TOOLS)/python/bin/python scripts/deploy-check $(TOOLS)/bin/kubectl

release: ## Optimised binaries of both services and the gateway, in target/release.
	@scripts/provide compiler
	$(CARGO) build --release --package auth-service --package task-service --package gateway

images: release ## An image of each binary on nothing, by buildah and without a registry.
	for binary in auth-service task-service gateway; do scripts/image $$binary; done

release-database: ## At a release, after `make sql`: remember its migrations and statements; later ones are held to them.
	@scripts/provide compiler postgres
	$(CARGO) build --package auth-service --package task-service
	TEST_WRITE=1 $(WITH_POSTGRES) $(CARGO) test --package standalone --test started -- \
		database::released::a_released database::previous::every_statement

load: ## 100 concurrent callers for 30 s against a fresh stack; prints the latency.
	@scripts/provide compiler postgres
	$(CARGO) build --release --package standalone --package bench
	target/release/bench --callers 100 --seconds 30

bench-revocations: ## How soon two replicas of the task service refuse what ends tokens, 1,000 times each; about 15 min.
	@scripts/provide compiler postgres
	$(CARGO) build --release --package auth-service --package task-service --package bench
	target/release/bench revocations --rounds 1000

restarts: ## 20 rolling restarts of every process, two replicas each, under load; prints the figures (4 minutes).
	@scripts/provide compiler postgres python
	$(CARGO) build --workspace --bins
	TEST_RESTARTS=20 TEST_PYTHON=$(TOOLS)/python/bin/python $(WITH_POSTGRES) $(CARGO) test --package standalone --test faults restarts -- --nocapture

outages: ## The database killed, stopped, cut off and read-only under load, 33 times; prints the figures (5 minutes).
	@scripts/provide compiler postgres
	$(CARGO) build --workspace --bins
	TEST_OUTAGES=1 $(CARGO) test --package standalone --test faults outages -- --nocapture

clean: ## Remove what was built and fetched. The data of `make run` in .tandem/ stays.
	$(CARGO) clean
	rm -rf $(TOOLS)
