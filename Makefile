# What can be done here: `make help`.
#
# Everything a target needs it gets for itself; `scripts/setup.sh` installs what the system lacks.

CARGO ?= cargo
CC ?= cc
CXX ?= g++
PREFIX ?= /usr/local
DESTDIR ?=

CARGO_TARGET_DIR ?= target
export CARGO_TARGET_DIR
VERSION := $(shell sed -n '/^\[workspace.package\]/,/^$$/s/^version = "\(.*\)"/\1/p' Cargo.toml)
MAJOR := $(firstword $(subst ., ,$(VERSION)))

LIB_DIR := build/lib
LIBRARY := $(LIB_DIR)/libflexpay.so.$(MAJOR)
SANDBOX_BIN := $(abspath $(CARGO_TARGET_DIR))/debug/flexpay-sandbox
export FLEXPAY_LIB_DIR := $(abspath $(LIB_DIR))
export SANDBOX_BIN

.PHONY: help
help: ## Lists the targets
	@grep -hE '^[a-z-]+:.*## ' $(MAKEFILE_LIST) | awk -F ':.*## ' '{ printf "  %-14s %s\n", $$1, $$2 }'

.DEFAULT_GOAL := help

## Building

# Says what to install, where cargo is missing or too old.
.PHONY: rust
rust:
	@CARGO="$(CARGO)" scripts/rust.sh

.PHONY: build
build: rust ## Builds the library into build/lib
	@scripts/setup.sh build
	@# Without the Rust library beside them: it would keep alive what nothing in C can reach.
	$(CARGO) rustc --release --lib --crate-type cdylib,staticlib
	@mkdir -p $(LIB_DIR)
	@cp $(CARGO_TARGET_DIR)/release/libflexpay.so $(LIBRARY).new && mv $(LIBRARY).new $(LIBRARY)
	@cp $(CARGO_TARGET_DIR)/release/libflexpay.a $(LIB_DIR)/
	@ln -sf libflexpay.so.$(MAJOR) $(LIB_DIR)/libflexpay.so

.PHONY: portable
portable: rust ## Builds the library for old systems, glibc 2.17 and up, into build/portable
	@scripts/setup.sh portable
	scripts/portable.sh

.PHONY: sandbox
sandbox: rust ## Builds the sandbox, and says how to start it
	$(CARGO) build -p flexpay-sandbox
	@echo "The sandbox is $(SANDBOX_BIN)"
	@echo "Start it:  $(SANDBOX_BIN) --env-file flexpay.env"
	@echo "Then, in another terminal:  . ./flexpay.env"

.PHONY: header
header: rust ## Writes include/flexpay.h anew from src/ffi
	FLEXPAY_WRITE_HEADER=1 $(CARGO) build --lib

EXAMPLES := till callback minimal
.PHONY: examples
examples: build
	@mkdir -p build/examples
	@for name in $(EXAMPLES); do \
	    $(CC) -std=c99 -pedantic -Wall -Wextra -Werror -D_POSIX_C_SOURCE=200809L -Iinclude \
	        examples/c/$$name.c -o build/examples/$$name \
	        -L$(LIB_DIR) -Wl,-rpath,$(abspath $(LIB_DIR)) -lflexpay -pthread || exit 1; \
	done

# Built anew where there is cargo; else what is built already will do: for root, mostly.
.PHONY: library-built sandbox-built
ifneq ($(shell command -v $(CARGO)),)
library-built: build
sandbox-built: sandbox
else
library-built: ; @scripts/built.sh $(LIBRARY)
sandbox-built: ; @scripts/built.sh $(SANDBOX_BIN)
endif

INSTALL := DESTDIR="$(DESTDIR)" PREFIX="$(PREFIX)" VERSION="$(VERSION)" scripts/install.sh

.PHONY: install
install: library-built sandbox-built ## Installs library, headers and sandbox under PREFIX (/usr/local)
	@$(INSTALL)

.PHONY: uninstall
uninstall: ## Removes what `make install` put under PREFIX
	@$(INSTALL) --remove

## Trying

.PHONY: demo
demo: examples sandbox ## Takes three payments against a local gateway, and shows each step
	@examples/demo.sh

## Testing

# Where PHP looks for the bundled library.
PHP_LIBRARY := bindings/php/lib/linux-$(shell uname -m)/libflexpay.so

.PHONY: test
test: setup ## Runs all tests, installing what they need, and ends with a summary
	@MAKE="$(MAKE)" scripts/test.sh

.PHONY: setup
setup: rust ## Installs what the tests need and the system lacks
	@scripts/setup.sh build rust c cpp php python fuzz

.PHONY: test-rust
test-rust: build sandbox ## The crate and the sandbox
	@scripts/setup.sh rust
	$(CARGO) test --workspace --no-fail-fast
	@scripts/readme.sh rust
	@scripts/unwind.sh
	@scripts/threats.sh
	@scripts/without-rust.sh

.PHONY: test-c
test-c: build examples sandbox ## The C ABI
	@scripts/setup.sh c
	@scripts/library.sh include/flexpay.h $(LIBRARY)
	tests/c/run.sh plain
	@scripts/installed.sh
	@scripts/readme.sh c

.PHONY: test-c-memory
test-c-memory: build sandbox ## The same under the sanitizers, and under valgrind
	@scripts/setup.sh c
	tests/c/run.sh asan
	tests/c/run.sh valgrind

.PHONY: test-cpp
test-cpp: build sandbox ## The C++ header, with g++ and clang++
	@scripts/setup.sh cpp
	CXX="g++ clang++" tests/cpp/run.sh
	@scripts/readme.sh cpp

.PHONY: bundle
bundle: library-built ## Puts the library into the PHP package
	@mkdir -p $(dir $(PHP_LIBRARY))
	@cp $(LIBRARY) $(PHP_LIBRARY).new && mv $(PHP_LIBRARY).new $(PHP_LIBRARY)

.PHONY: test-php
test-php: bundle sandbox ## The PHP package: CLI, PHP-FPM behind nginx, PHP 7.4
	@scripts/setup.sh php
	FLEXPAY_LIBRARY=$(LIB_DIR)/libflexpay.so bindings/php/tests/run.sh
	tests/soak/run.sh 8000
	@scripts/readme.sh php

.PHONY: test-python
test-python: build sandbox ## The Python package
	@scripts/setup.sh python
	FLEXPAY_LIBRARY=$(LIB_DIR)/libflexpay.so bindings/python/tests/run.sh
	@scripts/readme.sh python

.PHONY: conformance
conformance: build sandbox ## Every vector in every language, and all must agree
	@scripts/setup.sh c cpp php python
	$(CARGO) build --example conformance
	@mkdir -p build/conformance
	$(CC) -std=c99 -D_POSIX_C_SOURCE=200809L -Iinclude tests/c/conformance.c -o build/conformance/c \
	    -L$(LIB_DIR) -lflexpay -ljansson
	$(CXX) -std=c++17 -Iinclude -Itests/cpp tests/cpp/conformance.cpp -o build/conformance/cxx \
	    -L$(LIB_DIR) -lflexpay -pthread
	python3 tests/conformance/test_compare.py
	RUST_RUNNER=$(CARGO_TARGET_DIR)/debug/examples/conformance C_RUNNER=build/conformance/c \
	    CXX_RUNNER=build/conformance/cxx tests/conformance/run.sh

.PHONY: test-faults
test-faults: build ## A short fault run
	@scripts/setup.sh build
	faults/run.sh 1000 --seed 4

.PHONY: test-setup
test-setup: ## Each need of scripts/setup.sh, in a bare Debian: installed, and used (as root; NEEDS="c cpp")
	scripts/bare.sh needs $(NEEDS)

.PHONY: test-readme
test-readme: build sandbox ## The README's lines for C and C++, typed in a bare Debian (as root)
	scripts/bare.sh readme

.PHONY: bare
bare: ## The demo and all tests in a bare Debian: before a release, and when setup.sh changes (as root)
	scripts/bare.sh full

.PHONY: faults
faults: build ## The fault run: 10,000 calls against a gateway that misbehaves in every way (RUNS=…)
	faults/run.sh $(or $(RUNS),10000)

CHECKS ?= 200000

.PHONY: soak
soak: build ## 200,000 checks from PHP-FPM while the gateway restarts and moves (as root; CHECKS=…)
	@scripts/setup.sh soak
	tests/soak/run.sh $(CHECKS) --move

.PHONY: test-fuzz
test-fuzz: rust ## Every kept input, and ten seconds of fuzzing each reader
	@scripts/setup.sh fuzz
	FUZZ_PROFILE=short fuzz/run.sh 10

.PHONY: bench
bench: build ## Measures flexpay beside what a merchant would otherwise use (BENCH="--quick c-cold")
	@scripts/setup.sh bench
	benches/run.sh $(BENCH)

.PHONY: bench-micro
bench-micro: rust ## Measures single functions
	$(CARGO) bench --manifest-path benches/Cargo.toml

.PHONY: fuzz
fuzz: rust ## Fuzzes every reader (SECONDS=600 each)
	fuzz/run.sh $(or $(SECONDS),600)

.PHONY: tsan
tsan: rust ## The stress test of the shared client under ThreadSanitizer (ROUNDS=100)
	@scripts/setup.sh build
	scripts/tsan.sh $(or $(ROUNDS),100)

.PHONY: pages
pages: sandbox ## Looks at the sandbox's pages in Chromium, wide and narrow, with axe-core (needs npm)
	@scripts/setup.sh pages
	scripts/pages.sh

.PHONY: supply
supply: rust ## What the library is made of: licences, sources, advisories
	scripts/supply.sh

.PHONY: lint
lint: rust ## Formatter and clippy, warnings denied
	$(CARGO) fmt --all --check
	$(CARGO) clippy --workspace --all-targets -- -D warnings
	$(CARGO) fmt --manifest-path fuzz/Cargo.toml --check
	CARGO_TARGET_DIR=fuzz/target RUSTFLAGS="--cfg fuzzing" \
	    $(CARGO) clippy --manifest-path fuzz/Cargo.toml --all-targets -- -D warnings

.PHONY: clean
clean: ## Removes what was built
	$(CARGO) clean
	rm -rf build
