//! Files and processes of this machine: a half that looks, a half that writes.
//!
//! [`Look`] only reads and may be handed to anybody. [`Pen`] writes; it is made once in `cli` and given by value to the
//! vault, so that nothing is changed that was not saved. [`OwnFiles`] is the small third hand: it writes redis-dr's own
//! records (journal, locks, state) and refuses every path outside its own directory.
//!
//! `host` knows nothing of the safety copies made with it.

pub mod files;
mod machine;
pub mod process;

pub use files::{
    Access, Acl, Attr, Dir, EDGE, Entry, HostError, Kind, Look, Mark, Mount, NewFile, OwnFiles, Owner, Pen, Place,
    Planters, Space, Stat, TEMP_PREFIX, Trust, Written, nameless, shown, temp_name, write_new_private, write_private,
};
pub use machine::{Group, User};
