//! The lab shows that it does what its names say, without redis-dr: a story that proves nothing would be worse than none.
use crate::lab::Lab;
use crate::resp::command;

#[test]
fn data_comes_back_the_same_after_a_crash() {
    Lab::on_each(|mut server| {
        server.start().fill(900);
        let (digest, expiries, keys) = (server.digest(), server.expiries(), server.dbsize());
        assert!(keys > 800 && expiries.len() > 50, "{keys} {}", expiries.len());
        server.writes_survive_kill9();
        assert_eq!((server.digest(), server.expiries()), (digest, expiries));
        server.save().rewrite_aof();
        assert!(server.rdb().exists());
    });
}

#[test]
fn damage_is_damage() {
    Lab::on_each(|mut server| {
        server.start().fill(700).kill9();
        server.append_to_aof(b"garbage that no server takes\r\n").start_fails();
        let listed = server.files();
        assert!(listed.len() > 1);
        server.lose_aof().start();
        assert_eq!(server.dbsize(), 0, "AOF lost and no snapshot: empty");
    });
}

#[test]
fn a_torn_transaction_is_the_trap_it_is_said_to_be() {
    Lab::on_each(|mut server| {
        server.start().fill(300).kill9();
        let before = std::fs::read(server.aof_tail()).unwrap();
        server.append_torn_transaction();
        assert!(std::fs::read(server.aof_tail()).unwrap().len() > before.len() + command(&["MULTI"]).len());
        server.start();
        assert!(server.log().contains("aof-load-truncated"), "{}", server.log());
    });
}

#[test]
fn a_split_aof_still_loads() {
    Lab::on_each_where(
        |tree| tree.since_seven(),
        |mut server| {
            server.start().fill(2_000);
            let digest = server.digest();
            server.kill9();
            server.split_incr();
            server.start();
            assert_eq!(server.digest(), digest);
        },
    );
}

#[test]
fn the_config_it_writes_is_one() {
    let mut server = Lab::new().sandbox();
    for lines in [
        "policy: { max_risk: high, max_loss: 1h, max_recoveries: { count: 1000, within: 1h } }",
        "policy: {  }",
        "policy: { max_risk: high }\nhooks:\n  on_end: { run: [/bin/true], timeout: 10s }",
        "auth: { password_file: /tmp/pass }",
    ] {
        server.instance(lines);
        let text = std::fs::read_to_string(server.config()).unwrap();
        redis_dr::config::Config::from_text(&text, "redis-dr.yaml").unwrap_or_else(|error| panic!("{error}"));
    }
}
