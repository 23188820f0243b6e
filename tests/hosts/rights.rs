//! Who may: root, a user with the sudoers file, a user without; and redis-dr inside a unit.
use super::host::Host;

#[test]
#[ignore = "needs a lab of hosts"]
fn a_plain_user_is_told_what_is_missing_and_the_sudo_command() {
    let host = Host::boot(50);
    host.ok("useradd --create-home ops; useradd --create-home oncall; groupadd redis-oncall; usermod -aG redis-oncall oncall");
    host.knock_down();
    let refused = host.redis_dr_as("ops", "recover cache-1 --auto");
    assert_eq!((refused.code, refused.json["outcome"].as_str()), (3, Some("refused")), "{:#}", refused.json);
    let because = refused.json["because"].as_str().unwrap();
    assert!(because.contains("ops") && because.contains("redis-server.service"), "{because}");
    let hint = refused.json["hint"].as_str().unwrap();
    assert!(hint.contains("sudo redis-dr") && hint.contains("recover cache-1"), "{hint}");
    assert_eq!(host.ok("ls /home/ops/.local 2>/dev/null; pgrep -x redis-server; true"), "", "nothing was done");

    // a look shows what can be seen, and claims nothing about the rest
    let seen = host.redis_dr_as("ops", "assess cache-1");
    assert_eq!(seen.code, 0, "{:#}", seen.json);
    for claimed in ["config.missing", "files.rdb_missing", "files.aof_missing", "files.permission"] {
        assert!(!seen.finding_ids().contains(&claimed), "{claimed}: {:?}", seen.finding_ids());
    }
    let unknown = seen.json["facts"]["unknown"].to_string();
    assert!(unknown.contains("config.state") && unknown.contains("ermission"), "{unknown}");
    assert!(seen.json["facts"]["config"]["data_dir"].is_null());

    host.install("sudoers.d/redis-dr", "/etc/sudoers.d/redis-dr", "440");
    host.ok("visudo -c");
    host.ok("sed -i 's/^nagios /ops /' /etc/sudoers.d/redis-dr");
    let looked = host.sh("su ops -c 'sudo -n /usr/bin/redis-dr assess cache-1 --json --exit-code'");
    assert_eq!(looked.status.code(), Some(8));
    assert!(!host.sh("su ops -c 'sudo -n /usr/bin/redis-dr recover cache-1 --auto --json'").status.success());
    assert!(!host.sh("su oncall -c 'sudo -n /usr/bin/redis-dr plan cache-1 -o /etc/shadow'").status.success());
    host.ok("su oncall -c 'sudo -n /usr/bin/redis-dr recover cache-1 --auto --json'");
    assert_eq!(host.keys_when_up(), 50);
    host.is_as_it_should_be();
}

#[test]
#[ignore = "needs a lab of hosts"]
fn a_process_that_would_end_with_our_unit_is_not_started() {
    let host = Host::boot(70);
    host.ok("sed -i 's/service: .*/service: { process: {} }/' /etc/redis-dr/redis-dr.yaml");
    host.knock_down();
    host.install("systemd/redis-dr-recover@.service", "/etc/systemd/system/redis-dr-recover@.service", "644");
    host.ok("systemctl daemon-reload");
    assert!(!host.sh("systemctl start redis-dr-recover@cache-1").status.success());
    assert_eq!(host.ok("systemctl show -p ExecMainStatus --value redis-dr-recover@cache-1"), "3");
    let said = host.ok("journalctl -o cat -u redis-dr-recover@cache-1");
    assert!(said.contains("KillMode=process") && said.contains("redis-dr-recover@cache-1.service"), "{said}");
    assert_eq!(host.ok("redis-dr runs list --json | grep -c run_id || true"), "0", "nothing was begun");

    host.ok("sed -i 's/^#KillMode/KillMode/' /etc/systemd/system/redis-dr-recover@.service; systemctl daemon-reload");
    host.ok("systemctl start redis-dr-recover@cache-1");
    assert_eq!(host.ok("systemctl is-active redis-dr-recover@cache-1 || true"), "inactive");
    assert_eq!(host.keys_when_up(), 70, "it outlives the unit that started it");
}
