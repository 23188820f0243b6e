//! What is read from a source, one after the other.
use crate::server::Words;
use serde::{Deserialize, Serialize};

/// One record, one command, or the commands of one transaction: never torn.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Item {
    /// Its line, or the number of its command, from 1.
    pub line: u64,
    /// The database it belongs to.
    pub db: u32,
    /// The database that is selected after it.
    pub then: u32,
    /// The key of a record; none for commands.
    pub key: Option<Vec<u8>>,
    /// What the server is told; of a record, as if its key were not there.
    pub commands: Vec<Words>,
}

/// What comes next.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Next {
    /// Something to load.
    Item(Item),
    /// Something that can't be loaded, and why; what follows can.
    Fault(Fault),
    /// Something that is not to be loaded: before the moment asked for, or expired.
    Passed,
    /// Nothing: the source is at its end.
    End,
}

/// What is wrong with one record or command.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, schemars::JsonSchema)]
pub struct Fault {
    /// Its line, or the number of the command, from 1.
    pub line: u64,
    /// What is wrong; never a value of the data.
    pub because: String,
}

/// All that was wrong: counted, and the first of it in words.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Faults {
    /// How many.
    pub count: u64,
    /// The first.
    pub first: Vec<Fault>,
}

impl Faults {
    /// As many are kept in words.
    const KEPT: usize = 20;

    pub(super) fn add(&mut self, fault: Fault) {
        self.count += 1;
        if self.first.len() < Self::KEPT {
            self.first.push(fault);
        }
    }

    /// Those of another list too.
    pub(super) fn absorb(&mut self, other: Faults) {
        self.count += other.count;
        self.first.extend(other.first);
        self.first.truncate(Self::KEPT);
    }

    /// In words, for an error.
    pub(super) fn told(&self) -> String {
        let lines = self.first.iter().take(5).map(|f| format!("line {}: {}", f.line, f.because));
        let more = self.count.saturating_sub(5);
        let more = (more > 0).then(|| format!("and {more} more"));
        lines.chain(more).collect::<Vec<_>>().join("; ")
    }
}

impl Item {
    /// Roughly the bytes that it takes on its way.
    pub fn weight(&self) -> usize {
        self.commands.iter().flatten().map(|word| word.len() + 16).sum()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn all_faults_are_counted_and_the_first_are_told() {
        let mut faults = Faults::default();
        (1..=30).for_each(|line| faults.add(Fault { line, because: "odd".into() }));
        assert_eq!((faults.count, faults.first.len()), (30, 20));
        assert!(faults.told().starts_with("line 1: odd; line 2: odd") && faults.told().ends_with("and 25 more"));
    }
}
