# `make help` lists the targets.
#
# Each target builds what it depends on. `scripts/setup.sh` installs missing system packages.

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
PROGRAM := build/bin/flexpay
export FLEXPAY_LIB_DIR := $(abspath $(LIB_DIR))
export FLEXPAY_PROGRAM := $(abspath $(PROGRAM))
export SANDBOX_BIN

.PHONY: help
help: ## Lists the targets
	@grep -hE '^[a-z-]+:.*## ' $(MAKEFILE_LIST) | awk -F ':.*## ' '{ printf "  %-14s %s\n", $$1, $$2 }'

.DEFAULT_GOAL := help

## Building

# Fails, and names what to install, if cargo is missing or too old.
.PHONY: require-rust
require-rust:
	@CARGO="$(CARGO)" scripts/require-rust.sh

.PHONY: build
build: require-rust ## Builds the shared and the static library into build/lib
	@scripts/setup.sh build
	@# No rlib in the same build: it would keep code that no C function can reach.
	$(CARGO) rustc --release --lib --crate-type staticlib
	@mkdir -p $(LIB_DIR)
	@# With the unwinder for panics in it, for the reason that build.rs gives.
	@CC="$(CC)" scripts/shared-library.sh $(CARGO_TARGET_DIR)/release/libflexpay.a $(LIBRARY) -static-libgcc
	@scripts/static-library.sh $(CARGO_TARGET_DIR)/release/libflexpay.a $(LIB_DIR)/libflexpay.a
	@ln -sf libflexpay.so.$(MAJOR) $(LIB_DIR)/libflexpay.so

.PHONY: cli
cli: require-rust ## Builds the program flexpay into build/bin
	@scripts/setup.sh build
	$(CARGO) build --release -p flexpay-cli
	@mkdir -p build/bin
	@cp $(CARGO_TARGET_DIR)/release/flexpay $(PROGRAM).new && mv $(PROGRAM).new $(PROGRAM)

.PHONY: sandbox
sandbox: require-rust ## Builds the sandbox (a local gateway), and prints how to start it
	$(CARGO) build -p flexpay-sandbox
	@echo "The sandbox is $(SANDBOX_BIN)"
	@echo "Start it:  $(SANDBOX_BIN) --env-file flexpay.env"
	@echo "Then, in another terminal:  . ./flexpay.env"

.PHONY: header
header: require-rust ## Regenerates the C header, and the generated parts of the C++, PHP and Python packages
	FLEXPAY_WRITE_HEADER=1 $(CARGO) build --lib

EXAMPLES := till callback minimal payout
.PHONY: examples
examples: build ## Builds the C examples into build/examples
	@mkdir -p build/examples
	@for name in $(EXAMPLES); do \
	    $(CC) -std=c99 -pedantic -Wall -Wextra -Werror -D_POSIX_C_SOURCE=200809L -Iinclude \
	        examples/c/$$name.c -o build/examples/$$name \
	        -L$(LIB_DIR) -Wl,-rpath,$(abspath $(LIB_DIR)) -lflexpay -pthread || exit 1; \
	done

# With cargo: build. Without cargo (often so for root): use what is already built, or fail.
.PHONY: ensure-library ensure-program ensure-sandbox
ifneq ($(shell command -v $(CARGO)),)
ensure-library: build
ensure-program: cli
ensure-sandbox: sandbox
else
ensure-library: ; @scripts/require-built.sh $(LIBRARY)
ensure-program: ; @scripts/require-built.sh $(PROGRAM)
ensure-sandbox: ; @scripts/require-built.sh $(SANDBOX_BIN)
endif

# Where the PHP package looks for the bundled library and program.
PHP_BUNDLE = bindings/php/lib/$(shell scripts/platform.sh)

.PHONY: bundle
bundle: ensure-library ensure-program ## Copies the library and the program into the PHP package
	@mkdir -p $(PHP_BUNDLE)
	@cp $(LIBRARY) $(PHP_BUNDLE)/new && mv $(PHP_BUNDLE)/new $(PHP_BUNDLE)/libflexpay.so
	@cp $(PROGRAM) $(PHP_BUNDLE)/new && mv $(PHP_BUNDLE)/new $(PHP_BUNDLE)/flexpay

INSTALL := DESTDIR="$(DESTDIR)" PREFIX="$(PREFIX)" VERSION="$(VERSION)" scripts/install.sh

.PHONY: install
install: ensure-library ensure-sandbox ensure-program ## Installs the library, the headers and the programs under PREFIX (/usr/local)
	@$(INSTALL)

.PHONY: uninstall
uninstall: ## Removes what `make install` installed under PREFIX
	@$(INSTALL) --remove

## Demo

.PHONY: demo
demo: examples sandbox ## Takes payments and makes a payout against a local gateway, and prints each step
	@examples/demo.sh

## Tests: `make test` runs all of this section

.PHONY: test
test: setup ## Runs all tests; first installs the packages they need; prints a summary at the end
	@MAKE="$(MAKE)" scripts/test.sh

.PHONY: setup
setup: require-rust ## Installs the packages that the tests need
	@scripts/setup.sh build rust cli c abi cpp php python dist fuzz crash

.PHONY: test-rust
test-rust: build sandbox ## Tests the crate and the sandbox
	@scripts/setup.sh rust
	$(CARGO) test --workspace --exclude flexpay-cli --no-fail-fast
	@# Without the journal.
	$(CARGO) test -p flexpay --no-default-features --lib
	$(CARGO) rustc -p flexpay --release --no-default-features --lib --crate-type cdylib
	@scripts/check-size.sh $(CARGO_TARGET_DIR)/release/libflexpay.so 2560
	@scripts/test-readme.sh rust
	@scripts/unwind.sh
	@scripts/check-threats.sh
	@scripts/test-without-rust.sh

.PHONY: test-cli
test-cli: cli sandbox ## Tests the program flexpay, and the examples in Node, Free Pascal and shell
	@scripts/setup.sh cli
	@# SQLite takes nearly 1 MiB of it.
	@scripts/check-size.sh $(PROGRAM) 4608
	$(CARGO) test -p flexpay-cli --no-fail-fast
	@scripts/test-readme.sh shell

.PHONY: test-c
test-c: build cli examples sandbox ## Tests the C ABI, `make install` and the C examples
	@scripts/setup.sh c
	@scripts/check-library.sh include/flexpay.h $(LIBRARY)
	@scripts/check-size.sh $(LIBRARY) 3481
	tests/c/run.sh plain
	@scripts/test-install.sh
	@scripts/test-readme.sh c

.PHONY: abi
abi: build sandbox ## Checks that programs compiled with an older flexpay.h still work, and that what was added is recorded
	@scripts/setup.sh abi
	tests/abi/run.sh

.PHONY: test-c-memory
test-c-memory: build sandbox ## Tests the C ABI under AddressSanitizer, UBSan and valgrind
	@scripts/setup.sh c
	tests/c/run.sh asan
	tests/c/run.sh valgrind

.PHONY: test-cpp
test-cpp: build sandbox ## Tests the C++ header with g++ and clang++
	@scripts/setup.sh cpp
	CXX="g++ clang++" tests/cpp/run.sh
	@scripts/test-readme.sh cpp

.PHONY: test-php
test-php: bundle sandbox ## Tests the PHP package: CLI, PHP-FPM behind nginx, PHP 7.4
	@scripts/setup.sh php
	FLEXPAY_LIBRARY=$(LIB_DIR)/libflexpay.so bindings/php/tests/run.sh
	tests/soak/run.sh 8000
	@scripts/test-readme.sh php

.PHONY: test-python
test-python: build cli sandbox ## Tests the Python package
	@scripts/setup.sh python
	FLEXPAY_LIBRARY=$(LIB_DIR)/libflexpay.so bindings/python/tests/run.sh
	@scripts/test-readme.sh python

.PHONY: conformance
conformance: build cli sandbox ## Runs every test vector in every language and over the bridge, and compares the results
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
test-faults: build cli ## Runs 1,000 calls against a gateway that misbehaves, half of them over the bridge
	@scripts/setup.sh build
	faults/run.sh 500 --seed 4
	faults/run.sh 500 --seed 4 --bridge

.PHONY: test-crash
test-crash: require-rust ## Kills payments with a journal, and fails its disk, at a sample of the system calls
	@scripts/setup.sh crash
	crash/run.sh short

.PHONY: test-fuzz
test-fuzz: require-rust ## Runs every stored fuzzing input, and fuzzes each parser for 10 seconds
	@scripts/setup.sh fuzz
	FUZZ_PROFILE=short fuzz/run.sh 10

.PHONY: test-packages
test-packages: build cli sandbox ## Makes the packages of this machine, and uses them; `make release-check` tests all packages
	@scripts/setup.sh c dist
	packaging/test.sh

## Longer tests and checks

.PHONY: abi-record
abi-record: build ## Records what was added to the ABI (docs/abi.md)
	@scripts/setup.sh abi
	tests/abi/abi.py record

ARCHS ?= x86_64 i686
WINDOWS_TARGET := x86_64-pc-windows-gnu

.PHONY: lint
lint: require-rust ## Checks formatting, and runs clippy; a warning is an error
	$(CARGO) fmt --all --check
	$(CARGO) clippy --workspace --all-targets -- -D warnings
	$(CARGO) clippy -p flexpay --no-default-features -- -D warnings
	$(CARGO) fmt --manifest-path fuzz/Cargo.toml --check
	CARGO_TARGET_DIR=fuzz/target RUSTFLAGS="--cfg fuzzing" \
	    $(CARGO) clippy --manifest-path fuzz/Cargo.toml --all-targets -- -D warnings

.PHONY: faults
faults: build cli ## Runs 10,000 calls, and 10,000 over the bridge, against a gateway that misbehaves in every way (RUNS=…)
	faults/run.sh $(or $(RUNS),10000)
	faults/run.sh $(or $(RUNS),10000) --bridge

.PHONY: crash
crash: require-rust ## Kills payments with a journal, and fails its disk, at every system call (about an hour)
	@scripts/setup.sh crash
	crash/run.sh full

.PHONY: fuzz
fuzz: require-rust ## Fuzzes each parser for 600 seconds (SECONDS=…)
	fuzz/run.sh $(or $(SECONDS),600)

CHECKS ?= 200000

.PHONY: soak
soak: build ## Sends 200,000 checks from PHP-FPM while the gateway restarts and moves (as root; CHECKS=…)
	@scripts/setup.sh soak
	tests/soak/run.sh $(CHECKS) --move

.PHONY: test-windows
test-windows: require-rust sandbox ## Builds for Windows, and runs the tests under Wine (i686 as root; ARCHS="x86_64 i686")
	@scripts/setup.sh windows
	packaging/build.sh $(addprefix windows-,$(ARCHS))
	packaging/build.sh --only panics $(addprefix windows-,$(ARCHS))
	@for arch in $(ARCHS); do \
	    scripts/check-windows.sh include/flexpay.h build/platforms/windows-$$arch || exit 1; \
	    tests/windows/run.sh $$arch || exit 1; \
	done

# Types, lints and warnings only: a small part of `make test-windows`.
.PHONY: check-windows
check-windows: require-rust ## Compiles the Rust code for Windows, without a linker; a warning is an error
	rustup target add $(WINDOWS_TARGET)
	$(CARGO) clippy --target $(WINDOWS_TARGET) -p flexpay -p flexpay-cli -p flexpay-sandbox -- -D warnings

.PHONY: tsan
tsan: require-rust ## Runs the stress test of a shared client under ThreadSanitizer (ROUNDS=100)
	@scripts/setup.sh build
	scripts/tsan.sh $(or $(ROUNDS),100)

.PHONY: test-setup
test-setup: ## Runs scripts/setup.sh for each task in a clean Debian, and uses the packages (as root; TASKS="c cpp")
	scripts/test-in-debian.sh setup $(TASKS)

.PHONY: test-readme
test-readme: build cli sandbox ## Runs the README's commands for C and C++ in a clean Debian (as root)
	scripts/test-in-debian.sh readme

# Run it before a release, and after a change of scripts/setup.sh.
.PHONY: test-debian
test-debian: ## Runs the demo and all tests in a clean Debian (as root)
	scripts/test-in-debian.sh all

.PHONY: check-pages
check-pages: sandbox ## Checks the sandbox's pages in Chromium with axe-core, at two widths (uses npm)
	@scripts/setup.sh check-pages
	scripts/check-pages.sh

.PHONY: audit
audit: require-rust ## Checks the licences, sources and known vulnerabilities of the dependencies
	scripts/audit.sh

## Benchmarks

.PHONY: bench
bench: build cli ## Compares flexpay with libcurl, ext-curl, requests and others (BENCH="--quick c-cold")
	@scripts/setup.sh bench
	benches/run.sh $(BENCH)

.PHONY: journal-cost
journal-cost: require-rust ## Measures what the journal costs: time, with 1,000,000 entries too, and size
	$(CARGO) run --release --quiet -p flexpay-crash -- cost

.PHONY: bench-micro
bench-micro: require-rust ## Measures single functions
	$(CARGO) bench --manifest-path benches/Cargo.toml

## Packages

.PHONY: platforms
platforms: require-rust ## Builds every platform that has packages, into build/platforms (PLATFORMS="linux-aarch64")
	@scripts/setup.sh platforms
	packaging/build.sh $(or $(PLATFORMS),all)

.PHONY: dist
dist: platforms ## Makes all packages, with their SHA-256, in build/dist
	@scripts/setup.sh dist
	packaging/dist.sh $(PLATFORMS)

.PHONY: release-check
release-check: ## Tests each package in an empty place, on or under an emulation of its system (as root; PARTS="bare wheels")
	@scripts/setup.sh release-check
	packaging/release-check.sh $(PARTS)

## Cleaning

.PHONY: clean
clean: ## Removes everything that was built
	$(CARGO) clean
	rm -rf build
