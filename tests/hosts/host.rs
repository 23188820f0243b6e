//! One host of the lab, booted for one test and gone after it, also when the test fails.
use serde_json::Value;
use std::fs::{self, File};
use std::path::{Path, PathBuf};
use std::process::{Command, Output, Stdio};
use std::time::{Duration, Instant};

/// How long anything here is waited for.
const PATIENCE: Duration = Duration::from_secs(40);

/// A host with systemd, the distribution's redis-server, and the redis-dr of this build.
pub struct Host {
    lab: PathBuf,
    /// The network namespaces have fixed names: one lab at a time on a machine.
    _only: File,
}

/// How redis-dr ended.
pub struct Ended {
    pub code: i32,
    pub json: Value,
    pub stderr: String,
}

impl Ended {
    pub fn finding_ids(&self) -> Vec<&str> {
        self.json["findings"].as_array().into_iter().flatten().filter_map(|f| f["id"].as_str()).collect()
    }

    /// Asserts that it recovered, by this runbook.
    pub fn recovered_by(&self, runbook: &str) {
        let said = (self.code, self.json["outcome"].as_str(), self.json["runbook"].as_str());
        assert_eq!(said, (0, Some("recovered"), Some(runbook)), "{}\n{:#}", self.stderr, self.json);
    }
}

const CONFIG: &str = "\
version: 1
runbooks: [/etc/redis-dr/runbooks]
stores:
  nightly: { dir: /backup }
instances:
  cache-1:
    address: 127.0.0.1:6379
    config_file: /etc/redis/redis.conf
    service: { systemd: redis-server.service }
    topology: standalone
    stores: [nightly]
    policy: { max_risk: high, max_loss: 1h, max_recoveries: { count: 100, within: 1h } }
";

impl Host {
    /// Boots a host whose server has AOF on, no save points, and `keys` keys.
    pub fn boot(keys: u32) -> Host {
        let lab = PathBuf::from(std::env::var_os("REDIS_DR_HOSTS").expect(super::LEFT_OUT));
        let only = File::create(std::env::temp_dir().join("redis-dr-hosts.lock")).unwrap();
        only.lock().unwrap();
        let host = Host { lab, _only: only };
        // what a killed test left
        host.script(&["down"]);
        let up = host.script(&["up", "1"]);
        assert!(up.status.success(), "the host does not boot: {}", String::from_utf8_lossy(&up.stderr));
        host.put(Path::new(env!("CARGO_BIN_EXE_redis-dr")), "/usr/bin/redis-dr");
        host.ok("mkdir -p /etc/redis-dr/runbooks /backup");
        host.write("/etc/redis-dr/redis-dr.yaml", CONFIG);
        host.ok("sed -i 's/^appendonly no/appendonly yes/' /etc/redis/redis.conf && echo 'save \"\"' >>/etc/redis/redis.conf");
        host.ok("systemctl restart redis-server");
        host.fill(keys);
        host
    }

    fn script(&self, words: &[&str]) -> Output {
        let (verb, rest) = words.split_first().unwrap();
        Command::new("bash")
            .arg(self.lab.join("lab-hosts.sh"))
            .arg(verb)
            .arg(&self.lab)
            .args(rest)
            .stdin(Stdio::null())
            .output()
            .unwrap()
    }

    /// Runs a line of shell in the host.
    pub fn sh(&self, line: &str) -> Output {
        self.script(&["sh", "h1", "sh", "-c", line])
    }

    /// Runs a line of shell that must succeed; gives what it printed.
    pub fn ok(&self, line: &str) -> String {
        let out = self.sh(line);
        let (stdout, stderr) = (String::from_utf8_lossy(&out.stdout), String::from_utf8_lossy(&out.stderr));
        assert!(out.status.success(), "{line}\n{stdout}{stderr}");
        stdout.trim().to_string()
    }

    /// Waits until a line of shell succeeds.
    pub fn until(&self, line: &str) {
        let begun = Instant::now();
        while !self.sh(line).status.success() {
            let journal = || self.ok("journalctl --no-pager -n 40; systemctl status redis-server --no-pager || true");
            assert!(begun.elapsed() < PATIENCE, "never became true: {line}\n{}", journal());
            std::thread::sleep(Duration::from_millis(50));
        }
    }

    pub fn write(&self, path: &str, text: &str) {
        let file = tempfile::NamedTempFile::new().unwrap();
        fs::write(file.path(), text).unwrap();
        self.put(file.path(), path);
        self.ok(&format!("chmod 644 {path}"));
    }

    /// Puts a file there, executable.
    pub fn put(&self, from: &Path, to: &str) {
        let out = self.script(&["put", "h1", from.to_str().unwrap(), to]);
        assert!(out.status.success(), "{}", String::from_utf8_lossy(&out.stderr));
    }

    /// Installs a file of `packaging/`.
    pub fn install(&self, from: &str, to: &str, mode: &str) {
        self.ok(&format!("mkdir -p $(dirname {to})"));
        self.put(&Path::new(env!("CARGO_MANIFEST_DIR")).join("packaging").join(from), to);
        self.ok(&format!("chmod {mode} {to}"));
    }

    /// Writes keys `k0`, `k1` …, waits until they are in the AOF.
    pub fn fill(&self, keys: u32) {
        self.until("redis-cli ping | grep -q PONG");
        let line = format!("seq 0 {} | sed 's/.*/SET k& value-&/' | redis-cli >/dev/null", keys - 1);
        self.ok(&line);
        self.ok(
            "redis-cli config set appendfsync always >/dev/null; redis-cli config set appendfsync everysec >/dev/null",
        );
    }

    pub fn keys(&self) -> u32 {
        self.ok("redis-cli dbsize").parse().unwrap()
    }

    /// Kills the server and keeps the unit from starting it again: a broken host as it is found.
    pub fn knock_down(&self) {
        self.ok("systemctl kill -s KILL redis-server; systemctl stop redis-server");
    }

    /// Appends what is no command to the AOF.
    pub fn damage_aof(&self) {
        self.ok("echo garbage | tee -a /var/lib/redis/appendonlydir/*.incr.aof");
    }

    /// How many keys there are, once it answers.
    pub fn keys_when_up(&self) -> u32 {
        self.until("redis-cli ping | grep -q PONG");
        self.keys()
    }

    /// Runs redis-dr with `--json`, as root.
    pub fn redis_dr(&self, words: &str) -> Ended {
        self.redis_dr_as("root", words)
    }

    /// Runs redis-dr with `--json`, as a user.
    pub fn redis_dr_as(&self, user: &str, words: &str) -> Ended {
        let out = self.sh(&format!("su {user} -s /bin/sh -c 'redis-dr {words} --json'"));
        let stderr = String::from_utf8_lossy(&out.stderr).into_owned();
        let json = serde_json::from_slice(&out.stdout)
            .unwrap_or_else(|e| panic!("{words}: {e}\n{}\n{stderr}", String::from_utf8_lossy(&out.stdout)));
        Ended { code: out.status.code().unwrap_or(-1), json, stderr }
    }

    pub fn recover(&self) -> Ended {
        self.redis_dr("recover cache-1 --auto")
    }

    /// Active, enabled as before, not held, no drop-in of ours, files of the server's user as the package made them.
    pub fn is_as_it_should_be(&self) {
        self.until("systemctl is-active --quiet redis-server && redis-cli ping | grep -q PONG");
        assert_eq!(self.ok("systemctl is-enabled redis-server"), "enabled");
        let left = self.ok(
            "find /etc/systemd/system /run/systemd/system -name '*redis-dr-*.conf'; ls -d /run/systemd/system/redis-server.service.d 2>/dev/null; \
             find /var/lib/redis/.redis-dr -name held; systemctl show -p NeedDaemonReload redis-server | grep =yes; true",
        );
        assert_eq!(left, "", "something is left behind");
        assert_eq!(
            self.ok("stat -c '%U:%G %a' /etc/redis/redis.conf /var/lib/redis"),
            "redis:redis 640\nredis:redis 750"
        );
        let strangers =
            "find /var/lib/redis /etc/redis -name .redis-dr -prune -o ! -user redis -print -o ! -group redis -print";
        assert_eq!(self.ok(strangers), "");
        assert_eq!(self.ok("redis-cli config get min-replicas-to-write | tail -1"), "0");
        // it takes writes, and comes back with them after a crash
        self.ok("redis-cli set after-recovery 1; redis-cli config set appendfsync always");
        let keys = self.keys();
        self.ok("redis-cli set written-before-the-crash 1; systemctl kill -s KILL redis-server; true");
        self.until(&format!("test \"$(redis-cli dbsize)\" = {}", keys + 1));
        self.ok("redis-cli del after-recovery written-before-the-crash");
    }

    /// Powers the host off and boots it again, as the script booted it.
    pub fn reboot(&self) {
        let dir = self.lab.join("hosts/h1");
        let pid = fs::read_to_string(dir.join("pid")).unwrap();
        let proc = PathBuf::from("/proc").join(pid.trim());
        let words = |name: &str| -> Vec<String> {
            let bytes = fs::read(proc.join(name)).unwrap();
            String::from_utf8(bytes).unwrap().split_terminator('\0').map(str::to_string).collect()
        };
        let (argv, environ) = (words("cmdline"), words("environ"));
        self.ok("systemctl --no-block reboot");
        let begun = Instant::now();
        while proc.exists() {
            assert!(begun.elapsed() < PATIENCE, "the host does not go down");
            std::thread::sleep(Duration::from_millis(50));
        }
        let log = File::create(dir.join("log")).unwrap();
        let mut again = Command::new("setsid")
            .args(["unshare", "-m", "--propagation", "private"])
            .args(&argv)
            .env_clear()
            .envs(environ.iter().filter_map(|e| e.split_once('=')))
            .stdin(Stdio::null())
            .stdout(log.try_clone().unwrap())
            .stderr(log)
            .spawn()
            .unwrap();
        let pid = again.id().to_string();
        // reaped when it ends: the script takes a zombie for a host that is still up
        std::thread::spawn(move || again.wait());
        fs::write(dir.join("pid"), &pid).unwrap();
        let begun = Instant::now();
        loop {
            let child = Command::new("pgrep").args(["-P", &pid]).output().unwrap();
            let leader = String::from_utf8_lossy(&child.stdout).lines().next().unwrap_or_default().to_string();
            fs::write(dir.join("leader"), &leader).unwrap();
            let state = if leader.is_empty() { None } else { Some(self.sh("systemctl is-system-running").stdout) };
            if state.is_some_and(|s| matches!(s.trim_ascii(), b"running" | b"degraded")) {
                return;
            }
            assert!(begun.elapsed() < PATIENCE, "the host does not boot again");
            std::thread::sleep(Duration::from_millis(50));
        }
    }
}

impl Drop for Host {
    fn drop(&mut self) {
        self.script(&["down"]);
    }
}
