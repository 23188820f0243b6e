#!/bin/sh
# Writes small files that a server of your own makes: an AOF (single, or the parts and the manifest of one), and the
# configuration as CONFIG REWRITE leaves it. They are where the fuzz targets `aof`, `manifest` and `conf` begin.
#
#   fuzz/seeds/make.sh SERVER-BINARY NAME
#
# The files in the repository were written by Redis 6.0.16, Redis 7.0.15, Redis 8.0.6 and Valkey 9.1.2. Needs redis-cli.
# Commands a server does not have fail and are left out.
set -eu
server=$1 name=$2 port=${PORT:-17398}
here=$(cd "$(dirname "$0")" && pwd)
dir=$(mktemp -d)
cat >"$dir/redis.conf" <<CONF
# managed by hand
bind 127.0.0.1
port $port
dir $dir
appendonly yes
auto-aof-rewrite-percentage 0
save 900 1 300 10
rename-command DEBUG ""
CONF
case $name in *-6*) ;; *) echo "aof-timestamp-enabled yes" >>"$dir/redis.conf" ;; esac
"$server" "$dir/redis.conf" >"$dir/log" 2>&1 &
pid=$!
trap 'kill $pid 2>/dev/null || true; wait $pid 2>/dev/null || true; rm -rf "$dir"' EXIT
cli() { redis-cli -p "$port" "$@" >>"$dir/answers" 2>&1; }
rewritten() { sleep 0.2; while redis-cli -p "$port" info persistence | grep -q 'aof_rewrite_\(in_progress\|scheduled\):1'; do sleep 0.1; done; }
for _ in 1 2 3 4 5 6 7 8 9 10; do cli ping && break; sleep 0.2; done

cli set base 1
cli rpush list a b c
cli bgrewriteaof
rewritten
cli set k v
cli set counter 10 ex 100000
cli incr counter
cli mset a 1 b 2
cli set redis-dr:tag:monday 1 ex 100000
cli set TAG111101_1200 x
redis-cli -p "$port" >>"$dir/answers" 2>&1 <<'MULTI'
multi
hset h f v
del a
exec
MULTI
cli eval "redis.call('set', 'x', 1) redis.call('del', 'b') return 1" 0
cli select 1
redis-cli -p "$port" -n 1 set other 1 >>"$dir/answers" 2>&1
cli swapdb 0 1
cli flushdb
sleep 1.1
cli set after 1
cli config set maxmemory 100mb
cli config rewrite
cli shutdown nosave || true
wait $pid 2>/dev/null || true

mkdir -p "$here/aof" "$here/manifest" "$here/conf"
if [ -d "$dir/appendonlydir" ]; then
    cp "$dir"/appendonlydir/*.incr.aof "$here/aof/$name-incr.aof"
    cat "$dir"/appendonlydir/*.base.rdb "$dir"/appendonlydir/*.incr.aof >"$here/aof/$name-base-and-incr.aof"
    cp "$dir"/appendonlydir/*.manifest "$here/manifest/$name.manifest"
else
    cp "$dir/appendonly.aof" "$here/aof/$name.aof"
fi
sed "s|$dir|/var/lib/redis|; s|$port|6379|" "$dir/redis.conf" >"$here/conf/$name.conf"
