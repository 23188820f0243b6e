#!/usr/bin/env bash
# inspect-bench.sh: how fast a file is read, judged and counted, beside the vendor's check tools and `cat`.
#
# For each snapshot: `cat`, `redis-check-rdb`, `redis-dr inspect`, and `inspect --diff` of it with a copy; for an AOF made of
# the snapshot's keys as commands: `cat`, `redis-check-aof`, `redis-dr inspect`. The rounds are interleaved, the page cache is
# warm, medians are printed. Needs a server with its check tools, bash, awk, coreutils.
#
#   SET_FILES="a.rdb b.rdb"   the snapshots; scripts/bench.sh makes some below target/bench/sets
#   SMALL=100000000           also the difference of two snapshots of so many small keys, one in a thousand of them changed
#   ROUNDS=5                  rounds for each
#   BIN=/usr/bin              where the check tools are; default: the PATH
#   DR=target/release/redis-dr
set -euo pipefail
exec </dev/null
cd "$(dirname "$0")/.."
ROUNDS=${ROUNDS:-5} DR=${DR:-$PWD/target/release/redis-dr}
die() { printf 'inspect-bench: %s\n' "$*" >&2; exit 1; }
[ -x "$DR" ] || die "no $DR; build it: cargo build --release"
[ -n "${SET_FILES:-}" ] || SET_FILES=$(ls target/bench/sets/*.rdb 2>/dev/null) || die "no snapshots; set SET_FILES, or run scripts/bench.sh"
found=$(PATH=${BIN:-}:$PATH command -v redis-server || PATH=${BIN:-}:$PATH command -v valkey-server) || die "no server; set BIN="
BIN=$(dirname "$found")
tool() { if [ -x "$BIN/redis-$1" ]; then echo "$BIN/redis-$1"; else echo "$BIN/valkey-$1"; fi; }
box=$(mktemp -d "${TMPDIR:-/tmp}/inspect-bench.XXXXXX")
trap 'rm -rf "$box"' EXIT
trap 'exit 130' INT TERM HUP

now() { echo "${EPOCHREALTIME/,/.}"; }
median() { sort -n | awk '{ v[NR] = $1 } END { print (NR % 2) ? v[(NR + 1) / 2] : (v[NR / 2] + v[NR / 2 + 1]) / 2 }'; }

# measure NAME COMMAND...: seconds go to $box/NAME
measure() {
  local name=$1 begun; shift
  begun=$(now); "$@" >/dev/null 2>&1 || [ "$name" = diff ] || die "$* fails"
  awk -v a="$begun" -v b="$(now)" 'BEGIN { printf "%.4f\n", b - a }' >>"$box/$name"
}
# peak COMMAND...: the most memory it ever has, KiB; on its own, since looking takes time from what is looked at
peak() {
  local seen most=0 pid
  "$@" >/dev/null 2>&1 & pid=$!
  while seen=$(sed -n 's/^VmHWM:[^0-9]*\([0-9]*\).*/\1/p' "/proc/$pid/status" 2>/dev/null) && [ -n "$seen" ]; do
    [ "$seen" -le "$most" ] || most=$seen
    sleep .005
  done
  wait "$pid" || :
  echo "$most"
}
row() {  # FILE KIND PEAK: the table's row
  awk -v mb="$(stat -c %s "$1")" -v cat="$(median <"$box/cat")" -v check="$(median <"$box/check")" -v ours="$(median <"$box/ours")" \
    -v diff="$([ -s "$box/diff" ] && median <"$box/diff")" -v peak="$3" -v kind="$2" 'BEGIN {
    rate = mb / 1e6 / ours
    printf "| %s | %.1f MB | %.3f s | %.3f s | %.3f s | %.0f MB/s | %.1f | %.0f %% | %s | %.0f MiB |\n", kind, mb / 1e6, cat, check, ours, rate,
      check / ours, cat / ours * 100, diff == "" ? "" : sprintf("%.3f s (%.1f)", diff, diff / ours), peak / 1024 }'
  rm -f "$box"/{cat,check,ours,diff}
}

# The keys of a snapshot as commands: text keys of an even size are what an AOF mostly holds.
commands() {  # BYTES FILE
  awk -v most="$1" 'BEGIN { v = sprintf("%200s", ""); gsub(/ /, "x", v)
    for (i = 0; n < most; i++) { k = "key:" i; s = sprintf("*3\r\n$3\r\nSET\r\n$%d\r\n%s\r\n$200\r\n%s\r\n", length(k), k, v); printf "%s", s; n += length(s) } }' >"$2"
}

printf '%s; %s cores; %s rounds, medians\n\n' "$("$found" --version | cut -d' ' -f1-3)" "$(nproc)" "$ROUNDS"
printf '| file | size | cat | check tool | inspect | rate | check / inspect | cat / inspect | --diff (times inspect) | peak resident |\n|---|---|---|---|---|---|---|---|---|---|\n'
for set in $SET_FILES; do
  cp "$set" "$box/copy.rdb"; cat "$set" "$box/copy.rdb" >/dev/null
  for _ in $(seq "$ROUNDS"); do
    measure cat cat "$set"
    measure check "$(tool check-rdb)" "$set"
    measure ours "$DR" inspect "$set"
    measure diff "$DR" inspect "$set" --diff "$box/copy.rdb"
  done
  row "$set" RDB "$(peak "$DR" inspect "$set")"; rm -f "$box/copy.rdb"
  commands "$(stat -c %s "$set")" "$box/commands.aof"
  for _ in $(seq "$ROUNDS"); do
    measure cat cat "$box/commands.aof"
    measure check "$(tool check-aof)" "$box/commands.aof"
    measure ours "$DR" inspect "$box/commands.aof"
  done
  row "$box/commands.aof" AOF "$(peak "$DR" inspect "$box/commands.aof")"; rm -f "$box/commands.aof"
done

# So many keys of a few bytes, without a checksum; those that STEP divides have another value.
small() {  # KEYS STEP FILE
  LC_ALL=C awk -v n="$1" -v step="$2" 'BEGIN { printf "REDIS0009%c%c", 254, 0
    for (i = 0; i < n; i++) { k = "k:" i; printf "%c%c%s%c%s", 0, length(k), k, 1, step && i % step == 0 ? "w" : "v" }
    printf "%c%c%c%c%c%c%c%c%c", 255, 0, 0, 0, 0, 0, 0, 0, 0 }' >"$3"
}
if [ -n "${SMALL:-}" ]; then
  printf '\n| small keys | size of each | inspect | --diff (times inspect) | peak resident of it |\n|---|---|---|---|---|\n'
  small "$SMALL" 0 "$box/a.rdb"; small "$SMALL" 1000 "$box/b.rdb"
  for _ in $(seq "$ROUNDS"); do
    measure ours "$DR" inspect "$box/a.rdb"
    measure diff "$DR" inspect "$box/a.rdb" --diff "$box/b.rdb" --tmp "$box"
  done
  awk -v keys="$SMALL" -v mb="$(stat -c %s "$box/a.rdb")" -v ours="$(median <"$box/ours")" -v diff="$(median <"$box/diff")" \
    -v peak="$(peak "$DR" inspect "$box/a.rdb" --diff "$box/b.rdb" --tmp "$box")" 'BEGIN {
    printf "| %d | %.1f MB | %.3f s | %.3f s (%.1f) | %.0f MiB |\n", keys, mb / 1e6, ours, diff, diff / ours, peak / 1024 }'
fi
