//! Changes of single keys, each only where the key is still as it was seen, and put back from what DUMP gave.
use super::link::convert;
use super::{Server, ServerError};
use redis::{Cmd, Value, cmd};

/// One change of one key.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Edit<'a> {
    /// The string gets this value, and keeps its time to live.
    Set(&'a [u8]),
    /// A field of the hash gets this value.
    SetField(&'a [u8], &'a [u8]),
    /// The key is deleted.
    Delete,
}

impl Server {
    /// Changes a key if `as_seen` says yes to what DUMP gives of it (none where there is no such key); nobody else can
    /// change it in between. False where it was not as seen, and stays as it is.
    ///
    /// # Errors
    /// Why the server takes no writes; any other [`ServerError`].
    pub fn edit(
        &mut self,
        db: u32,
        key: &[u8],
        edit: Edit<'_>,
        as_seen: &dyn Fn(Option<&[u8]>) -> bool,
    ) -> Result<bool, ServerError> {
        let mut change = match edit {
            Edit::Set(_) => cmd("SET"),
            Edit::SetField(..) => cmd("HSET"),
            Edit::Delete => cmd("DEL"),
        };
        change.arg(key);
        match edit {
            Edit::Set(value) => change.arg(value).arg("KEEPTTL"),
            Edit::SetField(field, value) => change.arg(field).arg(value),
            Edit::Delete => &mut change,
        };
        self.change_if(db, key, &change, as_seen)
    }

    /// Puts a key back as DUMP gave it, with its expiry, over what is there, if `as_seen` says yes to that.
    ///
    /// # Errors
    /// As [`Server::edit`]; `Answer` where the payload is another server's.
    pub fn put_back(
        &mut self,
        db: u32,
        key: &[u8],
        payload: &[u8],
        expires_at_ms: Option<i64>,
        as_seen: &dyn Fn(Option<&[u8]>) -> bool,
    ) -> Result<bool, ServerError> {
        let mut restore = cmd("RESTORE");
        restore.arg(key).arg(expires_at_ms.unwrap_or(0)).arg(payload).arg("REPLACE");
        if expires_at_ms.is_some() {
            restore.arg("ABSTTL");
        }
        self.change_if(db, key, &restore, as_seen)
    }

    fn change_if(
        &mut self,
        db: u32,
        key: &[u8],
        change: &Cmd,
        as_seen: &dyn Fn(Option<&[u8]>) -> bool,
    ) -> Result<bool, ServerError> {
        self.select(db)?;
        self.ask::<()>(cmd("WATCH").arg(key))?;
        let payload: Option<Vec<u8>> = self.ask(cmd("DUMP").arg(key))?;
        if !as_seen(payload.as_deref()) {
            self.ask::<()>(&cmd("UNWATCH"))?;
            return Ok(false);
        }
        let mut all = redis::pipe();
        all.cmd("MULTI").add_command(change.clone()).cmd("EXEC");
        let mut answers = self.ask_all(&all)?;
        let (ended, queued) = (answers.pop().unwrap_or(Value::Nil), answers.pop().unwrap_or(Value::Nil));
        // why it was refused is said when it is queued; EXEC only says that something was
        convert::<()>(queued, "MULTI")?;
        match ended {
            Value::Nil => Ok(false),
            Value::Array(each) => {
                for answer in each {
                    convert::<Value>(answer, "EXEC")?;
                }
                Ok(true)
            }
            other => convert::<()>(other, "EXEC").map(|()| true),
        }
    }
}
