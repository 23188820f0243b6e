#!/usr/bin/env bash
# bench.sh: a full restore by redis-dr beside the floor and the classic procedure, in the same rounds.
#
#   floor    the damaged files are renamed aside, the snapshot is linked as the AOF's base, the server is started: nothing
#            is checked, nothing is saved, nothing could be undone. What the server needs to load is in it.
#   classic  the procedure of the manuals: copy the damaged files, AOF off, redis-check-rdb, cp, start, CONFIG SET
#            appendonly yes, wait for the rewrite.
#   ours     redis-dr recover --auto --json, from its start to its end.
#
# The rounds are interleaved, since machines drift; medians and their ratios are printed. Asks nothing, listens on
# 127.0.0.1 only, and needs a server, its cli and check tool, bash, awk and coreutils.
#
#   KEYS="0 400000 4000000"   sizes of the sets, in keys (about 300 bytes each); 0 is a set of three keys
#   ROUNDS=5                  rounds for each set
#   BIN=/usr/bin              where redis-server (or valkey-server) is; default: the PATH
#   DR=target/release/redis-dr
#   DIR=…                     where the sets and the servers' files go; default: a directory below target/bench
#   SET_FILES="a.rdb b.rdb"   use these snapshots instead of making sets
set -euo pipefail
exec </dev/null
cd "$(dirname "$0")/.."

KEYS=${KEYS:-0 400000 4000000} ROUNDS=${ROUNDS:-5} DR=${DR:-$PWD/target/release/redis-dr} DIR=${DIR:-$PWD/target/bench}
die() { printf 'bench: %s\n' "$*" >&2; exit 1; }
[ -x "$DR" ] || die "no $DR; build it: cargo build --release"
found=$(PATH=${BIN:-}:$PATH command -v redis-server || PATH=${BIN:-}:$PATH command -v valkey-server) || die "no redis-server or valkey-server; set BIN="
BIN=$(dirname "$found")
tool() { if [ -x "$BIN/redis-$1" ]; then echo "$BIN/redis-$1"; else echo "$BIN/valkey-$1"; fi; }
SERVER=$(tool server) CLI=$(tool cli) CHECK=$(tool check-rdb)
major=$("$SERVER" --version | sed -n 's/.*v=\([0-9]*\)\..*/\1/p')
[ "$major" -ge 7 ] || die "the floor is an AOF in parts: a server from 7.0 on is needed, this is $major"
mkdir -p "$DIR/sets"; DIR=$(cd "$DIR" && pwd)
box=$(mktemp -d "$DIR/box.XXXXXX"); data=$box/data aof=$box/data/appendonlydir
PORT=$((20000 + RANDOM % 10000))
while (exec 3<>"/dev/tcp/127.0.0.1/$PORT") 2>/dev/null; do PORT=$((PORT + 1)); done

now() { echo "${EPOCHREALTIME/,/.}"; }
since() { awk -v a="$1" -v b="$(now)" 'BEGIN { printf "%.3f", b - a }'; }
c() { "$CLI" -p "$PORT" "$@"; }
info() { c info "$1" | tr -d '\r' | sed -n "s/^$2://p"; }
# a zombie is gone: a container's first process may reap late
alive() { local s; s=$(sed 's/.*) //' "/proc/$1/stat" 2>/dev/null) && [ -n "$s" ] && [ "${s%% *}" != Z ]; }
# the server that is at home in our box, and no other
server_pid() { local p; p=$(cat "$data/redis.pid" 2>/dev/null) && [ "$(readlink "/proc/$p/cwd" 2>/dev/null)" = "$data" ] && echo "$p"; }
stop() {
  local p; p=$(server_pid) || return 0
  timeout 10 "$CLI" -p "$PORT" shutdown nosave >/dev/null 2>&1 || kill -9 "$p" 2>/dev/null || true
  for _ in $(seq 1000); do alive "$p" || { rm -f "$data/redis.pid"; return 0; }; sleep .01; done
  die "the server $p does not end"
}
start() { (cd "$data" && "$SERVER" "$data/redis.conf" >/dev/null); }
loaded() {
  for _ in $(seq 60000); do [ "$(c ping 2>/dev/null)" = PONG ] && return 0; sleep .01; done
  die "the server does not answer: $(tail -1 "$data/redis.log")"
}
cleanup() { stop 2>/dev/null || true; rm -rf "$box"; }
trap cleanup EXIT
trap 'exit 130' INT TERM HUP

conf() {
  printf '%s\n' "bind 127.0.0.1" "port $PORT" "dir $data" "pidfile $data/redis.pid" "logfile $data/redis.log" \
    "daemonize yes" 'save ""' "appendonly ${1:-yes}" "auto-aof-rewrite-percentage 0" >"$data/redis.conf"
}

# Keys of all types, some with an expiry, two databases; half of the text packs well, half does not. Made in the server.
LUA='local lo, hi = tonumber(ARGV[1]), tonumber(ARGV[2])
math.randomseed(lo + 7)
local r, call = math.random, redis.call
local dense = {} for i = 1, 4096 do dense[i] = string.char(r(33, 126)) end
local text = string.rep("the quick brown fox jumps over the lazy dog ", 100)
dense = table.concat(dense)
local function some(n) local from = r(1, 4096 - n); return r(2) == 1 and text:sub(from, from + n - 1) or dense:sub(from, from + n - 1) end
for i = lo, hi - 1 do
  local k, t = nil, r(100)
  if t <= 60 then k = "text:" .. i; call("SET", k, some(r(100, 500)))
  elseif t <= 80 then k = "hash:" .. i; for f = 1, 8 do call("HSET", k, "field" .. f, some(r(5, 40))) end
  elseif t <= 86 then k = "list:" .. i; for f = 1, 10 do call("RPUSH", k, some(25)) end
  elseif t <= 92 then k = "set:" .. i; for f = 1, 10 do call("SADD", k, some(20) .. f) end
  elseif t <= 98 then k = "zset:" .. i; for f = 1, 10 do call("ZADD", k, r(9999) / 7, some(20) .. f) end
  else k = "stream:" .. i; for f = 1, 10 do call("XADD", k, "1-" .. f, "field", some(30)) end end
  if r(5) == 1 then call("PEXPIREAT", k, 2208988800000 + i) end
end'

make_set() {  # KEYS FILE
  data=$box/make; mkdir -p "$data"; conf no; start; loaded
  local at=0 to db=0
  while [ "$at" -lt "$1" ]; do
    to=$((at + 20000)); [ "$to" -le "$1" ] || to=$1
    [ "$at" -lt $(($1 * 3 / 4)) ] || db=1
    c -n "$db" eval "$LUA" 0 "$at" "$to" >/dev/null; at=$to
  done
  [ "$1" -gt 0 ] || c mset a 1 b 2 c 3 >/dev/null
  c save >/dev/null; stop; mv "$data/dump.rdb" "$2"; rm -rf "$data"; data=$box/data
}

# The disaster: the server is down, its AOF of the set's size is damaged in its base, a backup is at hand.
prepare() {  # SET
  stop; rm -rf "$data" "$box/backups" "$box/state" "$box"/broken*
  mkdir -p "$aof" "$box/backups"; conf; cp "$1" "$box/backups/dump.rdb"
  cp "$1" "$aof/appendonly.aof.1.base.rdb"; : >"$aof/appendonly.aof.1.incr.aof"
  printf XXXXXXXX | dd of="$aof/appendonly.aof.1.base.rdb" bs=1 seek=$(($(stat -c %s "$1") / 2)) conv=notrunc status=none
  printf 'file appendonly.aof.1.base.rdb seq 1 type b\nfile appendonly.aof.1.incr.aof seq 1 type i\n' >"$aof/appendonly.aof.manifest"
  cat >"$box/redis-dr.yaml" <<YAML
version: 1
state_dir: $box/state
stores: { nightly: { dir: $box/backups } }
instances:
  bench:
    address: 127.0.0.1:$PORT
    config_file: $data/redis.conf
    service: { process: {} }
    bin_dir: $BIN
    stores: [nightly]
    topology: standalone
    policy: { max_risk: high, max_loss: 100d, max_recoveries: { count: 1000, within: 1h } }
YAML
  sync -f "$box"
}

floor() {
  mkdir "$box/broken"; mv "$aof" "$box/broken/"; mkdir "$aof.new"
  ln "$box/backups/dump.rdb" "$aof.new/appendonly.aof.1.base.rdb"; : >"$aof.new/appendonly.aof.1.incr.aof"
  printf 'file appendonly.aof.1.base.rdb seq 1 type b\nfile appendonly.aof.1.incr.aof seq 1 type i\n' >"$aof.new/appendonly.aof.manifest"
  sync "$aof.new"/* "$aof.new"; mv "$aof.new" "$aof"; sync "$data"
  start; loaded
}

classic() {
  mkdir "$box/broken"; cp -a "$aof" "$box/broken/"; conf no
  "$CHECK" "$box/backups/dump.rdb" >/dev/null; rm -rf "$aof"
  cp "$box/backups/dump.rdb" "$data/dump.rdb"; start; loaded
  c config set appendonly yes >/dev/null
  while [ "$(info persistence aof_rewrite_in_progress)$(info persistence aof_rewrite_scheduled)" != 00 ]; do sleep .02; done
  [ "$(info persistence aof_last_bgrewrite_status)" = ok ] || die "the classic's rewrite failed"
  conf yes
}

peak=0
ours() {
  "$DR" recover bench --auto --json -c "$box/redis-dr.yaml" >"$box/run.json" 2>"$box/run.err" & local pid=$! seen
  # VmHWM is a maximum already: what is missed is only what comes after the last look
  while seen=$(sed -n 's/^VmHWM:[^0-9]*\([0-9]*\).*/\1/p' "/proc/$pid/status" 2>/dev/null) && [ -n "$seen" ]; do
    [ "$seen" -le "$peak" ] || peak=$seen
    sleep .01
  done
  wait "$pid" || die "redis-dr exits $?: $(tail -3 "$box/run.err"; cat "$box/run.json")"
}

median() { sort -n | awk '{ v[NR] = $1 } END { print (NR % 2) ? v[(NR + 1) / 2] : (v[NR / 2] + v[NR / 2 + 1]) / 2 }'; }

measure() {  # SET
  local round way begun want have; declare -A times=()
  peak=0
  for round in $(seq "$ROUNDS"); do
    for way in floor classic ours; do
      prepare "$1"; begun=$(now); "$way"; times[$way]+="$(since "$begun")"$'\n'
      have=$(c info keyspace | tr -d '\r' | grep ^db | sed 's/,avg_ttl.*//' | tr '\n' ' ')
      want=${want:-$have}; [ "$have" = "$want" ] || die "$way left $have, not $want"
    done
  done
  local f k o; f=$(median <<<"${times[floor]%$'\n'}"); k=$(median <<<"${times[classic]%$'\n'}"); o=$(median <<<"${times[ours]%$'\n'}")
  awk -v mb="$(stat -c %s "$1")" -v f="$f" -v k="$k" -v o="$o" -v rss="$peak" 'BEGIN {
    printf "| %.1f MB | %.2f s | %.2f s | %.2f s | %.2f (+%.2f s) | %.2f | %.0f MiB |\n", mb / 1e6, f, k, o, o / f, o - f, k / o, rss / 1024 }'
}

sets=()
if [ -n "${SET_FILES:-}" ]; then read -ra sets <<<"$SET_FILES"; else
  for n in $KEYS; do
    set=$DIR/sets/$("$SERVER" --version | sed -n 's/.*v=\([0-9.]*\).*/\1/p')-$n.rdb
    [ -s "$set" ] || { printf 'bench: making a set of %s keys\n' "$n" >&2; make_set "$n" "$set"; }
    sets+=("$set")
  done
fi

printf '%s; %s cores; %s rounds, medians\n\n' "$("$SERVER" --version | cut -d' ' -f1-3)" "$(nproc)" "$ROUNDS"
printf '| set | floor | classic | redis-dr | redis-dr / floor | classic / redis-dr | peak resident |\n|---|---|---|---|---|---|---|\n'
for set in "${sets[@]}"; do measure "$set"; done

# a look at a healthy server, the last one restored
for _ in $(seq 11); do begun=$(now); "$DR" assess bench --quick -c "$box/redis-dr.yaml" >/dev/null; since "$begun"; echo; done | median |
  awk '{ printf "\nassess --quick of a healthy server: %.0f ms\n", $1 * 1000 }'
