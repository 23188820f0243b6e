# make demo: a private server, broken and recovered on screen.   make test: all that must hold.
CARGO ?= cargo
# what needs more than a server is marked ignored, so that nothing passes unrun: tests/hosts runs where REDIS_DR_HOSTS names
# a lab of hosts, the reports are looked at where there is a Chromium
BROWSER = $(or $(REDIS_DR_BROWSER),$(shell command -v chromium || command -v chromium-browser || command -v google-chrome))
LEFT_OUT = none() $(if $(REDIS_DR_HOSTS),,+ binary(hosts)) $(if $(BROWSER),,+ test(/^browser::/))
comma = ,
INCLUDED = $(if $(REDIS_DR_HOSTS),$(if $(BROWSER),-- --include-ignored))

.PHONY: all demo test format lint unit docs licences versions

all:
	$(CARGO) build --release

demo:
	@scripts/demo.sh

# the tests come last: their summary closes the output
test: format lint docs licences unit

format:
	$(CARGO) fmt --check
	$(CARGO) fmt --check --manifest-path fuzz/Cargo.toml

lint:
	$(CARGO) clippy --all-targets --locked -- -D warnings

unit:
	@echo "tests on hosts with systemd: $${REDIS_DR_HOSTS:-left out, REDIS_DR_HOSTS names no lab of hosts (tests/hosts/main.rs)}"
	@echo "reports in a browser: $(or $(BROWSER),left out$(comma) there is no Chromium on the PATH (tests/stories/browser.rs))"
	@rm -rf "$${CARGO_TARGET_DIR:-target}/tmp/told"
	@if $(CARGO) nextest --version >/dev/null 2>&1; then \
		$(CARGO) test --locked --doc --quiet && \
		echo "$(CARGO) nextest run --locked --no-fail-fast --run-ignored all -E 'not ($(LEFT_OUT))'" && \
		$(CARGO) nextest run --locked --no-fail-fast --run-ignored all -E 'not ($(LEFT_OUT))'; \
	else \
		echo "$(CARGO) test --locked --no-fail-fast $(INCLUDED)"; \
		$(CARGO) test --locked --no-fail-fast $(INCLUDED); \
	fi

# which story the last run told on which server
versions:
	@scripts/versions.sh

docs:
	RUSTDOCFLAGS="-D warnings" $(CARGO) doc --locked --no-deps

licences:
	@if ! $(CARGO) deny --version >/dev/null 2>&1; then \
		echo "cargo-deny is not here, installing it"; \
		$(CARGO) install cargo-deny --locked --quiet || { echo "skipped: licences (cargo-deny can't be had offline)"; exit 0; }; \
	fi; \
	if $(CARGO) deny --version >/dev/null 2>&1; then $(CARGO) deny check licenses bans sources; fi
