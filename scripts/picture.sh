#!/usr/bin/env bash
# picture.sh: docs/recovery.svg, a real recovery as it looks in a terminal. A private server on 127.0.0.1 gets data, is
# killed, its AOF is torn, and redis-dr recovers it; nothing else on the host is touched, and nothing is left but the picture.
#
#   DR=target/release/redis-dr   the program          DIR=/var/lib/cache-1   where the private server lives; must not exist
set -euo pipefail
exec </dev/null
cd "$(dirname "$0")/.."
DR=${DR:-$PWD/target/release/redis-dr} DIR=${DIR:-/var/lib/cache-1} PORT=6390
die() { printf 'picture: %s\n' "$*" >&2; exit 1; }
[ -x "$DR" ] || die "no $DR; build it: cargo build --release"
[ ! -e "$DIR" ] || die "$DIR is there already; set DIR="
server=$(command -v redis-server || command -v valkey-server) || die "no server on the PATH"
bin=$(dirname "$server"); cli=$bin/redis-cli; [ -x "$cli" ] || cli=$bin/valkey-cli
while (exec 3<>"/dev/tcp/127.0.0.1/$PORT") 2>/dev/null; do PORT=$((PORT + 1)); done
mkdir -p "$DIR/data"
at_home() { local pid; pid=$(cat "$DIR/redis.pid" 2>/dev/null) && [ "$(readlink "/proc/$pid/cwd" 2>/dev/null)" = "$DIR/data" ] && echo "$pid"; }
cleanup() { local pid; pid=$(at_home) && kill -9 "$pid"; rm -rf "$DIR"; }
trap 'cleanup || true' EXIT
trap 'exit 130' INT TERM HUP

printf '%s\n' "bind 127.0.0.1" "port $PORT" "dir $DIR/data" "pidfile $DIR/redis.pid" "logfile $DIR/redis.log" "daemonize yes" \
  'save ""' "appendonly yes" "appendfsync always" >"$DIR/redis.conf"
cat >"$DIR/redis-dr.yaml" <<YAML
version: 1
state_dir: $DIR/state
instances:
  cache-1:
    address: 127.0.0.1:$PORT
    config_file: $DIR/redis.conf
    service: { process: {} }
    bin_dir: $bin
    topology: standalone
    objectives: { rto: 5m, rpo: 1h }
YAML
(cd "$DIR/data" && "$server" "$DIR/redis.conf" >/dev/null)
c() { "$cli" -p "$PORT" "$@"; }
for _ in $(seq 100); do [ "$(c ping 2>/dev/null)" = PONG ] && break; sleep .05; done
c eval 'for i = 1, 200000 do redis.call("SET", "user:" .. i, i) end' 0 >/dev/null
c bgrewriteaof >/dev/null
for _ in $(seq 200); do c info persistence | grep -q 'aof_rewrite_in_progress:1' || break; sleep .05; done
for i in $(seq 21); do c set "order:$i" paid >/dev/null; done
kill -9 "$(at_home)"
tail=$(ls "$DIR"/data/appendonlydir/*.incr.aof | tail -1)
printf '*3\r\n$3\r\nSET\r\n$8\r\norder:22\r\n$4\r\npa' >>"$tail"

DR_DIR=$(dirname "$DR") && PATH=$DR_DIR:$PATH
export REDIS_DR_CONFIG=$DIR/redis-dr.yaml
scripts/picture.py -o docs/recovery.svg --title "redis-dr recovers a server whose AOF is torn, and shows what it does" \
  --type cache-1 -- redis-dr recover cache-1
