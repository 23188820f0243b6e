//! The walkers alone, on bytes in memory: `cargo bench --bench walkers`. Whole commands beside the vendor's tools are measured
//! by `scripts/inspect-bench.sh`.
#![allow(clippy::unwrap_used, missing_docs)]
use criterion::{Criterion, Throughput, criterion_group, criterion_main};
use redis_dr::aof::resp;
use redis_dr::rdb::{self, Magic, Verdict};
use std::hint::black_box;
use std::ops::ControlFlow;

/// How much each walks, in bytes.
const SIZE: usize = 64 << 20;

/// A snapshot of text keys, a fifth of them with an expiry.
fn snapshot() -> Vec<u8> {
    let mut out = rdb::Writer::begin(Vec::with_capacity(SIZE + 1024), Magic::Redis, 11).unwrap();
    let value = [b'x'; 200];
    for i in 0..SIZE / 220 {
        let key = format!("key:{i:08}");
        out.before_key(0, (i % 5 == 0).then_some(2_208_988_800_000)).unwrap();
        // type 0, a string; lengths below 64 take one byte, below 16384 two
        let head = [&[0, u8::try_from(key.len()).unwrap()], key.as_bytes(), &[0x40, 200]].concat();
        out.raw(&head).unwrap();
        out.raw(&value).unwrap();
    }
    out.end().unwrap()
}

/// An AOF of SET commands.
fn commands() -> Vec<u8> {
    let value = "x".repeat(200);
    let one = |i: usize| format!("*3\r\n$3\r\nSET\r\n$12\r\nkey:{i:08}\r\n$200\r\n{value}\r\n");
    (0..SIZE / 245).flat_map(|i| one(i).into_bytes()).collect()
}

fn walkers(c: &mut Criterion) {
    let (rdb_file, aof_file) = (snapshot(), commands());
    let bytes = |file: &[u8]| Throughput::Bytes(file.len() as u64);
    let mut group = c.benchmark_group("walk");
    group.sample_size(20);
    group.throughput(bytes(&rdb_file));
    group.bench_function("rdb", |b| {
        b.iter(|| {
            let length = Some(rdb_file.len() as u64);
            let report = rdb::walk(black_box(&rdb_file[..]), length, &rdb::WalkOptions::default(), &|_| ());
            assert_eq!(report.verdict, Verdict::Intact);
        });
    });
    group.bench_function("rdb, every key digested by meaning", |b| {
        let secret = rdb::Secret::random();
        b.iter(|| {
            let (length, options) = (Some(rdb_file.len() as u64), rdb::WalkOptions::default());
            let mut keys = 0u64;
            let visit = &mut |_: rdb::Met<'_>| {
                keys += 1;
                ControlFlow::Continue(())
            };
            let (file, all) = (black_box(&rdb_file[..]), &mut || true);
            let report = rdb::walk_some_meanings(file, length, &options, &secret, &|_| (), all, visit);
            assert_eq!((report.verdict, report.keys), (Verdict::Intact, keys));
        });
    });
    group.throughput(bytes(&aof_file));
    group.bench_function("aof", |b| {
        b.iter(|| {
            let options = resp::WalkOptions { len_hint: Some(aof_file.len() as u64), ..Default::default() };
            let report = resp::walk_commands(black_box(&aof_file[..]), 0, &options);
            assert_eq!(report.end, resp::End::Clean);
        });
    });
    group.finish();
}

criterion_group!(benches, walkers);
criterion_main!(benches);
