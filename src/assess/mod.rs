//! Probes, facts, findings: what is true about an instance now. Changes nothing.
//!
//! ```text
//! assessor   the story: base, around, files, findings            around     disk, memory, log, replication
//! base       process, port, server, configuration                unit       what systemd says
//! earlier    what was our own runs' doing                        down       since when, and on purpose?
//! target     what is asked about          identity   whose process           answer     what the server says
//! settings   redis.conf as facts          binary     program and version     machine    disk and memory
//! log        why it died                  stored     names, bytes, points    walks      which bytes are read
//! elsewhere  data in another directory
//! clock      is its clock right          findings   facts in, findings out (pure)
//! discover   which servers this host has  guard      may it be started? names alone
//! ```
mod answer;
mod around;
mod assessor;
mod base;
mod binary;
mod clock;
mod discover;
mod down;
mod earlier;
mod elsewhere;
mod findings;
mod guard;
mod identity;
mod log;
mod machine;
mod process;
mod refresh;
mod seen;
mod settings;
mod site;
mod stored;
mod target;
mod unit;
mod walks;

use assessor::printable;

pub use assessor::{Assessed, Assessor, Depth, Runs, Wanted};
pub use binary::{find as find_program, version as version_of};
pub use discover::{Discovered, Found, discover};
pub use earlier::{Before, Earlier, Window};
pub use findings::{derive, summary};
pub use guard::{Guarded, configuration, data_dir, guard};
pub use identity::waits_for_a_device;
pub use seen::Seen;
pub use site::{Refusal, estimates, site};
pub use stored::{DataFile, data_files};
pub use target::Target;
pub use walks::FEW;
