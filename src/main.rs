//! `redis-dr`: parse, call, print the failure, exit code.
fn main() {}
