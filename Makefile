# `make run` and `make test` are all a newcomer needs; `make help` lists the steps they are made of.
SHELL := /bin/bash
.SHELLFLAGS := -eu -o pipefail -c
.DEFAULT_GOAL := help
.PHONY: help run test check format lint docs-check deny proto sql sql-check tools load restarts outages clean

CARGO ?= cargo
TOOLS := $(CURDIR)/.tools
BUF := $(TOOLS)/node_modules/.bin/buf
# What `make proto` compares the protos with.
AGAINST ?= main
WITH_POSTGRES = $(CARGO) run --quiet --package embedded-postgres --bin with-postgres -- --

help: ## List the targets.
	@awk -F':.*## ' '/^[a-z-]+:.*## / { printf "  %-12s %s\n", $$1, $$2 }' $(MAKEFILE_LIST)

run: ## Start everything: Postgres, both services and the gateway. No configuration needed.
	@scripts/provide compiler postgres
	$(CARGO) run --package standalone

test: ## All checks, then all tests, those with foreign clients included.
	@scripts/provide compiler postgres node python
	@$(MAKE) --no-print-directory check
	$(CARGO) build --workspace --all-targets
	TEST_BUF=$(BUF) TEST_PYTHON=$(TOOLS)/python/bin/python $(WITH_POSTGRES) $(CARGO) test --workspace --no-fail-fast

check: format lint docs-check deny proto sql-check ## Format, lints, documentation, dependencies, protos, SQL.

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

load: ## 100 concurrent callers for 30 s against a fresh stack; prints the latency.
	@scripts/provide compiler postgres
	$(CARGO) build --release --package standalone --package bench
	target/release/bench --callers 100 --seconds 30

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
