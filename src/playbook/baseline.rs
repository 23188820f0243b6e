//! A healthy instance and an intact point: what a case changes.
use serde_json::{Value as Json, json};

use crate::facts::{
    AofState, Bytes, ConfigFacts, ConfigState, DiskFacts, Facts, FileState, FilesFacts, Flavour, HostFacts,
    InstanceFacts, LogFacts, MemoryFacts, PersistenceFacts, PointKind, PointsFacts, PortFacts, ProcessFacts,
    ProcessState, ReplicationFacts, RunFacts, Seconds, ServerFacts, ServerRole, ServiceKind, Topology, WouldLoad,
};

const GIB: u64 = 1 << 30;

/// The facts of a healthy Redis 7 with AOF on, as JSON.
pub(super) fn healthy() -> Json {
    let facts = Facts {
        instance: InstanceFacts {
            name: "cache-1".into(),
            address: "127.0.0.1:6379".into(),
            host: "db-7".into(),
            topology: Topology::Standalone,
            service: ServiceKind::Systemd,
            service_name: Some("redis-server.service".into()),
            user: Some("redis".into()),
            paused: Some(false),
            files_visible: Some(true),
            rto: Some(Seconds(300.0)),
            rpo: Some(Seconds(3600.0)),
            ..Default::default()
        },
        process: ProcessFacts {
            state: Some(ProcessState::Running),
            pid: Some(4242),
            user: Some("redis".into()),
            binary: Some("/usr/bin/redis-server".into()),
            supervisor_unknown: Some(false),
            stopped_on_purpose: Some(false),
            restart_loop: Some(false),
            oom_killed: Some(false),
            ..Default::default()
        },
        port: PortFacts { listening: Some(true), held_by_other: Some(false), stray: Some(false), holder: None },
        server: server(),
        persistence: persistence(),
        config: config(),
        files: files(),
        disk: DiskFacts {
            free: Some(Bytes(50 * GIB)),
            total: Some(Bytes(100 * GIB)),
            free_inodes: Some(1_000_000),
            read_only: Some(false),
            full: Some(false),
            io_error: Some(false),
            filesystem: Some("ext4".into()),
        },
        memory: MemoryFacts {
            available: Some(Bytes(8 * GIB)),
            total: Some(Bytes(16 * GIB)),
            overcommit: Some(1),
            huge_pages: Some(false),
            used: Some(Bytes(GIB)),
        },
        host: HostFacts { clock_wrong: Some(false), ..Default::default() },
        log: LogFacts { shutdown_requested: Some(false), ..Default::default() },
        replication: ReplicationFacts {
            evidence: Some(false),
            syncing: Some(false),
            flushed_by_primary: Some(false),
            ..Default::default()
        },
        run: RunFacts { unfinished: Some(false), ..Default::default() },
        points: PointsFacts {
            usable: Some(true),
            best: Some("memory".into()),
            best_kind: Some(PointKind::Memory),
            best_undoes_flush: Some(false),
            best_loss: Some(Seconds(0.0)),
            any_data: Some(true),
        },
        ..Default::default()
    };
    serde_json::to_value(facts).unwrap_or_default()
}

fn server() -> ServerFacts {
    ServerFacts {
        answers: Some(true),
        writable: Some(true),
        loading: Some(false),
        loading_percent: Some(100.0),
        busy: Some(false),
        auth_failed: Some(false),
        misconf: Some(false),
        read_only: Some(false),
        fenced: Some(false),
        config_denied: Some(false),
        role: Some(ServerRole::Master),
        flavour: Some(Flavour::Redis),
        version: Some("7.0.15".into()),
        major: Some(7),
        uptime: Some(Seconds(86400.0)),
        keys: Some(1000),
        clients: Some(10),
        replicas: Some(0),
        evicted_keys: Some(0),
        expired_keys: Some(0),
        flushes: Some(0),
        keys_elsewhere: Some(false),
        tls_failed: Some(false),
        data_empty: Some(false),
        ..Default::default()
    }
}

fn persistence() -> PersistenceFacts {
    PersistenceFacts {
        aof_enabled: Some(true),
        aof_last_write_ok: Some(true),
        aof_rewrite_in_progress: Some(false),
        aof_last_rewrite_ok: Some(true),
        rdb_last_save_ok: Some(true),
        rdb_changes: Some(0),
        ..Default::default()
    }
}

fn config() -> ConfigFacts {
    ConfigFacts {
        state: Some(ConfigState::Valid),
        repairable: Some(false),
        file: Some("/etc/redis/redis.conf".into()),
        data_dir: Some("/var/lib/redis".into()),
        dbfilename: Some("dump.rdb".into()),
        appendonly: Some(true),
        appendfilename: Some("appendonly.aof".into()),
        appenddirname: Some("appendonlydir".into()),
        multi_part: Some(true),
        save_points: Some(true),
        databases: Some(16),
        maxmemory: Some(Bytes(0)),
        evicts: Some(false),
        replicaof: Some(String::new()),
        cluster: Some(false),
        fenced: Some(false),
        start_loads: Some(WouldLoad::Aof),
        trap: Some(false),
        ..Default::default()
    }
}

fn files() -> FilesFacts {
    let mut files = FilesFacts { permission_ok: Some(true), permission_repairable: Some(false), ..Default::default() };
    files.rdb.state = Some(FileState::Intact);
    files.aof.state = Some(AofState::Intact);
    files.aof.rebuildable = Some(false);
    files.aof.flush_near_end = Some(false);
    files.aof.began_empty = Some(false);
    files
}

/// An intact point that this server could load; every field is there, so that a slip in a case is seen.
pub(super) fn point() -> Json {
    json!({
        "id": "", "kind": null, "source": "", "as_of": null, "loss_seconds": 0.0, "keys": 1000, "keys_expired": 0,
        "base_keys": null, "commands": null, "bytes": 1_000_000, "valid": "intact", "loadable": "yes",
        "recover_seconds": 5.0, "why": "", "memory_needed": 2_000_000, "loss_upper": null, "path": null,
        "compression": null, "cut": null, "content": null, "needs_rebuild": false,
    })
}
