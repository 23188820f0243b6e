//! `redis-dr`: parse, call, print the failure, exit code.
use std::io::Write;
use std::process::ExitCode;

fn main() -> ExitCode {
    let args: Vec<_> = std::env::args_os().skip(1).collect();
    if args.first().is_some_and(|arg| arg == "__exec") {
        let error = redis_dr::host::process::exec_as(&args[1..]);
        let _ = writeln!(std::io::stderr(), "redis-dr __exec: {error}");
        return ExitCode::from(127);
    }
    ExitCode::SUCCESS
}
