//! The answer of INFO, with names for what matters.

use std::collections::BTreeMap;

use crate::facts::Flavour;

/// What INFO answered: every `name:value` line of it.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Info {
    fields: BTreeMap<String, String>,
    modules: Vec<String>,
}

/// Keys of one database.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Keyspace {
    /// Keys in it, those that expired and were not dropped yet among them.
    pub keys: u64,
    /// How many of them have a time to live.
    pub expires: u64,
}

impl Info {
    /// Reads the text of INFO; lines that are not understood are left out.
    #[must_use]
    pub fn parse(text: &str) -> Info {
        let mut info = Info::default();
        for line in text.lines() {
            match line.trim_end().split_once(':') {
                Some(("module", rest)) => {
                    let name = rest.split(',').find_map(|part| part.strip_prefix("name="));
                    info.modules.extend(name.map(str::to_string));
                }
                Some((name, value)) if !name.starts_with('#') => {
                    info.fields.insert(name.to_string(), value.to_string());
                }
                _ => {}
            }
        }
        info
    }

    /// A field's text.
    #[must_use]
    pub fn get(&self, name: &str) -> Option<&str> {
        self.fields.get(name).map(String::as_str)
    }

    /// A field that is a count, a size in bytes or seconds.
    #[must_use]
    pub fn number(&self, name: &str) -> Option<u64> {
        self.get(name)?.parse().ok()
    }

    /// A field that may be negative or broken, such as `loading_loaded_perc`.
    #[must_use]
    pub fn float(&self, name: &str) -> Option<f64> {
        self.get(name)?.parse().ok()
    }

    /// A field that is 0 or 1.
    #[must_use]
    pub fn flag(&self, name: &str) -> Option<bool> {
        Some(self.number(name)? != 0)
    }

    /// A field that is `ok` or `err`.
    #[must_use]
    pub fn ok(&self, name: &str) -> Option<bool> {
        Some(self.get(name)? == "ok")
    }

    /// All fields, by name.
    pub fn iter(&self) -> impl Iterator<Item = (&str, &str)> {
        self.fields.iter().map(|(name, value)| (name.as_str(), value.as_str()))
    }

    /// Which family of servers. Valkey and Redict answer a `redis_version` for the sake of old clients.
    #[must_use]
    pub fn flavour(&self) -> Option<Flavour> {
        if self.get("valkey_version").is_some() || self.get("server_name") == Some("valkey") {
            Some(Flavour::Valkey)
        } else if self.get("redict_version").is_some() || self.get("server_name") == Some("redict") {
            Some(Flavour::Redict)
        } else {
            self.get("redis_version").map(|_| Flavour::Redis)
        }
    }

    /// The server's own version, such as `7.0.15`.
    #[must_use]
    pub fn version(&self) -> Option<&str> {
        self.get("valkey_version").or_else(|| self.get("redict_version")).or_else(|| self.get("redis_version"))
    }

    /// The first number of the version.
    #[must_use]
    pub fn major(&self) -> Option<u32> {
        self.version()?.split('.').next()?.parse().ok()
    }

    /// Names of the loaded modules (`INFO modules` or `everything`).
    #[must_use]
    pub fn modules(&self) -> &[String] {
        &self.modules
    }

    /// Keys per database; databases without keys are not listed by the server.
    #[must_use]
    pub fn keyspace(&self) -> BTreeMap<u32, Keyspace> {
        let db = |(name, value): (&String, &String)| {
            let number = name.strip_prefix("db")?.parse().ok()?;
            let part = |key: &str| {
                value.split(',').find_map(|part| part.strip_prefix(key)?.strip_prefix('=')?.parse::<u64>().ok())
            };
            Some((number, Keyspace { keys: part("keys")?, expires: part("expires").unwrap_or(0) }))
        };
        self.fields.iter().filter_map(db).collect()
    }

    /// Keys in all databases.
    #[must_use]
    pub fn keys(&self) -> u64 {
        self.keyspace().values().map(|db| db.keys).sum()
    }

    /// Is it loading its files?
    #[must_use]
    pub fn loading(&self) -> bool {
        self.flag("loading").unwrap_or(false)
    }

    /// How far a load is, 0 to 100; known while it loads.
    #[must_use]
    pub fn loading_percent(&self) -> Option<f64> {
        self.loading().then(|| self.float("loading_loaded_perc"))?
    }

    /// How often a command was called since the start; `None` while it never was.
    #[must_use]
    pub fn calls(&self, command: &str) -> Option<u64> {
        let stat = self.get(&format!("cmdstat_{command}"))?;
        stat.split(',').find_map(|part| part.strip_prefix("calls=")?.parse().ok())
    }

    /// The number of errors answered since the start, by code (6.2 and newer).
    #[must_use]
    pub fn errorstats(&self) -> BTreeMap<String, u64> {
        let entry = |(name, value): (&String, &String)| {
            Some((name.strip_prefix("errorstat_")?.to_string(), value.strip_prefix("count=")?.parse().ok()?))
        };
        self.fields.iter().filter_map(entry).collect()
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::*;

    #[test]
    fn info_of_a_valkey_server_is_read() {
        let info = Info::parse(
            "# Server\r\nredis_version:7.2.4\r\nserver_name:valkey\r\nvalkey_version:9.1.2\r\n# Persistence\r\n\
             loading:1\r\nloading_loaded_perc:12.50\r\naof_last_write_status:ok\r\n# Keyspace\r\n\
             db0:keys=3,expires=1,avg_ttl=10\r\ndb12:keys=4,expires=0,avg_ttl=0,subexpiry=0\r\n\
             module:name=bf,ver=1,api=1\r\nerrorstat_NOPERM:count=2\r\ncmdstat_flushall:calls=3,usec=9\r\n",
        );
        assert_eq!(info.flavour(), Some(Flavour::Valkey));
        assert_eq!(info.version(), Some("9.1.2"));
        assert_eq!(info.major(), Some(9));
        assert_eq!(info.loading_percent(), Some(12.5));
        assert_eq!(info.ok("aof_last_write_status"), Some(true));
        assert_eq!(info.keyspace()[&12], Keyspace { keys: 4, expires: 0 });
        assert_eq!(info.keys(), 7);
        assert_eq!(info.modules(), ["bf"]);
        assert_eq!(info.errorstats()["NOPERM"], 2);
        assert_eq!((info.calls("flushall"), info.calls("flushdb")), (Some(3), None));
    }

    #[test]
    fn nonsense_is_left_out() {
        let info = Info::parse("db:keys=1\r\ndbx:keys=1\r\ndb1:keys=a\r\nno colon\r\nredis_version:\r\n");
        assert!(info.keyspace().is_empty());
        assert_eq!(info.major(), None);
        assert!(!info.loading());
    }
}
