//! The example of docs/rebuild.md, word for word, with a real PostgreSQL: a private one, on a unix socket.
use crate::lab::Lab;
use crate::sandbox::{PATIENCE, Sandbox};
use nix::sys::signal::{Signal, kill};
use nix::unistd::{Pid, User, geteuid};
use std::fs;
use std::os::unix::process::CommandExt;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::time::Instant;

/// The directory of its programs, the newest one's.
fn programs() -> Option<PathBuf> {
    let versions = fs::read_dir("/usr/lib/postgresql").ok()?;
    let found =
        versions.filter_map(|entry| Some(entry.ok()?.path().join("bin"))).filter(|bin| bin.join("initdb").exists());
    found.max_by_key(|bin| bin.parent()?.file_name()?.to_str()?.parse::<u32>().ok())
}

struct Postgres {
    bin: PathBuf,
    dir: tempfile::TempDir,
    child: Option<Child>,
}

impl Postgres {
    fn start(bin: PathBuf) -> Self {
        let dir = tempfile::Builder::new().prefix("redis-dr-pg-").tempdir().unwrap();
        let mut postgres = Self { bin, dir, child: None };
        if let Some(user) = postgres.user() {
            std::os::unix::fs::chown(postgres.dir.path(), Some(user.uid.as_raw()), Some(user.gid.as_raw())).unwrap();
        }
        let data = postgres.dir.path().join("data");
        let made = postgres.program("initdb").args(["-A", "trust", "-U", "cache", "-D"]).arg(&data).output().unwrap();
        assert!(made.status.success(), "{}", String::from_utf8_lossy(&made.stderr));
        let mut server = postgres.program("postgres");
        server.arg("-D").arg(&data).arg("-k").arg(postgres.dir.path()).args([
            "-c",
            "listen_addresses=",
            "-c",
            "fsync=off",
        ]);
        postgres.child = Some(server.stdout(Stdio::null()).stderr(Stdio::null()).spawn().unwrap());
        let begun = Instant::now();
        while postgres.psql("SELECT 1").is_err() {
            assert!(begun.elapsed() < PATIENCE, "PostgreSQL did not start");
            std::thread::sleep(std::time::Duration::from_millis(50));
        }
        postgres
    }

    /// It refuses to run as root.
    fn user(&self) -> Option<User> {
        geteuid().is_root().then(|| User::from_name("postgres").unwrap().expect("its package makes a user"))
    }

    fn program(&self, name: &str) -> Command {
        let mut command = Command::new(self.bin.join(name));
        command.current_dir(self.dir.path()).stdin(Stdio::null());
        if let Some(user) = self.user() {
            command.uid(user.uid.as_raw()).gid(user.gid.as_raw());
        }
        command
    }

    fn address(&self) -> String {
        format!("host={} user=cache dbname=postgres", self.dir.path().display())
    }

    fn psql(&self, sql: &str) -> Result<String, String> {
        let mut psql = self.program("psql");
        let out = psql.args(["-XAtq", "-v", "ON_ERROR_STOP=1", "-c", sql, &self.address()]).output().unwrap();
        let said = |bytes: &[u8]| String::from_utf8_lossy(bytes).into_owned();
        if out.status.success() { Ok(said(&out.stdout)) } else { Err(said(&out.stderr)) }
    }
}

impl Drop for Postgres {
    fn drop(&mut self) {
        if let Some(mut child) = self.child.take() {
            // at once, and without leaving shared memory behind
            let _ = kill(Pid::from_raw(i32::try_from(child.id()).unwrap()), Signal::SIGQUIT);
            let _ = child.wait();
        }
    }
}

/// The first block of this language in the document.
fn example(language: &str) -> String {
    let text = fs::read_to_string(Path::new(env!("CARGO_MANIFEST_DIR")).join("docs/rebuild.md")).unwrap();
    let block = text.split(&format!("```{language}\n")).nth(1).expect("docs/rebuild.md has the example");
    block.split("```").next().unwrap().to_owned()
}

fn rebuild(server: &Sandbox, command: &[&str], more: &[&str]) -> serde_json::Value {
    let command = format!("command={}", serde_json::to_string(command).unwrap());
    let mut args =
        vec!["recover", "demo", "--runbook", "rebuild-from-source", "--confirm", "demo", "--json", "--param"];
    args.push(&command);
    args.extend(more.iter().flat_map(|param| ["--param", param]));
    server.redis_dr(&args).recovered_by("rebuild-from-source")
}

const TABLES: &str = "
CREATE TABLE users (id int PRIMARY KEY, name text, email text, updated_at timestamptz);
CREATE TABLE sessions (token text PRIMARY KEY, data bytea, created_at timestamptz, expires_at timestamptz);
CREATE TABLE orders (id int PRIMARY KEY, user_id int, placed_at timestamptz);
INSERT INTO users SELECT n, 'name \"' || n || E'\\\\ of\\nlines', n || '@example.com', '2026-01-01Z' FROM generate_series(1, 5000) n;
INSERT INTO sessions SELECT 's' || n, decode(repeat('00ff0d0a', 60), 'hex'), '2026-01-01Z', now() + '1 day' FROM generate_series(1, 500) n;
INSERT INTO sessions VALUES ('over', 'x', '2026-01-01Z', '2026-01-02Z');
INSERT INTO orders SELECT n, n % 100, '2026-01-01Z'::timestamptz + n * interval '1 second' FROM generate_series(1, 1000) n;
";

#[test]
fn a_cache_is_rebuilt_from_postgresql_and_its_gap_is_filled() {
    let Some(bin) = programs() else {
        assert!(std::env::var("REDIS_DR_POSTGRES").as_deref() != Ok("must"), "PostgreSQL must be here and is not");
        return eprintln!("-- LEFT OUT: no PostgreSQL under /usr/lib/postgresql (apt-get install postgresql)");
    };
    let postgres = Postgres::start(bin);
    postgres.psql(TABLES).unwrap();
    let mut server = Lab::new().sandbox();
    let sql = server.root().join("cache.sql");
    fs::write(&sql, example("sql")).unwrap();
    let (sql, address) = (sql.display().to_string(), postgres.address());
    let psql = postgres.bin.join("psql").display().to_string();
    let command = [
        &psql,
        "-XAtq",
        "-v",
        "ON_ERROR_STOP=1",
        "-v",
        "FETCH_COUNT=1000",
        "-v",
        "since={since}",
        "-f",
        &sql,
        &address,
    ];
    rebuild(&server, &command, &["min_keys=5600"]);
    assert_eq!(server.dbsize(), 5000 + 500 + 100);
    assert_eq!(server.must(&["HGET", "user:7", "name"]).text(), "name \"7\\ of\nlines");
    assert_eq!(server.must(&["STRLEN", "session:s9"]).text(), "240");
    assert_eq!(server.must(&["LRANGE", "recent:5", "0", "1"]).text(), "905\n805");
    assert_eq!(server.must(&["EXISTS", "session:over"]).text(), "0");
    postgres.psql("UPDATE users SET name = 'new', updated_at = '2026-02-02Z' WHERE id = 7").unwrap();
    postgres.psql("UPDATE users SET name = 'unseen' WHERE id = 8").unwrap();
    server.must(&["DEL", "user:9"]);
    rebuild(&server, &command, &["existing=replace", "since=2026-02-01T00:00:00Z"]);
    assert_eq!(server.must(&["HGET", "user:7", "name"]).text(), "new");
    assert_eq!(server.must(&["HGET", "user:8", "name"]).text(), "name \"8\\ of\nlines", "its row was not dated anew");
    assert_eq!(server.must(&["EXISTS", "user:9"]).text(), "0");
    let failing = [&psql, "-XAtq", "-c", "SELECT no_such_column", address.as_str()];
    let failing = format!("command={}", serde_json::to_string(&failing).unwrap());
    let args =
        ["recover", "demo", "--runbook", "rebuild-from-source", "--confirm", "demo", "--json", "--param", &failing];
    server.redis_dr(&args).exits(4).mentions("no_such_column");
    server.redis_dr(&["runs", "rollback", "--confirm", "demo", "--json"]);
    server.writes_survive_kill9();
}

#[test]
fn a_gap_is_filled_from_the_log_of_an_application() {
    let server = Lab::new().sandbox();
    let (script, log) = (server.root().join("prices.awk"), server.root().join("prices.log"));
    fs::write(&script, example("awk")).unwrap();
    let lines = "2026-11-21T03:11:00Z set-price 1 9.99\n2026-11-21T03:12:09Z set-price 4711 12.50\n\
                 2026-11-21T03:12:10Z login bob\n2026-11-21T03:13:00Z set-price 4711 13\n2026-11-21T03:13:01Z drop 5\n";
    fs::write(&log, lines).unwrap();
    let (script, log) = (script.display().to_string(), log.display().to_string());
    rebuild(&server, &["awk", "-f", &script, &log], &["existing=replace", "since=2026-11-21T03:12:00Z"]);
    assert_eq!(server.must(&["GET", "price:4711"]).text(), "13");
    assert_eq!(server.must(&["EXISTS", "price:1"]).text(), "0");
}
