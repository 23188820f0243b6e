#!/usr/bin/env bash
# A private server with data is broken (killed, its AOF damaged, its snapshot lost; a backup is left) and recovered on
# screen, its data is proved, and a report is left. Touches nothing outside target/demo, asks nothing.
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
server=$(find_server) || { install_server; server=$(find_server) || die "still no server on the PATH"; }
bin=$(dirname "$server")
cli=$bin/redis-cli; [ -x "$cli" ] || cli=$bin/valkey-cli; [ -x "$cli" ] || die "no redis-cli beside $server"

say "Building redis-dr"
cargo build --release --locked
dr=$(pwd)/target/release/redis-dr

mkdir -p "$out"
box=$(mktemp -d "$out/run.XXXXXX")
pid_of_box() {  # the server that is at home here, and no other
  local pid
  for pid in $(cat "$box/redis.pid" 2>/dev/null); do
    [ "$(readlink "/proc/$pid/cwd" 2>/dev/null)" = "$box/data" ] && echo "$pid"
  done
  return 0
}
cleanup() {
  local pid; pid=$(pid_of_box)
  [ -z "$pid" ] || kill -9 "$pid" 2>/dev/null || true
  rm -rf "$box"
}
trap cleanup EXIT
trap 'exit 130' INT TERM HUP

port=$((11000 + RANDOM % 20000))
port_taken() { (exec 3<>"/dev/tcp/127.0.0.1/$port") 2>/dev/null; }
while port_taken; do port=$((port + 1)); done
c() { "$cli" -p "$port" "$@"; }
major=$("$server" --version | sed -n 's/.*v=\([0-9]*\)\..*/\1/p')

mkdir "$box/data" "$box/backups"
cat >"$box/redis.conf" <<CONF
port $port
bind 127.0.0.1
dir $box/data
pidfile $box/redis.pid
logfile $box/redis.log
daemonize yes
appendonly yes
appendfsync everysec
save ""
CONF
[ "$major" -lt 7 ] || echo 'enable-debug-command yes' >>"$box/redis.conf"
cat >"$box/redis-dr.yaml" <<CONF
version: 1
state_dir: $box/state
stores:
  nightly: { dir: $box/backups }
instances:
  demo:
    address: 127.0.0.1:$port
    config_file: $box/redis.conf
    service: { process: {} }
    bin_dir: $bin
    topology: standalone
    stores: [nightly]
    objectives: { rto: 1m, rpo: 1h }
    policy: { max_risk: high, max_loss: 1h }
CONF
chmod 600 "$box/redis-dr.yaml"

say "A private $("$server" --version | cut -d' ' -f1-3) on port $port, with data"
"$server" "$box/redis.conf" >/dev/null
for _ in $(seq 100); do [ "$(c ping 2>/dev/null)" = PONG ] && break; sleep 0.05; done
[ "$(c ping)" = PONG ] || die "the server did not start: $(tail -n 3 "$box/redis.log")"
fill() {  # FROM TO
  awk -v from="$1" -v to="$2" 'BEGIN {
    for (i = from; i < to; i++) {
      if (i % 1000 == 0) printf "SELECT %d\r\n", (i / 1000) % 2
      if (i % 5 == 0) printf "SET user:%d name-%d EX 864000\r\n", i, i
      if (i % 5 == 1) printf "HSET basket:%d item %d count 2\r\n", i, i
      if (i % 5 == 2) printf "ZADD score:%d %d a 7 b\r\n", i, i
      if (i % 5 == 3) printf "RPUSH queue:%d one two %d\r\n", i, i
      if (i % 5 == 4) printf "SADD tags:%d red %d\r\n", i, i
    } }' | c --pipe | tail -n 1
}
fill 0 20000
c bgsave >/dev/null
for _ in $(seq 200); do c info persistence | grep -q 'rdb_bgsave_in_progress:0' && [ -f "$box/data/dump.rdb" ] && break; sleep 0.05; done
cp "$box/data/dump.rdb" "$box/backups/dump-$(date +%H%M%S).rdb"
fill 20000 25000
count() { c info keyspace | tr -d '\r' | sed -n 's/^\(db[0-9]*\):keys=\([0-9]*\).*/\1 \2/p' | tr '\n' ' '; }
before="$(count)/ $(c debug digest)"
echo "keys before: $(count)"

say "The disaster: the process is killed, the AOF's end is garbage, dump.rdb is gone"
kill -9 "$(pid_of_box)"
tail_file=$box/data/appendonly.aof
if [ "$major" -ge 7 ]; then tail_file=$(find "$box/data/appendonlydir" -name '*.incr.aof' | sort -V | tail -n 1); fi
printf '*1\r\n$5\r\nMULTI\r\n*3\r\n$3\r\nSET\r\n$4\r\nhalf\r\n$9\r\na wri' >>"$tail_file"
head -c 4096 /dev/zero >>"$tail_file"
rm -f "$box/data/dump.rdb"
for _ in $(seq 100); do [ -z "$(pid_of_box)" ] && ! port_taken && break; sleep 0.05; done
ls -l "$box/data" "$box/backups" | sed 's/^/  /'

say "\$ redis-dr plan demo"
"$dr" -c "$box/redis-dr.yaml" plan demo

say "\$ redis-dr recover demo --auto"
started=$(date +%s%N)
"$dr" -c "$box/redis-dr.yaml" recover demo --auto
took=$(( ($(date +%s%N) - started) / 1000000 ))

say "The proof"
after="$(count)/ $(c debug digest)"
echo "keys and digest before: $before"
echo "keys and digest after:  $after"
[ "$before" = "$after" ] || die "the data is not what it was"
c set demo:after recovery >/dev/null
kill -9 "$(pid_of_box)"; for _ in $(seq 100); do [ -z "$(pid_of_box)" ] && break; sleep 0.05; done
"$server" "$box/redis.conf" >/dev/null
for _ in $(seq 100); do [ "$(c ping 2>/dev/null)" = PONG ] && break; sleep 0.05; done
[ "$(c get demo:after)" = recovery ] || die "a write made after the recovery did not survive a crash"
echo "a write made afterwards survived another kill -9; recovered in $took ms"

"$dr" -c "$box/redis-dr.yaml" runs report last --format md -o "$out/report.md"
say "The report is in target/demo/report.md"
