//! A load from its first byte to its last, or on from where it was cut off.
use super::batch::{self, NotSent, Sent};
use super::item::{Faults, Item, Next};
use super::mark::{self, Tally};
use super::pace::Pace;
use super::resp::Stream;
use super::source::{Reading, Source};
use super::{Existing, Format, LoadError, Order, record};
use crate::server::{Info, Server, ServerError};
use std::time::{Duration, Instant};

/// Bytes of one transaction, more or less: a record is never torn.
const WEIGHT: usize = 4 << 20;
/// How often the server and the host are asked whether there is room.
const LOOK: Duration = Duration::from_secs(1);

/// What a load works with.
pub struct Reach<'a> {
    /// A connection to the server.
    pub connect: &'a dyn Fn() -> Result<Server, ServerError>,
    /// The source, at its beginning.
    pub open: &'a dyn Fn() -> Result<Source<'a>, LoadError>,
    /// Why there is no room for more, by what the server tells of itself; none where there is.
    pub full: &'a dyn Fn(&Info) -> Option<String>,
    /// Hears how far it is: what, bytes, of how many.
    pub progress: &'a mut dyn FnMut(&str, u64, Option<u64>),
    /// Has somebody asked to stop?
    pub interrupted: &'a dyn Fn() -> bool,
    /// The moment that times to live count from, Unix milliseconds.
    pub now_ms: i64,
}

/// What a load came to.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Loaded {
    /// In numbers.
    pub tally: Tally,
    /// What was wrong, as far as this process saw it.
    pub faults: Faults,
    /// How much of the source had been loaded before, in bytes.
    pub resumed_at: u64,
}

/// A source that is read item by item.
struct Records<'a, 'o> {
    from: Reading<'a>,
    order: &'o Order,
    now_ms: i64,
    stream: Option<Stream>,
}

impl<'a, 'o> Records<'a, 'o> {
    fn open(order: &'o Order, reach: &Reach<'a>) -> Result<Self, LoadError> {
        let mut from = (reach.open)()?.read();
        let stream = (from.format(order.format)? == Format::Resp).then(Stream::default);
        Ok(Self { from, order, now_ms: reach.now_ms, stream })
    }

    fn next(&mut self) -> Result<Next, LoadError> {
        match &mut self.stream {
            Some(stream) => stream.next(&mut self.from, self.order.since_ms, &self.order.allow),
            None => record::next(&mut self.from, self.now_ms, self.order.since_ms),
        }
    }

    /// Takes what was loaded before; false where the source is not what it was.
    fn skip(&mut self, mark: &Tally) -> Result<bool, LoadError> {
        while self.from.offset() < mark.bytes {
            if self.next()? == Next::End {
                break;
            }
        }
        Ok(self.from.offset() == mark.bytes && self.from.digest() == mark.digest)
    }

    /// What goes into the next transaction, and whether the source is at its end.
    fn gather(&mut self, most: u64, tally: &mut Tally, faults: &mut Faults) -> Result<(Vec<Item>, bool), LoadError> {
        let (mut items, mut weight, mut read, mut end) = (Vec::new(), 0, 0, false);
        while read < most && weight < WEIGHT && !end {
            match self.next()? {
                Next::Item(item) => {
                    weight += item.weight();
                    items.push(item);
                }
                Next::Fault(fault) => {
                    faults.add(fault);
                    tally.errors += 1;
                    enough(self.order, tally, faults)?;
                }
                Next::Passed => tally.passed += 1,
                Next::End => end = true,
            }
            read += u64::from(!end);
        }
        if end {
            self.from.end(self.order.patience)?;
        }
        tally.read += read;
        (tally.bytes, tally.digest, tally.complete) = (self.from.offset(), self.from.digest(), end);
        Ok((items, end))
    }
}

fn enough(order: &Order, tally: &Tally, faults: &Faults) -> Result<(), LoadError> {
    if tally.errors <= order.max_errors {
        return Ok(());
    }
    let because =
        format!("{} records can't be loaded, allowed are {}: {}", tally.errors, order.max_errors, faults.told());
    Err(LoadError::new(because, "mend the source and begin anew; or leave such records out: --param max_errors=N"))
}

/// Reads a source to its end, and loads nothing.
///
/// # Errors
/// It can't be read, or holds what can't be loaded.
pub fn check(order: &Order, reach: &mut Reach<'_>) -> Result<Loaded, LoadError> {
    let mut records = Records::open(order, reach)?;
    let mut loaded = Loaded::default();
    loop {
        let (_, end) = records.gather(10_000, &mut loaded.tally, &mut loaded.faults)?;
        if end {
            return Ok(loaded);
        }
        if (reach.interrupted)() {
            return Err(LoadError::interrupted());
        }
        (reach.progress)("read", records.from.offset(), records.from.total);
    }
}

/// Loads a source, or what of it was not loaded yet; its mark stays until [`forget`].
///
/// # Errors
/// It stopped: what is loaded stays, and the mark says how far that is.
pub fn load(order: &Order, name: &str, reach: &mut Reach<'_>) -> Result<Loaded, LoadError> {
    let mut server = connect(order, reach)?;
    let (mut records, mut tally) = begin(order, name, reach, &mut server)?;
    let mut loaded = Loaded { resumed_at: tally.bytes, ..Loaded::default() };
    let mut pace = Pace::new(order.batch, order.rate, order.slow);
    let (begun, read_before) = (Instant::now(), tally.read);
    let mut looked: Option<Instant> = None;
    while !tally.complete {
        if looked.is_none_or(|at| at.elapsed() >= LOOK) {
            room(reach, &mut server)?;
            looked = Some(Instant::now());
        }
        let before = tally.clone();
        let (items, _) = records.gather(pace.batch(), &mut tally, &mut loaded.faults)?;
        let count = tally.read - before.read;
        let sending = Instant::now();
        let sent = match batch::send(&mut server, name, items, &tally, order.existing) {
            Ok(sent) => sent,
            Err(NotSent::Stop(e)) => return Err(e),
            Err(NotSent::InDoubt(e, after)) => {
                server = again(order, name, reach, e, &after)?;
                Sent { tally: *after, faults: Faults::default() }
            }
        };
        let took = sending.elapsed();
        tally = sent.tally;
        loaded.faults.absorb(sent.faults);
        enough(order, &tally, &loaded.faults)?;
        let rate = (tally.read - read_before) as f64 / begun.elapsed().as_secs_f64().max(0.001);
        let what = format!("load: {} records, {rate:.0} a second", tally.read);
        (reach.progress)(&what, tally.bytes, records.from.total);
        rest(pace.after(count, took), reach.interrupted)?;
    }
    loaded.tally = tally;
    Ok(loaded)
}

fn connect(order: &Order, reach: &Reach<'_>) -> Result<Server, LoadError> {
    let mut server = (reach.connect)()?;
    server.set_timeout(order.patience);
    Ok(server)
}

/// Where a load begins: at the beginning, or behind what its mark says.
fn begin<'a, 'o>(
    order: &'o Order,
    name: &str,
    reach: &Reach<'a>,
    server: &mut Server,
) -> Result<(Records<'a, 'o>, Tally), LoadError> {
    let info = server.info(Some("everything"))?;
    if info.flag("cluster_enabled") == Some(true) {
        let because = "the server is a node of a Cluster: a transaction can't hold keys of several slots";
        return Err(LoadError::new(because, "load through a client that knows the Cluster"));
    }
    let mark = mark::read(server, name)?;
    let mut records = Records::open(order, reach)?;
    let Some(mark) = mark else {
        if records.stream.is_some() && order.existing != Existing::Replace && info.keys() > 0 {
            let because =
                format!("the server holds {} keys, and a stream of commands changes keys as it goes", info.keys());
            return Err(LoadError::new(because, "if it may change them: --param existing=replace"));
        }
        return Ok((records, Tally::default()));
    };
    if mark.complete || records.skip(&mark)? {
        return Ok((records, mark));
    }
    // whole keys that take the place of what is there can be loaded as often as one likes
    if records.stream.is_none() && order.existing == Existing::Replace {
        return Ok((Records::open(order, reach)?, Tally::default()));
    }
    let because =
        format!("the source is not what it was: its first {} bytes, which are loaded, are others now", mark.bytes);
    Err(LoadError::new(
        because,
        "let it give the same again in the same order; or redis-dr runs rollback, and begin anew",
    ))
}

fn room(reach: &Reach<'_>, server: &mut Server) -> Result<(), LoadError> {
    match (reach.full)(&server.info(Some("everything"))?) {
        None => Ok(()),
        Some(because) => Err(LoadError::new(because, "make room, then redis-dr runs resume goes on where it was")),
    }
}

/// The connection failed within a transaction: the mark tells whether it was carried out. If not, it stops: what was to
/// be sent has been read already, and `resume` reads it again.
fn again(
    order: &Order,
    name: &str,
    reach: &Reach<'_>,
    failed: ServerError,
    after: &Tally,
) -> Result<Server, LoadError> {
    let until = Instant::now() + order.patience;
    loop {
        if let Ok(mut server) = connect(order, reach)
            && let Ok(mark) = mark::read(&mut server, name)
        {
            return if mark.is_some_and(|mark| mark.bytes == after.bytes) { Ok(server) } else { Err(failed.into()) };
        }
        if Instant::now() >= until {
            return Err(failed.into());
        }
        rest(Duration::from_millis(200), reach.interrupted)?;
    }
}

fn rest(pause: Duration, interrupted: &dyn Fn() -> bool) -> Result<(), LoadError> {
    let until = Instant::now() + pause;
    loop {
        if interrupted() {
            return Err(LoadError::interrupted());
        }
        let left = until.saturating_duration_since(Instant::now());
        if left.is_zero() {
            return Ok(());
        }
        std::thread::sleep(left.min(Duration::from_millis(100)));
    }
}

/// Does the server have a mark of a load, and does it say that there is more to load?
///
/// # Errors
/// The server can't be asked.
pub fn is_unfinished(server: &mut Server, name: &str) -> Result<bool, LoadError> {
    Ok(mark::read(server, name)?.is_some_and(|mark| !mark.complete))
}

/// Takes the mark of a load away, once it is on record elsewhere that it is complete.
///
/// # Errors
/// The server can't be asked.
pub fn forget(server: &mut Server, name: &str) -> Result<(), LoadError> {
    Ok(mark::remove(server, name)?)
}
