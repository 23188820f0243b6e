//! The files of `packaging/`, each in use.
use super::host::Host;
use std::path::Path;

const UNIT: &str = "/etc/systemd/system/redis-dr-recover@.service";
const DROP_IN: &str = "/etc/systemd/system/redis-server.service.d/redis-dr.conf";

#[test]
#[ignore = "needs a lab of hosts"]
fn a_server_that_fails_is_recovered_by_on_failure() {
    let host = Host::boot(1000);
    host.install("systemd/redis-dr-recover@.service", UNIT, "644");
    host.install("systemd/redis-server.service.d/redis-dr.conf", DROP_IN, "644");
    host.ok("systemctl daemon-reload; systemd-analyze --man=no verify redis-server.service redis-dr-recover@cache-1.service");
    host.ok("systemctl restart redis-server");

    host.damage_aof();
    host.ok("systemctl kill -s KILL redis-server");
    host.until("journalctl -o cat -u redis-dr-recover@cache-1 | grep -q '^Finished redis-dr-recover'");
    assert_eq!(host.ok("systemctl show -p Result --value redis-dr-recover@cache-1"), "success");
    let said = host.ok("journalctl -o cat -u redis-dr-recover@cache-1");
    assert!(said.contains("\"outcome\": \"recovered\"") && said.contains("\"runbook\": \"repair-aof\""), "{said}");
    assert_eq!(host.keys_when_up(), 1000);
    host.is_as_it_should_be();

    // outside the policy nothing is changed, and the unit says that it could not
    host.ok("sed -i 's/max_risk: high/max_risk: low/' /etc/redis-dr/redis-dr.yaml");
    host.damage_aof();
    host.ok("systemctl kill -s KILL redis-server");
    host.until("systemctl is-failed --quiet redis-dr-recover@cache-1");
    assert_eq!(host.ok("systemctl show -p ExecMainStatus --value redis-dr-recover@cache-1"), "3");
    assert!(host.ok("tail -c 8 /var/lib/redis/appendonlydir/*.incr.aof").contains("garbage"), "nothing was cut");
}

#[test]
#[ignore = "needs a lab of hosts"]
fn guard_refuses_a_start_that_would_come_up_empty() {
    let host = Host::boot(300);
    host.install("systemd/redis-server.service.d/redis-dr.conf", DROP_IN, "644");
    host.ok("systemctl daemon-reload; systemctl restart redis-server");
    assert_eq!(host.keys_when_up(), 300);
    // the trap: AOF is on, its files are gone, and the snapshot would be ignored
    host.ok("redis-cli save; systemctl stop redis-server; rm -r /var/lib/redis/appendonlydir");
    assert!(!host.sh("systemctl start redis-server").status.success());
    assert_eq!(host.ok("systemctl show -p MainPID --value redis-server"), "0");
    assert_eq!(host.sh("redis-dr guard cache-1").status.code(), Some(3));
    host.recover().recovered_by("restore-rdb-as-aof-base");
    assert_eq!(host.keys(), 300);
    host.is_as_it_should_be();
}

#[test]
#[ignore = "needs a lab of hosts"]
fn timer_and_cron_line_recover_what_is_down() {
    let host = Host::boot(200);
    host.install("systemd/redis-dr-recover@.service", UNIT, "644");
    host.install("systemd/redis-dr-recover@.timer", "/etc/systemd/system/redis-dr-recover@.timer", "644");
    host.ok("sed -i 's/^OnUnitInactiveSec=.*/OnActiveSec=1s/; s/^AccuracySec=.*/AccuracySec=1ms/' /etc/systemd/system/redis-dr-recover@.timer");
    host.ok("systemctl daemon-reload; systemd-analyze --man=no verify redis-dr-recover@cache-1.timer");
    host.knock_down();
    host.ok("systemctl start redis-dr-recover@cache-1.timer");
    host.until("redis-dr runs list | grep -q recovered");
    assert_eq!(host.keys_when_up(), 200);
    host.ok("systemctl stop redis-dr-recover@cache-1.timer");

    let crontab = Path::new(env!("CARGO_MANIFEST_DIR")).join("packaging/cron.d/redis-dr");
    let text = std::fs::read_to_string(crontab).unwrap();
    let line = text.lines().find_map(|line| line.strip_prefix("* * * * * root ")).unwrap();
    host.knock_down();
    host.ok(line);
    assert_eq!(host.keys_when_up(), 200);
    host.until("journalctl -o cat -t redis-dr | grep -q '\"outcome\": \"recovered\"'");
}

#[test]
#[ignore = "needs a lab of hosts"]
fn check_redis_dr_speaks_as_monitoring_wants_it() {
    let host = Host::boot(10);
    host.install("nagios/check_redis_dr", "/usr/lib/nagios/plugins/check_redis_dr", "755");
    let check = |words: &str| {
        let out = host.sh(words);
        (out.status.code(), String::from_utf8(out.stdout).unwrap())
    };
    let check_with = |stand_in: &str, words: &str| {
        host.ok(&format!("printf '#!/bin/sh\\n{stand_in}\\n' >/tmp/stand-in; chmod +x /tmp/stand-in"));
        check(&format!("REDIS_DR=/tmp/stand-in /usr/lib/nagios/plugins/check_redis_dr {words}"))
    };
    let plugin = "/usr/lib/nagios/plugins/check_redis_dr cache-1";
    let (code, line) = check(plugin);
    assert!(code == Some(0) && line.starts_with("REDIS OK - cache-1"), "{code:?} {line}");
    host.knock_down();
    let (code, line) = check(plugin);
    assert!(code == Some(2) && line.starts_with("REDIS CRITICAL - cache-1: server.not_running "), "{code:?} {line}");
    assert_eq!(line.lines().count(), 1, "{line}");
    let (code, line) = check("/usr/lib/nagios/plugins/check_redis_dr nobody");
    assert!(code == Some(3) && line.starts_with("REDIS UNKNOWN - nobody: "), "{code:?} {line}");
    assert_eq!(check("/usr/lib/nagios/plugins/check_redis_dr").0, Some(3));
    let major = r#"printf "  \\"severity\\": \\"major\\",\\n  \\"id\\": \\"server.misconf\\",\\n"; exit 8"#;
    let (code, line) = check_with(major, "cache-1");
    assert!(code == Some(1) && line.contains("server.misconf"), "{code:?} {line}");
    let auth = r#"printf "  \\"severity\\": \\"major\\",\\n  \\"id\\": \\"server.auth_failed\\",\\n"; exit 8"#;
    assert_eq!(check_with(auth, "cache-1").0, Some(3));
}
