//! The files half of [`host`](crate::host): what a file is, reading it, digesting it, and the pen.

mod acl;
mod attrs;
mod digest;
mod dir;
mod error;
mod glob;
mod look;
mod own;
mod pen;
mod private;
mod stat;
mod temp;

pub use acl::Acl;
pub use attrs::Attr;
pub use digest::{EDGE, Mark};
pub use dir::{Dir, Place, Planters};
pub use error::{HostError, shown};
pub use look::Look;
pub use own::OwnFiles;
pub use pen::{Pen, Written};
pub use private::{NewFile, nameless, write_new_private, write_private};
pub use stat::{Access, Entry, Kind, Mount, Owner, Space, Stat, Trust};
pub use temp::{TEMP_PREFIX, temp_name};
