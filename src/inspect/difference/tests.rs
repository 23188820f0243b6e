#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic)]
//! Two sets of keys, written in whatever encodings: the difference that is found is the one that was made.
use super::*;
use crate::facts::Time;
use crate::inspect::Pattern;
use proptest::prelude::*;
use std::collections::BTreeMap;
use std::fs;

const NOW: i64 = 1_700_000_000_000;

#[derive(Debug, Clone, PartialEq)]
enum Value {
    Text(Vec<u8>),
    List(Vec<Vec<u8>>),
    Set(Vec<Vec<u8>>),
    Hash(BTreeMap<Vec<u8>, Vec<u8>>),
    Zset(BTreeMap<Vec<u8>, i32>),
}

#[derive(Debug, Clone, PartialEq)]
struct Entry {
    value: Value,
    expires: Option<i64>,
}

type Keys = BTreeMap<(u8, Vec<u8>), Entry>;

/// A writer that chooses among encodings as `turn` has it.
struct Writer {
    out: Vec<u8>,
    turn: u32,
}

impl Writer {
    fn packed(&mut self) -> bool {
        self.turn = self.turn.wrapping_mul(1_664_525).wrapping_add(1_013_904_223);
        self.turn >> 16 & 1 == 1
    }

    fn len(&mut self, len: usize) {
        if len < 64 && self.packed() {
            self.out.push(u8::try_from(len).unwrap());
        } else {
            self.out.push(0x80);
            self.out.extend_from_slice(&u32::try_from(len).unwrap().to_be_bytes());
        }
    }

    fn text(&mut self, text: &[u8]) {
        let number = std::str::from_utf8(text).ok().and_then(|t| t.parse::<i8>().ok());
        match number.filter(|n| n.to_string().as_bytes() == text) {
            Some(number) if self.packed() => self.out.extend_from_slice(&[0xc0, number.cast_unsigned()]),
            _ => {
                self.len(text.len());
                self.out.extend_from_slice(text);
            }
        }
    }

    fn listpack(&mut self, items: &[Vec<u8>]) {
        let mut body = Vec::new();
        for item in items {
            body.push(0x80 | u8::try_from(item.len()).unwrap());
            body.extend_from_slice(item);
            body.push(u8::try_from(item.len() + 1).unwrap());
        }
        let mut whole = u32::try_from(body.len() + 7).unwrap().to_le_bytes().to_vec();
        whole.extend_from_slice(&u16::try_from(items.len()).unwrap().to_le_bytes());
        whole.extend_from_slice(&body);
        whole.push(0xff);
        self.text(&whole);
    }

    fn record(&mut self, table: u8, pack: u8, key: &[u8], items: &[Vec<u8>], each: usize) {
        if self.packed() {
            self.out.push(pack);
            self.text(key);
            self.listpack(items);
            return;
        }
        self.table(table, key, items, each);
    }

    fn table(&mut self, table: u8, key: &[u8], items: &[Vec<u8>], each: usize) {
        self.out.push(table);
        self.text(key);
        self.len(items.len() / each);
        items.iter().for_each(|item| self.text(item));
    }

    fn entry(&mut self, key: &[u8], entry: &Entry) {
        if let Some(at) = entry.expires {
            self.out.push(0xfc);
            self.out.extend_from_slice(&at.to_le_bytes());
        }
        let backwards = self.packed();
        match &entry.value {
            Value::Text(text) => {
                self.out.push(0);
                self.text(key);
                self.text(text);
            }
            Value::List(items) => {
                if self.packed() {
                    self.out.push(18);
                    self.text(key);
                    self.len(1);
                    self.len(2);
                    self.listpack(items);
                } else {
                    self.table(1, key, items, 1);
                }
            }
            Value::Set(items) => {
                let mut items = items.clone();
                if backwards {
                    items.reverse();
                }
                self.record(2, 20, key, &items, 1);
            }
            Value::Hash(fields) => {
                let mut pairs: Vec<_> = fields.iter().collect();
                if backwards {
                    pairs.reverse();
                }
                let items: Vec<_> = pairs.into_iter().flat_map(|(f, v)| [f.clone(), v.clone()]).collect();
                self.record(4, 16, key, &items, 2);
            }
            Value::Zset(scores) => self.zset(key, scores),
        }
    }

    fn zset(&mut self, key: &[u8], scores: &BTreeMap<Vec<u8>, i32>) {
        if self.packed() {
            self.out.push(17);
            self.text(key);
            let items: Vec<_> = scores.iter().flat_map(|(m, s)| [m.clone(), s.to_string().into_bytes()]).collect();
            self.listpack(&items);
            return;
        }
        self.out.push(5);
        self.text(key);
        self.len(scores.len());
        for (member, score) in scores.iter().rev() {
            self.text(member);
            self.out.extend_from_slice(&f64::from(*score).to_le_bytes());
        }
    }
}

fn rdb(keys: &Keys, turn: u32) -> Vec<u8> {
    let mut writer = Writer { out: b"REDIS0012".to_vec(), turn };
    for db in 0..2u8 {
        writer.out.extend_from_slice(&[0xfe, db]);
        for ((_, key), entry) in keys.iter().filter(|((at, _), _)| *at == db) {
            writer.entry(key, entry);
        }
    }
    writer.out.push(0xff);
    // No checksum.
    writer.out.extend_from_slice(&[0; 8]);
    writer.out
}

fn kind(value: &Value) -> crate::rdb::Kind {
    match value {
        Value::Text(_) => crate::rdb::Kind::String,
        Value::List(_) => crate::rdb::Kind::List,
        Value::Set(_) => crate::rdb::Kind::Set,
        Value::Hash(_) => crate::rdb::Kind::Hash,
        Value::Zset(_) => crate::rdb::Kind::Zset,
    }
}

/// What is compared in a test.
struct Pair {
    dir: tempfile::TempDir,
}

impl Pair {
    fn new(a: &[u8], b: &[u8]) -> Self {
        let dir = tempfile::tempdir().unwrap();
        fs::write(dir.path().join("a.rdb"), a).unwrap();
        fs::write(dir.path().join("b.rdb"), b).unwrap();
        Pair { dir }
    }

    fn difference(&self, keys: Option<&str>) -> Difference {
        let now = Time(jiff::Timestamp::from_millisecond(NOW).unwrap());
        let options = Options { top: 5, keys: keys.map(Pattern::new), now };
        let asked = Asked {
            options: &options,
            scratch: self.dir.path(),
            told: &|_, _, _| {},
            bin_dir: None,
            interrupted: &|| false,
        };
        let at = |name: &str| self.dir.path().join(name);
        difference(&Look::new(), &at("a.rdb"), &at("b.rdb"), &asked).unwrap()
    }
}

/// Texts, numbers among them, without repetition where a set wants that.
fn texts() -> impl Strategy<Value = Vec<Vec<u8>>> {
    let one =
        prop_oneof![any::<i8>().prop_map(|n| n.to_string().into_bytes()), "[a-c]{1,3}".prop_map(String::into_bytes)];
    proptest::collection::btree_set(one, 1..4).prop_map(|set| set.into_iter().collect())
}

fn value() -> impl Strategy<Value = Value> {
    prop_oneof![
        texts().prop_map(|texts| Value::Text(texts.concat())),
        texts().prop_map(Value::List),
        texts().prop_map(Value::Set),
        texts().prop_map(|texts| Value::Hash(texts.iter().cloned().zip(texts.iter().rev().cloned()).collect())),
        texts().prop_map(|texts| Value::Zset(texts.into_iter().zip(-2..).collect())),
    ]
}

fn keys() -> impl Strategy<Value = Keys> {
    let expires = prop_oneof![Just(None), Just(Some(NOW + 5000)), Just(Some(NOW + 6000)), Just(Some(NOW - 1))];
    let entry = (value(), expires).prop_map(|(value, expires)| Entry { value, expires });
    let name = (0u8..2, "[xy]:[a-d]").prop_map(|(db, key)| (db, key.into_bytes()));
    proptest::collection::btree_map(name, entry, 0..12)
}

/// One key of the second side is the first side's, so that most are the same.
fn two() -> impl Strategy<Value = (Keys, Keys)> {
    (keys(), keys(), any::<u16>()).prop_map(|(a, mut b, mask)| {
        for (n, (name, entry)) in a.iter().enumerate() {
            if mask >> (n % 16) & 1 == 1 {
                b.insert(name.clone(), entry.clone());
            }
        }
        (a, b)
    })
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(300))]

    #[test]
    fn the_difference_found_is_the_one_that_was_made((a, b) in two(), turns: (u32, u32)) {
        let found = Pair::new(&rdb(&a, turns.0), &rdb(&b, turns.1)).difference(None);
        prop_assert_eq!(&found.because, &None);
        let lives = |entry: &Entry| entry.expires.is_none_or(|at| at >= NOW);
        let alone = |one: &Keys, other: &Keys, wanted: bool| {
            one.iter().filter(|(name, entry)| !other.contains_key(*name) && lives(entry) == wanted).count() as u64
        };
        let met: Vec<(&Entry, &Entry)> = a.iter().filter_map(|(name, entry)| Some((entry, b.get(name)?))).collect();
        let count = |differ: fn(&Entry, &Entry) -> bool| met.iter().filter(|(a, b)| differ(a, b)).count() as u64;
        prop_assert_eq!((found.added, found.gone), (alone(&b, &a, true), alone(&a, &b, true)));
        prop_assert_eq!((found.expired_b, found.expired_a), (alone(&b, &a, false), alone(&a, &b, false)));
        prop_assert_eq!((found.changed, found.equal), (count(|a, b| a != b), count(|a, b| a == b)));
        prop_assert_eq!(found.changed_type, count(|a, b| kind(&a.value) != kind(&b.value)));
        prop_assert_eq!(found.changed_value, count(|a, b| kind(&a.value) == kind(&b.value) && a.value != b.value));
        prop_assert_eq!(found.changed_expiry, count(|a, b| a.expires != b.expires));
        prop_assert_eq!(found.same, found.added + found.gone + found.changed == 0);
        let by_type: u64 = found.types.iter().map(|t| t.added + t.gone + t.changed).sum();
        let by_prefix: u64 = found.prefixes.iter().map(|p| p.added + p.gone + p.changed).sum();
        prop_assert_eq!((by_type, by_prefix), (found.added + found.gone + found.changed, by_type));
        for (listed, all) in [(&found.added_keys, found.added), (&found.gone_keys, found.gone), (&found.changed_keys, found.changed)] {
            prop_assert_eq!(listed.len() as u64, all.min(5));
        }
        for row in &found.gone_keys {
            let name = (u8::try_from(row.db).unwrap(), row.key.clone().into_bytes());
            prop_assert!(a.contains_key(&name) && !b.contains_key(&name));
        }
    }
}

fn text(value: &str) -> Entry {
    Entry { value: Value::Text(value.into()), expires: None }
}

#[test]
fn a_pattern_leaves_the_other_keys_out() {
    let key = |name: &str| (0u8, name.as_bytes().to_vec());
    let a = Keys::from([(key("user:1"), text("a")), (key("order:1"), text("a"))]);
    let b = Keys::from([(key("user:1"), text("a")), (key("order:1"), text("b"))]);
    let pair = Pair::new(&rdb(&a, 1), &rdb(&b, 2));
    assert!(pair.difference(Some("user:*")).same);
    let found = pair.difference(Some("order:*"));
    assert_eq!((found.same, found.changed, found.a.keys, found.exit_code()), (false, 1, 1, 8));
    assert_eq!(
        (found.changed_keys[0].key.as_str(), &found.changed_keys[0].differs_in[..]),
        ("order:1", &[What::Value][..])
    );
}

#[test]
fn more_than_fits_into_memory_goes_to_disk_and_comes_back() {
    let key = |n: u32| (0u8, format!("key:{n}").into_bytes());
    let a: Keys = (0..400_000).map(|n| (key(n), text("same"))).collect();
    let b: Keys = (1..400_001).map(|n| (key(n), text(if n == 77 { "other" } else { "same" }))).collect();
    let found = Pair::new(&rdb(&a, 1), &rdb(&b, 2)).difference(None);
    assert_eq!((found.added, found.gone, found.changed, found.equal), (1, 1, 1, 399_998));
    let names = [&found.added_keys, &found.gone_keys, &found.changed_keys].map(|keys| keys[0].key.clone());
    assert_eq!(names, ["key:400000", "key:0", "key:77"]);
}

#[test]
fn a_side_that_is_cut_off_is_never_the_same() {
    let a = Keys::from([((0, b"k".to_vec()), text("v"))]);
    let whole = rdb(&a, 1);
    let found = Pair::new(&whole, &whole[..whole.len() - 3]).difference(None);
    assert_eq!((found.same, found.added + found.gone + found.changed, found.exit_code()), (false, 0, 8));
    assert!(found.because.as_deref().is_some_and(|because| because.contains("b.rdb is not whole")), "{found:?}");
}
