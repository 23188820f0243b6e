#!/bin/sh
# rustc as cargo calls it for the targets: puts libFuzzer's coverage counters into redis-dr and the targets, by flags that
# every compiler has. The libraries stay as they are, so those built for the tests serve here too.
rustc=$1
shift
case " $* " in
*' --crate-name redis_dr '* | *' --crate-name redis_dr_fuzz '* | *' targets/'*)
    set -- "$@" -Cpasses=sancov-module -Cllvm-args=-sanitizer-coverage-level=4 \
        -Cllvm-args=-sanitizer-coverage-inline-8bit-counters -Cllvm-args=-sanitizer-coverage-pc-table \
        -Cllvm-args=-sanitizer-coverage-trace-compares
    ;;
esac
exec "$rustc" "$@"
