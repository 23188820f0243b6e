//! Promises on real hosts: systemd as PID 1, the distribution's hardened unit, a reboot.
//!
//! They need root, namespaces, and a lab of hosts: `REDIS_DR_HOSTS` names its directory, which holds the built `rootfs`
//! and the script `lab-hosts.sh` that boots it. `.ci/run` makes one where it can. The tests are marked `ignored`, so that
//! without a lab the summary counts them as left out and never as passed; run them with
//! `REDIS_DR_HOSTS=DIR cargo nextest run --test hosts --run-ignored all`.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic)]

mod host;
mod packaged;
mod rights;
mod units;

/// Why a test here is left out without a lab.
pub const LEFT_OUT: &str = "left out: REDIS_DR_HOSTS names no lab of hosts (see tests/hosts/main.rs)";
