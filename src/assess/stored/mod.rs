//! What is stored: names, then bytes, then recovery points.
mod aof;
mod cuts;
mod flush;
mod permission;
mod snapshot;
mod survey;

pub use aof::{Judged, aof_facts, aof_points, began_empty, is_tagged, judge, unchecked_aof};
pub use permission::rights;
pub use snapshot::{Loader, snapshot_facts, snapshot_point};
pub use survey::{DataFile, Paths, Survey, data_files, survey};
