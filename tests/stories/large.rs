//! A large AOF: it is saved without copying it, and comes back exactly.
use crate::lab::Lab;
use crate::sandbox::Sandbox;
use serde_json::Value;
use std::fs;

/// More than a copy would be made of: 80 MiB.
const VALUES: usize = 80;

fn large(mut server: Sandbox) -> (Sandbox, String) {
    server.configure("auto-aof-rewrite-percentage 0").start().fill(100);
    let mut client = server.client();
    for n in 0..VALUES {
        let set = vec![b"SET".to_vec(), format!("large:{n}").into_bytes(), vec![b'a' + (n % 26) as u8; 1 << 20]];
        assert!(!client.pipeline(&[set]).unwrap()[0].is_error());
    }
    server.written();
    let digest = server.digest();
    (server, digest)
}

/// How a file was saved in the last run, once for each time.
fn ways(server: &Sandbox, path: &str) -> Vec<String> {
    let listed = server.redis_dr(&["vault", "list", "last", "--json"]).exits(0).json();
    let saved = listed["runs"][0]["saved"].as_array().unwrap().iter();
    saved.filter(|s| s["path"] == path).map(|s| s["how"].as_str().unwrap().to_owned()).collect()
}

/// Not a copy; a filesystem that can share blocks does that instead of a mark.
fn is_mark(how: &str) -> bool {
    ["mark", "reflink"].contains(&how)
}

fn planned(plan: &Value, action: &str, path: &str) -> String {
    let steps = plan["steps"].as_array().unwrap();
    let step = steps.iter().find(|step| step["do"] == action).unwrap();
    let copies = step["safety_copies"].as_array().unwrap().iter();
    let mut ways = copies.filter(|c| path.starts_with(c["path"].as_str().unwrap())).map(|c| c["how"].to_string());
    ways.next().unwrap_or_else(|| panic!("{action} saves no {path}: {step}")).trim_matches('"').to_owned()
}

fn taken_back(server: &mut Sandbox, original: &[u8], tail: &str) {
    let args = ["runs", "rollback", "last", "--confirm", "demo", "--discard-writes", "--json"];
    assert_eq!(server.redis_dr(&args).exits(0).json()["outcome"], "rolled_back");
    assert!(!server.running() && fs::read(tail).unwrap() == original, "the bytes of before");
}

#[test]
fn a_large_aof_is_marked_not_copied_and_cut_back() {
    Lab::on_each(|server| {
        for rewritten in [false, true] {
            let (mut server, digest) = large(Sandbox::new(&server.tree));
            server.kill9();
            let tail = server.aof_tail().display().to_string();
            let original = fs::read(&tail).unwrap();
            let plan = server.redis_dr(&["plan", "demo", "--json"]).exits(0).json();
            assert_eq!(planned(&plan, "service.start", &tail), "mark");
            assert!(plan["estimate"]["copy_bytes"].as_u64().unwrap() < 1 << 20, "{}", plan["estimate"]);
            server.recover_auto().exits(0);
            assert_eq!(server.digest(), digest);
            assert!(ways(&server, &tail).iter().all(|how| is_mark(how)), "{:?}", ways(&server, &tail));
            server.must(&["SET", "since", "then"]);
            if rewritten {
                server.rewrite_aof();
            }
            let copy = server.root().join("copy");
            server.redis_dr(&["vault", "restore", "last", &tail, "-o", copy.to_str().unwrap()]).exits(0);
            assert!(fs::read(copy).unwrap() == original);
            taken_back(&mut server, &original, &tail);
            assert_eq!(server.start().digest(), digest);
            server.kill9();
        }
    });
}

#[test]
fn a_large_torn_aof_is_linked_then_marked() {
    let (mut server, digest) = large(Lab::new().sandbox());
    server.kill9().append_torn_transaction();
    let tail = server.aof_tail().display().to_string();
    let original = fs::read(&tail).unwrap();
    let plan = server.redis_dr(&["plan", "demo", "--json"]).exits(0).json();
    assert_eq!(
        (planned(&plan, "aof.cut", &tail), planned(&plan, "service.start", &tail)),
        ("link".into(), "mark".into())
    );
    server.recover_auto().recovered_by("repair-aof");
    assert_eq!(server.digest(), digest);
    let ways = ways(&server, &tail);
    assert!(ways.len() == 2 && ways[0] == "link" && is_mark(&ways[1]), "{ways:?}");
    server.must(&["SET", "since", "then"]);
    taken_back(&mut server, &original, &tail);
}

/// What the plan says will be saved, and how; each file by itself, or its directory.
fn announced(plan: &Value) -> Vec<(String, String)> {
    let steps = plan["steps"].as_array().unwrap().iter().filter(|s| s["verdict"] == "run");
    let copies = steps.flat_map(|step| step["safety_copies"].as_array().unwrap());
    copies.map(|c| (c["path"].as_str().unwrap().to_owned(), c["how"].as_str().unwrap().to_owned())).collect()
}

#[test]
fn the_plan_says_how_each_file_is_saved() {
    for (damage, runbook) in [
        (Sandbox::append_torn_transaction as fn(&mut Sandbox) -> &mut Sandbox, "repair-aof"),
        (Sandbox::lose_manifest, "rebuild-aof-manifest"),
        (Sandbox::lose_aof, "restore-rdb-as-aof-base"),
    ] {
        let mut server = Lab::new().sandbox();
        server.start().fill(300);
        if runbook == "restore-rdb-as-aof-base" {
            server.save();
        }
        server.kill9();
        damage(&mut server);
        let plan = server.redis_dr(&["plan", "demo", "--json"]).exits(0).json();
        assert_eq!(plan["runbook"], runbook);
        server.recover_auto().recovered_by(runbook);
        let listed = server.redis_dr(&["vault", "list", "last", "--json"]).exits(0).json();
        let saved = listed["runs"][0]["saved"].as_array().unwrap();
        let announced = announced(&plan);
        let names = |path: &str, how: &str| {
            let says = |(what, way): &(String, String)| (path.starts_with(what.as_str())) && (way == how);
            announced.iter().any(says)
        };
        for one in saved {
            let (path, how) = (one["path"].as_str().unwrap(), one["how"].as_str().unwrap());
            let how = if how == "reflink" { "copy" } else { how };
            assert!(names(path, how), "{runbook}: {path} was saved as {how}, the plan says {announced:?}");
        }
        for (path, how) in announced.iter().filter(|(_, how)| how != "absent") {
            let is = |s: &&Value| {
                s["path"].as_str().unwrap().starts_with(path) && (s["how"] == **how || s["how"] == "reflink")
            };
            assert!(saved.iter().any(|s| is(&s)), "{runbook}: {path} was not saved as {how}: {saved:?}");
        }
    }
}
