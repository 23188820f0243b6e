//! What a running server may be overwriting while a person still reads: holding it is offered before the long look.
use super::kept::NOTHING;
use super::{Bleeding, Person, World};
use crate::assess::{Depth, FEW, Wanted};
use crate::engine::Event;
use crate::facts::{Assessment, PointKind};
use crate::finding::Id;
use crate::hold;
use crate::lock::Lock;

/// Seen with one of these, every minute may cost data.
const SIGNS: &[Id] = &[Id::ServerDataEmpty, Id::FilesFlushFound, Id::ConfigAofTrap];

/// Takes a quick look, and where data may be running out offers to hold the instance. `false`: the person leaves.
pub(super) fn stanched(world: &World<'_>, person: &mut dyn Person, lock: &Lock) -> bool {
    if !matches!(hold::active(*world.look, world.state, world.name()), Ok(None)) {
        return true;
    }
    let quick = world.assess(&Wanted { depth: Depth::Quick, ..Wanted::default() });
    let signs = signs(&quick.document);
    if signs.is_empty() {
        return true;
    }
    match person.bleeding(world.name(), &signs) {
        Bleeding::Hold => take(world, person, lock),
        Bleeding::GoOn => {}
        Bleeding::Leave => return false,
    }
    true
}

/// Holds the instance, under the lock that the recovery has, and says what that did.
pub(super) fn take(world: &World<'_>, person: &mut dyn Person, lock: &Lock) {
    let held = hold::World { look: *world.look, state: world.state, target: world.target };
    let mut say = |words: String| person.event(&Event::Note(words));
    match hold::take_under(&held, lock) {
        Ok(taken) => {
            taken.lines(world.name()).into_iter().for_each(&mut say);
            say(format!("to put it all back: {}", world.command(&format!("hold {} --release", world.name()))));
        }
        Err(e) => say(format!("it could not be held: {e}; {}", e.hint())),
    }
}

/// Why it may be losing data, as far as can be told without reading a file.
fn signs(quick: &Assessment) -> Vec<String> {
    let found = quick.findings.iter().filter(|f| SIGNS.contains(&f.id));
    let mut signs: Vec<String> = found.map(|f| format!("{}: {}", f.id.name(), f.title)).collect();
    let server = &quick.facts.server;
    if server.answers != Some(true) || !signs.is_empty() {
        return signs;
    }
    let source = |p: &&crate::facts::Point| p.kind != PointKind::Memory && p.bytes.is_some_and(|b| b.0 > NOTHING);
    if let (Some(0), Some(point)) = (server.keys, quick.points.iter().find(source)) {
        signs.push(format!("the server holds no key, and {} may hold some", point.id));
    } else if quick.facts.persistence.aof_enabled == Some(true)
        && server.flushes.is_some_and(|n| n > 0)
        && server.keys.is_some_and(|n| n < FEW)
    {
        signs.push("the server was flushed; its AOF holds what it lost until it is rewritten".into());
    }
    signs
}
