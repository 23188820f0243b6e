//! Which commands a stream may hold: those that write single keys and do nothing else.

/// They write, change or remove the keys they name. What takes all keys away, sets up the server, runs a script or
/// speaks to others is none of them.
const ALLOWED: &[&str] = &[
    "APPEND",
    "BITFIELD",
    "BITOP",
    "COPY",
    "DECR",
    "DECRBY",
    "DEL",
    "EXPIRE",
    "EXPIREAT",
    "GEOADD",
    "GETDEL",
    "GETEX",
    "GETSET",
    "HDEL",
    "HEXPIRE",
    "HEXPIREAT",
    "HINCRBY",
    "HINCRBYFLOAT",
    "HMSET",
    "HPERSIST",
    "HPEXPIRE",
    "HPEXPIREAT",
    "HSET",
    "HSETEX",
    "HSETNX",
    "INCR",
    "INCRBY",
    "INCRBYFLOAT",
    "LINSERT",
    "LMOVE",
    "LMPOP",
    "LPOP",
    "LPUSH",
    "LPUSHX",
    "LREM",
    "LSET",
    "LTRIM",
    "MOVE",
    "MSET",
    "MSETNX",
    "PERSIST",
    "PEXPIRE",
    "PEXPIREAT",
    "PFADD",
    "PFMERGE",
    "PSETEX",
    "RENAME",
    "RENAMENX",
    "RESTORE",
    "RPOP",
    "RPOPLPUSH",
    "RPUSH",
    "RPUSHX",
    "SADD",
    "SDIFFSTORE",
    "SET",
    "SETBIT",
    "SETEX",
    "SETNX",
    "SETRANGE",
    "SINTERSTORE",
    "SMOVE",
    "SORT",
    "SPOP",
    "SREM",
    "SUNIONSTORE",
    "UNLINK",
    "XACK",
    "XADD",
    "XAUTOCLAIM",
    "XCLAIM",
    "XDEL",
    "XGROUP",
    "XSETID",
    "XTRIM",
    "ZADD",
    "ZDIFFSTORE",
    "ZINCRBY",
    "ZINTERSTORE",
    "ZMPOP",
    "ZPOPMAX",
    "ZPOPMIN",
    "ZRANGESTORE",
    "ZREM",
    "ZREMRANGEBYLEX",
    "ZREMRANGEBYRANK",
    "ZREMRANGEBYSCORE",
    "ZUNIONSTORE",
];

/// Say nothing about keys, and are left out without a word.
const SILENT: &[&str] = &["PING", "ECHO", "PUBLISH", "SPUBLISH"];

/// May a stream hold a command of this name (upper case), with those that were declared?
#[must_use]
pub fn is_allowed(name: &str, declared: &[String]) -> bool {
    ALLOWED.binary_search(&name).is_ok() || declared.iter().any(|one| one.eq_ignore_ascii_case(name))
}

/// Is it left out?
pub(super) fn is_silent(name: &str) -> bool {
    SILENT.contains(&name)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_more_than_a_write_to_a_key_must_be_declared() {
        assert!(ALLOWED.is_sorted(), "it is searched by halves");
        for no in
            ["CONFIG", "FLUSHALL", "FLUSHDB", "SWAPDB", "SHUTDOWN", "EVAL", "FCALL", "FUNCTION", "REPLICAOF", "DEBUG"]
        {
            assert!(!is_allowed(no, &[]), "{no}");
        }
        assert!(is_allowed("RPUSH", &[]) && is_allowed("EVAL", &["eval".into()]));
    }
}
