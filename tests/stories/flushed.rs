//! FLUSHALL by mistake: the snapshot on disk is overwritten at once, only the AOF still holds the history.
use crate::dr::{loss_of, point_of};
use crate::lab::Lab;
use crate::sandbox::Sandbox;

/// Save points, so that a flush overwrites the snapshot; data in the base of the AOF and behind it.
fn filled(server: &mut Sandbox) -> String {
    server.configure("save 3600 1").start().fill(600).save();
    server.rewrite_aof();
    server.fill(200);
    server.digest()
}

fn undone(server: &mut Sandbox, digest: &str) {
    let run = server.recover_auto().recovered_by("undo-flush");
    assert_eq!(point_of(&run), "aof-before-flush");
    assert_eq!(loss_of(&run), Some(0.0));
    assert_eq!(server.digest(), digest);
    assert_eq!(server.must(&["CONFIG", "GET", "save"]).text().trim(), "save\n3600 1", "as the owner has it");
    server.writes_survive_kill9();
}

#[test]
fn flushall_on_a_running_server_with_save_points() {
    Lab::on_each(|mut server| {
        let digest = filled(&mut server);
        server.must(&["FLUSHALL"]);
        assert_eq!(server.dbsize(), 0);
        undone(&mut server, &digest);
    });
}

#[test]
fn flushed_and_stopped_as_usual() {
    Lab::on_each(|mut server| {
        let digest = filled(&mut server);
        server.must(&["flushall", "async"]);
        server.kill9();
        undone(&mut server, &digest);
    });
}

#[test]
fn flushdb_within_a_transaction_is_cut_before_its_multi() {
    Lab::on_each(|mut server| {
        let digest = filled(&mut server);
        let mut client = server.client();
        for words in [&["MULTI"][..], &["SET", "within", "1"], &["flushdb"], &["EXEC"]] {
            assert!(!client.ask(words).unwrap().is_error());
        }
        for db in 1..16 {
            assert!(!client.ask(&["SELECT", &db.to_string()]).unwrap().is_error());
            assert!(!client.ask(&["FLUSHDB", "async"]).unwrap().is_error());
        }
        assert_eq!(server.dbsize(), 0);
        undone(&mut server, &digest);
    });
}

#[test]
fn a_script_that_flushes() {
    Lab::on_each(|mut server| {
        let digest = filled(&mut server);
        server.must(&["EVAL", "redis.call('set', 'k', '1') return redis.call('flushall')", "0"]);
        undone(&mut server, &digest);
    });
}

#[test]
fn flushed_twice_is_one_accident() {
    Lab::on_each(|mut server| {
        let digest = filled(&mut server);
        server.must(&["FLUSHALL"]);
        server.must(&["FLUSHALL"]);
        undone(&mut server, &digest);
    });
}

#[test]
fn what_clients_wrote_since_is_counted_and_kept() {
    let mut server = Lab::new().sandbox();
    let digest = filled(&mut server);
    server.must(&["FLUSHALL"]);
    server.must(&["SET", "since", "1"]);
    server.must(&["SET", "since", "2"]);
    let run_id = server.run_id();
    server.recover_auto().exits(3).mentions("clients have written since");
    assert_eq!(server.run_id(), run_id);
    let plan = server.redis_dr(&["plan", "demo", "--point", "aof-before-flush"]);
    plan.exits(0).mentions("commands after it, which are lost: 2");
    let recover = ["recover", "demo", "--point", "aof-before-flush", "--confirm", "demo", "--json"];
    let run = server.redis_dr(&recover).recovered_by("undo-flush");
    assert_eq!(server.digest(), digest);
    let vault = std::path::PathBuf::from(run["vault"].as_str().unwrap());
    let memory = std::fs::read(vault.join("memory.rdb")).unwrap();
    assert!(memory.windows(5).any(|w| w == b"since"), "what was written since is in the vault");
}

#[test]
fn a_flush_before_which_another_removed_more_is_a_persons_choice() {
    let mut server = Lab::new().sandbox();
    let digest = filled(&mut server);
    server.must(&["FLUSHALL"]);
    server.must(&["SET", "since", "1"]);
    server.must(&["FLUSHALL"]);
    let refused = server.recover_auto();
    refused.exits(3).mentions("nobody can tell how much restoring");
    let points = server.redis_dr(&["points", "demo", "--json"]).json();
    let ids: Vec<&str> = points["points"].as_array().unwrap().iter().filter_map(|p| p["id"].as_str()).collect();
    let first = ids.iter().find(|id| id.starts_with("aof-before-flush-at-")).unwrap();
    let run = server.redis_dr(&["recover", "demo", "--point", first, "--confirm", "demo", "--json"]);
    run.recovered_by("undo-flush");
    assert_eq!(server.digest(), digest);
}

/// Takes only the flush out, by the word of a person.
fn only_the_flush(server: &Sandbox) -> crate::dr::Output {
    server.redis_dr(&["recover", "demo", "--point", "aof-without-flush", "--confirm", "demo", "--json"])
}

/// Nothing of a private load is left: no directory, no process.
fn no_trace_of_a_private_load(server: &Sandbox) {
    let left = std::fs::read_dir(server.data()).unwrap().filter_map(|entry| entry.ok()?.file_name().into_string().ok());
    let left: Vec<String> = left.filter(|name| name.starts_with(".redis-dr-")).collect();
    assert!(left.is_empty(), "left in the data directory: {left:?}");
    let cwds = std::fs::read_dir("/proc").unwrap().filter_map(|p| std::fs::read_link(p.ok()?.path().join("cwd")).ok());
    let private: Vec<_> = cwds.filter(|cwd| cwd.starts_with(server.data()) && *cwd != server.data()).collect();
    assert!(private.is_empty(), "private servers live on in {private:?}");
}

#[test]
fn only_the_flush_is_taken_out_and_what_came_after_it_is_kept() {
    Lab::on_each(|mut server| {
        let digest = filled(&mut server);
        let size = server.dbsize();
        let mut client = server.client();
        for words in [&["MULTI"][..], &["SET", "since", "1"], &["FLUSHALL"], &["INCR", "since"], &["EXEC"]] {
            assert!(!client.ask(words).unwrap().is_error());
        }
        server.must(&["RPUSH", "list-since", "a", "b"]);
        server.recover_auto().exits(3);
        let auto = ["recover", "demo", "--auto", "--json", "--point", "aof-without-flush"];
        server.redis_dr(&auto).exits(3).mentions("nobody can tell how much restoring aof-without-flush loses");
        let plan = server.redis_dr(&["plan", "demo", "--point", "aof-without-flush"]);
        plan.exits(0).mentions("meet data that they never saw").mentions("list-since");
        let run = only_the_flush(&server).recovered_by("undo-flush");
        let cut = run["steps"].as_array().unwrap().iter().find(|step| step["id"] == "cut").unwrap();
        assert_eq!(cut["outcome"], "done");
        no_trace_of_a_private_load(&server);
        assert_eq!(server.dbsize(), size + 2);
        assert_eq!(server.must(&["GET", "since"]).text(), "2");
        assert_eq!(server.must(&["LLEN", "list-since"]).text(), "2");
        server.must(&["DEL", "since", "list-since"]);
        assert_eq!(server.digest(), digest);
        server.writes_survive_kill9();
    });
}

#[test]
fn of_two_flushes_the_first_is_taken_out_with_the_second() {
    let mut server = Lab::new().sandbox();
    let digest = filled(&mut server);
    server.must(&["FLUSHALL"]);
    server.must(&["SET", "since", "1"]);
    server.must(&["FLUSHDB"]);
    server.must(&["SET", "later", "1"]);
    let points = server.redis_dr(&["points", "demo", "--json"]).json();
    let mut ids = points["points"].as_array().unwrap().iter().filter_map(|p| p["id"].as_str());
    let first = ids.find(|id| id.starts_with("aof-without-flush-at-")).unwrap();
    let recover = ["recover", "demo", "--point", first, "--confirm", "demo", "--json"];
    server.redis_dr(&recover).recovered_by("undo-flush");
    assert_eq!(server.must(&["MGET", "since", "later"]).text(), "1\n1");
    server.must(&["DEL", "since", "later"]);
    assert_eq!(server.digest(), digest);
}

#[test]
fn a_script_loses_only_its_flush() {
    Lab::on_each(|mut server| {
        let digest = filled(&mut server);
        let script = "redis.call('set', 'k', '1') redis.call('flushall') redis.call('incr', 'k') return 1";
        server.must(&["EVAL", script, "1", "k"]);
        server.must(&["SET", "since", "1"]);
        server.kill9();
        only_the_flush(&server).recovered_by("undo-flush");
        assert_eq!(server.must(&["GET", "k"]).text(), "2", "what the script did before and after its flush");
        server.must(&["DEL", "k", "since"]);
        assert_eq!(server.digest(), digest);
    });
}

#[test]
fn commands_that_do_not_fit_the_data_are_found_by_the_private_load() {
    // 6.0 does not tell of commands that it refuses while it reads its AOF
    Lab::on_each_where(
        |tree| tree.version >= (6, 2),
        |mut server| {
            filled(&mut server);
            server.must(&["SET", "one", "text"]);
            server.must(&["FLUSHALL"]);
            server.must(&["SADD", "one", "member"]);
            server.kill9();
            let before = std::fs::read(server.aof_tail()).unwrap();
            let run = only_the_flush(&server);
            run.exits(1).mentions("a private server refused 1 commands");
            assert_eq!(std::fs::read(server.aof_tail()).unwrap(), before, "nothing was put in the AOF's place");
            no_trace_of_a_private_load(&server);
            let plan = server.redis_dr(&["plan", "demo", "--point", "aof-before-flush"]);
            plan.exits(0).mentions("they write to 1 keys: one");
        },
    );
}

#[test]
fn an_exchange_of_databases_is_taken_back_by_a_person_only() {
    Lab::on_each(|mut server| {
        let digest = filled(&mut server);
        server.must(&["SWAPDB", "0", "9"]);
        server.must(&["SET", "since", "1"]);
        let recover = ["recover", "demo", "--point", "aof-without-swapdb", "--confirm", "demo", "--json"];
        server.redis_dr(&recover).recovered_by("undo-flush");
        assert_eq!(server.must(&["GET", "since"]).text(), "1", "kept, beside the data that is back in its database");
        server.must(&["DEL", "since"]);
        assert_eq!(server.digest(), digest);
    });
}

#[test]
fn a_private_server_that_outlived_us_is_ended_by_the_next_use() {
    let mut server = Lab::new().sandbox();
    server.configure("save 3600 1").start().fill(30_000);
    let digest = server.digest();
    server.must(&["FLUSHALL"]);
    server.must(&["SET", "since", "1"]);
    server.kill9();
    // Killed at several moments; one of them falls into the private load.
    for moment in [60, 120, 180, 240] {
        let recover = ["recover", "demo", "--point", "aof-without-flush", "--confirm", "demo", "--json"];
        server.redis_dr_killed_after(&recover, std::time::Duration::from_millis(moment));
    }
    let end = server.redis_dr(&["runs", "resume", "--json"]);
    if end.code != Some(0) {
        only_the_flush(&server).recovered_by("undo-flush");
    }
    no_trace_of_a_private_load(&server);
    server.must(&["DEL", "since"]);
    assert_eq!(server.digest(), digest);
}

/// redis-dr and the server run as the same user, who is not root.
#[test]
fn undone_by_a_user_who_is_not_root() {
    use std::os::unix::process::CommandExt;
    let Some(mut server) = crate::repairs::for_nobody() else { return };
    let program = server.root().join("redis-dr");
    std::fs::copy(env!("CARGO_BIN_EXE_redis-dr"), &program).unwrap();
    server.configure("save 3600 1");
    crate::nobody::give(server.root(), "nobody");
    let mut child = std::process::Command::new(&server.tree.server)
        .arg(server.conf())
        .current_dir(server.root())
        .stdout(std::process::Stdio::null())
        .uid(65534)
        .gid(65534)
        .spawn()
        .unwrap();
    let reaper = std::thread::spawn(move || child.wait());
    crate::sandbox::wait_until("the server", || server.ask(&["PING"]).is_some_and(|reply| reply.text() == "PONG"));
    server.fill(300);
    let digest = server.digest();
    server.must(&["FLUSHALL"]);
    let mut command = std::process::Command::new(&program);
    command.args(["recover", "demo", "--auto", "--json", "-c"]).arg(server.config()).current_dir(server.root());
    command.env("HOME", server.root()).env_remove("REDISCLI_AUTH").uid(65534).gid(65534);
    command.stdin(std::process::Stdio::null());
    command.stdout(std::process::Stdio::piped()).stderr(std::process::Stdio::piped());
    let run = crate::dr::finish(command.spawn().unwrap()).recovered_by("undo-flush");
    assert_eq!(point_of(&run), "aof-before-flush");
    assert_eq!(server.digest(), digest);
    server.kill9();
    assert!(reaper.join().unwrap().is_ok());
}
