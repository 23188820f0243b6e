//! What recover does with units: hold, start, restart loops, start timeouts, reboots.
use super::host::Host;

/// The four disasters of the classic guide, on the distribution's hardened unit.
#[test]
#[ignore = "needs a lab of hosts"]
fn the_classic_disasters_end_recovered_and_leave_the_unit_as_it_was() {
    let host = Host::boot(2000);

    host.knock_down();
    host.recover().recovered_by("restart");
    assert_eq!(host.keys(), 2000);
    host.is_as_it_should_be();

    host.knock_down();
    host.damage_aof();
    host.recover().recovered_by("repair-aof");
    assert_eq!(host.keys(), 2000);
    host.is_as_it_should_be();

    host.ok("redis-cli save; cp /var/lib/redis/dump.rdb /backup/dump-1.rdb");
    host.knock_down();
    host.ok("rm -r /var/lib/redis/appendonlydir");
    host.recover().recovered_by("restore-rdb-as-aof-base");
    assert_eq!(host.keys(), 2000);
    host.is_as_it_should_be();

    host.knock_down();
    host.ok("rm -r /var/lib/redis/appendonlydir /var/lib/redis/dump.rdb");
    host.recover().recovered_by("restore-backup");
    assert_eq!(host.keys(), 2000);
    host.is_as_it_should_be();

    host.knock_down();
    host.ok("rm /var/lib/redis/appendonlydir/*.manifest");
    host.recover().recovered_by("rebuild-aof-manifest");
    assert_eq!(host.keys(), 2000);
    host.is_as_it_should_be();
}

#[test]
#[ignore = "needs a lab of hosts"]
fn a_restart_loop_does_not_bring_the_server_back_under_our_hands() {
    let host = Host::boot(1000);
    host.damage_aof();
    host.ok("systemctl kill -s KILL redis-server");
    host.until("test \"$(systemctl show -p NRestarts --value redis-server)\" -ge 3");
    let ended = host.recover();
    ended.recovered_by("repair-aof");
    assert!(ended.finding_ids().contains(&"server.restart_loop"), "{:?}", ended.finding_ids());
    assert_eq!(host.keys(), 1000);
    assert_eq!(host.ok("systemctl show -p NRestarts --value redis-server"), "0", "started by nobody but the run");
    host.is_as_it_should_be();

    // and one that systemd has given up
    host.ok("mkdir -p /etc/systemd/system/redis-server.service.d; printf '[Unit]\\nStartLimitIntervalSec=1h\\nStartLimitBurst=3\\n' \
             >/etc/systemd/system/redis-server.service.d/limit.conf; systemctl daemon-reload");
    host.damage_aof();
    host.ok("systemctl kill -s KILL redis-server");
    host.until("systemctl is-failed --quiet redis-server");
    assert!(!host.sh("systemctl start redis-server").status.success(), "the start limit refuses");
    host.recover().recovered_by("repair-aof");
    assert_eq!(host.keys(), 1000);
    assert_eq!(host.ok("ls /etc/systemd/system/redis-server.service.d"), "limit.conf", "somebody else's stays");
}

/// Stop, a long pause, start: redis-dr is killed in the pause.
const SLOW: &str = "\
version: 1
runbook: slow
title: A run that takes its time
risk: low
params:
  point: { type: recovery_point, kinds: [aof], default: best }
steps:
  - id: stop
    title: Stop
    do: { service.stop: { save: false, timeout: 30s } }
  - id: pause
    title: Wait
    do: { run: { argv: [/bin/sleep, '600'], changes: [], repeatable: true } }
  - id: start
    title: Start
    do: { service.start: { until: loaded, fenced: true, timeout: 60s } }
  - id: open
    title: Open
    do: { service.open: {} }
recovered:
  - that: server.answers
    because: It must answer.
    within: 30s
    every: 1s
";

#[test]
#[ignore = "needs a lab of hosts"]
fn an_unfinished_run_holds_the_unit_against_everybody_and_over_a_reboot() {
    let host = Host::boot(500);
    host.write("/etc/redis-dr/runbooks/slow.yaml", SLOW);
    host.ok("systemctl kill -s KILL redis-server; systemctl stop redis-server");
    host.ok("setsid redis-dr recover cache-1 --runbook slow --confirm cache-1 --json </dev/null >/tmp/out 2>&1 & echo $! >/tmp/pid");
    host.until("pgrep -x sleep");
    host.ok("pkill -KILL -x redis-dr; pkill -x sleep");
    let nobody = || assert_eq!(host.sh("pgrep -x redis-server").stdout, b"", "it is held");

    assert!(host.sh("systemctl start redis-server").status.success(), "systemd says yes and does nothing");
    nobody();
    host.reboot();
    host.ok("systemctl start redis-server");
    nobody();
    assert!(host.ok("systemctl status redis-server || true").contains("condition"), "systemd says why");

    let back = host.redis_dr("runs rollback --auto");
    assert_eq!((back.code, back.json["outcome"].as_str()), (0, Some("rolled_back")), "{}{:#}", back.stderr, back.json);
    host.ok("systemctl start redis-server");
    assert_eq!(host.keys_when_up(), 500);
    host.is_as_it_should_be();
}

#[test]
#[ignore = "needs a lab of hosts"]
fn a_load_longer_than_its_start_timeout_is_given_more() {
    let host = Host::boot(9000);
    // 0.5 ms a key: the load takes 4.5 s and more, its unit gives it 2
    host.ok("mkdir -p /etc/systemd/system/redis-server.service.d; printf '[Service]\\nTimeoutStartSec=2\\n' \
             >/etc/systemd/system/redis-server.service.d/z-limit.conf; systemctl daemon-reload");
    host.ok("systemctl stop redis-server; echo 'key-load-delay 500' >>/etc/redis/redis.conf; systemctl start --no-block redis-server");
    host.until("test \"$(systemctl show -p NRestarts --value redis-server)\" -ge 1");
    let ended = host.recover();
    ended.recovered_by("restart");
    assert!(ended.finding_ids().contains(&"server.start_timeout"), "{:?}", ended.finding_ids());
    assert!(!ended.finding_ids().contains(&"server.stopped_on_purpose"), "that was systemd's own SIGTERM");
    assert!(ended.json["hint"].as_str().unwrap().contains("raise TimeoutStartSec"), "{:#}", ended.json);
    assert_eq!(host.keys(), 9000);
    assert_eq!(host.ok("ls /etc/systemd/system/redis-server.service.d"), "z-limit.conf");
    assert_eq!(host.ok("systemctl show -p TimeoutStartUSec --value redis-server"), "2s", "as its owner set it");
}

#[test]
#[ignore = "needs a lab of hosts"]
fn a_server_stopped_on_purpose_is_left_alone() {
    let host = Host::boot(100);
    for by in ["systemctl stop redis-server", "systemctl start redis-server; systemctl mask --now redis-server"] {
        host.ok(by);
        let ended = host.recover();
        assert_eq!((ended.code, ended.json["outcome"].as_str()), (3, Some("refused")), "{by}: {:#}", ended.json);
        assert!(ended.finding_ids().contains(&"server.stopped_on_purpose"), "{by}: {:?}", ended.finding_ids());
        assert_eq!(host.sh("pgrep -x redis-server").stdout, b"");
    }
}

#[test]
#[ignore = "needs a lab of hosts"]
fn a_run_that_was_taken_back_is_not_taken_for_a_stop_on_purpose() {
    let host = Host::boot(100);
    // it dies while it loads until systemd gives up: failed, and not stopped by anybody
    host.damage_aof();
    host.ok("systemctl kill -s KILL redis-server");
    host.until("systemctl is-failed --quiet redis-server");
    let runbook = "version: 1\nrunbook: mine\ntitle: Mine\nrisk: low\nsteps:\n  - id: stop\n    title: Stop\n    \
                   do: { service.stop: {} }\n  - id: fails\n    title: Fail\n    do: { run: { argv: [/bin/false], \
                   repeatable: true } }\nrecovered:\n  - that: server.answers\n";
    host.write("/etc/redis-dr/runbooks/mine.yaml", runbook);
    let ended = host.redis_dr("recover cache-1 --confirm cache-1 --runbook mine");
    assert_eq!((ended.code, ended.json["outcome"].as_str()), (1, Some("failed")), "{:#}", ended.json);
    let seen = host.redis_dr("assess cache-1").json;
    let purpose = &seen["facts"]["process"]["stopped_on_purpose"];
    assert_eq!(purpose, false, "{:#}", seen["findings"]);
    host.recover().recovered_by("repair-aof");
    assert_eq!(host.keys(), 100);
}

#[test]
#[ignore = "needs a lab of hosts"]
fn hold_keeps_a_restart_loop_still_until_it_is_released() {
    let host = Host::boot(40);
    host.ok("redis-dr hold cache-1");
    host.ok("systemctl kill -s KILL redis-server");
    host.until("test \"$(systemctl show -p SubState --value redis-server)\" = dead");
    host.ok("systemctl start redis-server");
    assert_eq!(host.sh("pgrep -x redis-server").stdout, b"", "it is held");
    host.ok("redis-dr hold cache-1 --release; systemctl start redis-server");
    assert_eq!(host.keys_when_up(), 40);
    host.is_as_it_should_be();
}

#[test]
#[ignore = "needs a lab of hosts"]
fn what_the_server_says_to_journald_tells_why_it_died_and_who_stopped_it() {
    let host = Host::boot(300);
    host.ok("sed -i 's/^logfile .*/logfile \"\"/; s/^daemonize .*/daemonize no/' /etc/redis/redis.conf; systemctl restart redis-server");
    assert_eq!(host.keys_when_up(), 300);
    host.damage_aof();
    host.ok("systemctl kill -s KILL redis-server");
    host.until("systemctl is-failed --quiet redis-server");
    let seen = host.redis_dr("assess cache-1").json;
    assert!(
        seen["facts"]["log"]["path"].as_str().unwrap().contains("redis-server.service"),
        "{:#}",
        seen["facts"]["log"]
    );
    let damaged = seen["findings"].as_array().unwrap().iter().find(|f| f["id"] == "files.aof_corrupt").unwrap();
    assert!(damaged["evidence"].to_string().contains("log: "), "{damaged:#}");
    host.recover().recovered_by("repair-aof");
    assert_eq!(host.keys(), 300);
    // what it said before its last start is told no more
    let again = host.redis_dr("assess cache-1").json;
    assert_eq!(again["facts"]["log"]["fatal"].as_array().unwrap().len(), 0, "{:#}", again["facts"]["log"]);
    host.ok("redis-cli shutdown nosave; systemctl stop redis-server");
    assert!(host.redis_dr("assess cache-1").finding_ids().contains(&"server.stopped_on_purpose"));
}
