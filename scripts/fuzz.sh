#!/usr/bin/env bash
# Feeds a parser with what a fuzzer (libFuzzer) makes up, for some seconds:
#
#   scripts/fuzz.sh TARGET SECONDS      rdb aof manifest conf expr yaml, or all: one after the other, each for that long
#
# It begins with files of real servers and with what is shipped, keeps what it found worth keeping in target/fuzz/TARGET,
# and goes on from there the next time. SEED=N in the environment makes it begin with the same inputs each time. An input
# that breaks a promise (fuzz/targets/ says which) ends the run with 1, and is kept in target/fuzz/found/. Needs a C++
# compiler, for libFuzzer; any stable rustc will do.
set -euo pipefail
cd "$(dirname "$0")/.."
[ $# = 2 ] || { sed -n '2,9s/^# \{0,1\}//p' "$0"; exit 2; }
wanted=$1 seconds=$2
export CARGO_TARGET_DIR=${CARGO_TARGET_DIR:-$PWD/target}
found=$CARGO_TARGET_DIR/fuzz/found

seeds() {
  case $1 in
  rdb | aof) echo tests/fixtures/rdb fuzz/seeds/aof ;;
  yaml) echo runbooks playbooks ;;
  *) echo "fuzz/seeds/$1" ;;
  esac
}

# What the machine can't do is said, and is no finding.
command -v "${CXX:-c++}" >/dev/null 2>&1 || { echo "fuzz: there is no C++ compiler (c++) for libFuzzer" >&2; exit 3; }
# The libraries of the main lock file, and the few that only the targets have.
cp Cargo.lock fuzz/Cargo.lock
RUSTC_WRAPPER=$PWD/fuzz/rustc.sh ${CARGO:-cargo} build --quiet --manifest-path fuzz/Cargo.toml --bins

fuzz() {
  local target=$1 kept=$CARGO_TARGET_DIR/fuzz/$1 log=$CARGO_TARGET_DIR/fuzz/$1.log
  mkdir -p "$kept" "$found"
  # shellcheck disable=SC2046  # directories of the repository have no spaces
  if "$CARGO_TARGET_DIR/debug/fuzz-$target" -seed="${SEED:-0}" -max_total_time="$seconds" -max_len=6000 -timeout=10 -rss_limit_mb=1024 \
    -dict="fuzz/words/$target.dict" -artifact_prefix="$found/$target-" -print_final_stats=1 \
    "$kept" $(seeds "$target") >"$log" 2>&1; then
    awk -v target="$target" '/^Done/ { runs = $2; took = $5 } / cov: / { covered = $4 }
      END { printf "fuzz: %s: %s inputs in %s s, %s places in the code reached, nothing found\n", target, runs, took, covered }' "$log"
  else
    grep -v '^#[0-9]' "$log" | tail -n 40
    echo "fuzz: $target: an input breaks a promise, see $found"
    return 1
  fi
}

status=0
for target in rdb aof manifest conf expr yaml; do
  if [ "$wanted" = all ] || [ "$wanted" = "$target" ]; then fuzz "$target" || status=1; fi
done
exit $status
