#!/usr/bin/env bash
# The drill of the classic disaster, on screen: a private server with data is broken (killed, the end of its AOF is half a
# transaction and NULs, its snapshot is gone; a backup is left), recovered by recover --auto, and proved; a report is left.
# Touches nothing outside target/demo, asks nothing.
set -euo pipefail
exec </dev/null
cd "$(dirname "$0")/.."
out=$(pwd)/target/demo

say() { printf '\n\033[1m%s\033[0m\n' "$*"; }
die() { printf 'demo: %s\n' "$*" >&2; exit 1; }

install_server() {
  local as_root=()
  [ "$(id -u)" = 0 ] || as_root=(sudo -n)
  say "No redis-server or valkey-server here: installing one with the system's package manager"
  if command -v apt-get >/dev/null; then
    "${as_root[@]}" apt-get update -qq
    # Only the program is wanted here, not a service started by the package.
    "${as_root[@]}" env DEBIAN_FRONTEND=noninteractive RUNLEVEL=1 apt-get install -qq -y redis-server
  elif command -v dnf >/dev/null; then "${as_root[@]}" dnf install -q -y redis || "${as_root[@]}" dnf install -q -y valkey
  elif command -v apk >/dev/null; then "${as_root[@]}" apk add -q redis || "${as_root[@]}" apk add -q valkey
  elif command -v pacman >/dev/null; then "${as_root[@]}" pacman -S --noconfirm --quiet valkey
  elif command -v zypper >/dev/null; then "${as_root[@]}" zypper -q install -y redis
  else die "no package manager known here; install redis-server and try again"; fi
}

find_server() { command -v redis-server || command -v valkey-server; }
find_server >/dev/null || { install_server; find_server >/dev/null || die "still no server on the PATH"; }

say "Building redis-dr"
cargo build --release --locked
mkdir -p "$out"
dr() { "$(pwd)/target/release/redis-dr" --state-dir "$out/state" "$@"; }

say "\$ redis-dr drill run classic-disaster -v"
dr drill run classic-disaster -v --dir "$out"

dr drill report --format md -o "$out/report.md"
dr drill report --format html -o "$out/report.html"
say "The report is in target/demo/report.md and target/demo/report.html; all other scenarios: redis-dr drill run"
