#!/usr/bin/env bash
# The table of the last test run: which story was told on which server, and held. Stories leave a file for each in
# target/tmp/told/; nothing here means that nothing was told.
set -euo pipefail
cd "$(dirname "$0")/.."
told=${CARGO_TARGET_DIR:-target}/tmp/told
[ -d "$told" ] || { echo "No story was told on any server yet: make test"; exit 0; }

mapfile -t servers < <(find "$told" -type f -printf '%f\n' | sort -uV)
row() { printf '| %s |' "$1"; shift; printf ' %s |' "$@"; printf '\n'; }

{
  row story "${servers[@]}"
  row --- "${servers[@]/*/---}"
  find "$told" -mindepth 1 -maxdepth 1 -type d -printf '%f\n' | sort | while read -r story; do
    cells=()
    for server in "${servers[@]}"; do
      if [ -f "$told/$story/$server" ]; then cells+=("$(cat "$told/$story/$server")"); else cells+=("-"); fi
    done
    row "${story//::/: }" "${cells[@]}"
  done
}
