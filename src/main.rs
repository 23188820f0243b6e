//! `redis-dr`: parse, call, print the failure, exit code.
use std::process::ExitCode;

fn main() -> ExitCode {
    redis_dr::cli::main()
}
