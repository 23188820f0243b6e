//! One case: a fault at one point, the question what a start would load, and the way to the end.
use crate::dr::Output;
use crate::host_state::{HostState, launches_under_way, left_behind};
use crate::live::{self, Writer};
use crate::sandbox::{Sandbox, wait_until};
use crate::scenes::{Broken, Host};
use crate::start::{self, Start};
use crate::tracer::{Fault, Traced, trace};

/// How a run that was cut off is ended.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Ending {
    Resume,
    RollBack,
    /// `recover` once more, which must find the unfinished run by itself.
    Again,
}

/// A fault in the recovery itself, or in taking one back that got as far as opening.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum During {
    Recovery,
    RollBack {
        /// The recovery is killed before this point of it.
        killed_at: usize,
    },
}

#[derive(Clone, Copy, Debug)]
pub struct Case {
    pub during: During,
    pub at: usize,
    pub fault: Fault,
    pub ending: Ending,
}

impl std::fmt::Display for Case {
    fn fmt(&self, out: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(out, "{:?}, {} point {}, then {:?}", self.during, self.fault, self.at, self.ending)
    }
}

struct Scene<'b> {
    broken: &'b Broken,
    host: Host,
    original: HostState,
    acknowledged: Vec<String>,
}

impl Case {
    /// Plays it.
    ///
    /// # Panics
    /// When a law does not hold.
    pub fn play(self, broken: &Broken) {
        let power = self.fault == Fault::PowerLoss;
        let host = if power { broken.again_on_a_disk().unwrap() } else { broken.again() };
        let original = HostState::of(&host.server);
        let mut scene = Scene { broken, host, original, acknowledged: Vec::new() };
        // a second of writes may be lost with the power, as the server says
        let writer = (broken.scene.writes && !power).then(|| Writer::begin(scene.server().port));
        let mut args = broken.scene.args();
        if let During::RollBack { killed_at } = self.during {
            scene.traced(&args, Some((killed_at, Fault::KillBefore)));
            args = vec!["runs", "rollback", "--auto", "--json"];
        }
        let traced = scene.traced(&args, Some((self.at, self.fault)));
        if power && traced.code.is_none() {
            scene.host.power_comes_back();
        }
        scene.never_nothing();
        let ended = scene.ends(self, &traced);
        scene.acknowledged = writer.map(Writer::end).unwrap_or_default();
        match ended {
            End::Recovered => scene.proves_recovered(),
            End::Before if broken.scene.runs() => scene.proves_serving_as_before(),
            End::Before => scene.proves_as_before(),
        }
    }
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum End {
    Recovered,
    Before,
}

impl Scene<'_> {
    fn server(&self) -> &Sandbox {
        &self.host.server
    }

    fn traced(&self, args: &[&str], fault: Option<(usize, Fault)>) -> Traced {
        let traced = trace(&self.server().command(args), self.server().root(), fault).unwrap();
        wait_until("a launched server to be one", || launches_under_way(self.server()) == 0);
        traced
    }

    fn never_nothing(&self) {
        let now = start::now(self.server());
        let known = [&self.broken.digest, &self.broken.before];
        let fine = now == Start::Refused
            || now == self.broken.start
            || known.iter().any(|digest| now == Start::Loads((*digest).clone()));
        assert!(fine, "a start would load {now:?}; the host was {:?}", self.broken.start);
    }

    /// Brings the run to its end, and says which one it must be.
    fn ends(&self, case: Case, traced: &Traced) -> End {
        let said = format!("{}\n{}", traced.stdout, traced.stderr);
        match traced.code {
            None => self.carry(case, case.ending),
            Some(0) if case.during == During::Recovery => End::Recovered,
            Some(0 | 1) if self.unfinished().is_none() => End::Before,
            // nothing was begun, or nothing was changed
            Some(2 | 3 | 130) if self.unfinished().is_none() => End::Before,
            // a way back that could not even begin
            Some(1 | 3) if case.during != During::Recovery => self.carry(case, case.ending),
            Some(4) => self.carry(case, case.ending),
            // an undo was made to fail: once its cause is gone it goes through
            Some(7) => self.carry(case, Ending::RollBack),
            code => panic!("exit {code:?}\n{said}"),
        }
    }

    fn unfinished(&self) -> Option<String> {
        let runs = self.server().redis_dr(&["runs", "list", "--json"]).exits(0).json();
        let runs = runs["runs"].as_array().unwrap();
        let open = runs.iter().find(|run| run["outcome"] == "unfinished" || run["outcome"] == "stuck");
        Some(open?["run_id"].as_str().unwrap().to_owned())
    }

    fn last_outcome(&self) -> Option<String> {
        let runs = self.server().redis_dr(&["runs", "list", "--json"]).exits(0).json();
        Some(runs["runs"].as_array().unwrap().first()?["outcome"].as_str().unwrap().to_owned())
    }

    fn carry(&self, case: Case, ending: Ending) -> End {
        let Some(_) = self.unfinished() else {
            return match self.last_outcome().as_deref() {
                Some("recovered") if case.fault == Fault::PowerLoss => {
                    // the run was over; with its power the server went, and a start loads what was recovered
                    self.server().recover_auto().exits(0);
                    End::Recovered
                }
                Some("recovered") => End::Recovered,
                // before there was a run, or after it was taken back
                None | Some("rolled_back" | "failed") => End::Before,
                Some(other) => panic!("the run is {other}"),
            };
        };
        let recovered = |out: &Output| {
            // with its power a server that was open is gone: that is a person's to decide
            let gone = "the server went down after clients were let in";
            if case.fault == Fault::PowerLoss && out.code == Some(4) && out.stdout.contains(gone) {
                let back = self.server().redis_dr(&["runs", "rollback", "--confirm", "demo", "--json"]);
                assert_eq!(back.exits(0).json()["outcome"], "rolled_back", "{back}");
                return End::Before;
            }
            assert_eq!(out.exits(0).json()["outcome"], "recovered", "{out}");
            End::Recovered
        };
        let back = matches!(case.during, During::RollBack { .. });
        match ending {
            // a run on its way back goes no way but back
            Ending::Resume | Ending::Again if back => self.carry(case, Ending::RollBack),
            Ending::Resume => recovered(&self.server().redis_dr(self.broken.scene.resume())),
            Ending::Again => {
                let out = self.server().redis_dr(&self.broken.scene.args());
                // a server that the run had woken answers now: the run is closed, and nothing is left to do
                let woken = self.broken.scene.runbook == "unhang" && out.code == Some(0);
                if woken && out.json()["outcome"] == "healthy" { End::Recovered } else { recovered(&out) }
            }
            Ending::RollBack => {
                let out = self.server().redis_dr(&["runs", "rollback", "--auto", "--json"]);
                if out.code == Some(3) {
                    // open to clients: nobody takes that back unasked
                    return recovered(&self.server().redis_dr(self.broken.scene.resume()));
                }
                assert_eq!(out.exits(0).json()["outcome"], "rolled_back", "{out}");
                End::Before
            }
        }
    }

    fn proves_recovered(mut self) {
        let there = live::there(self.server());
        let lost: Vec<&String> = self.acknowledged.iter().filter(|key| !there.contains(key)).collect();
        assert!(lost.is_empty(), "acknowledged and lost: {lost:?} of {}", self.acknowledged.len());
        live::forget(self.server());
        assert_eq!(self.server().digest(), self.broken.digest, "recovered, to other data");
        assert_eq!(self.server().servers().len(), 1);
        assert!(self.unfinished().is_none(), "a run is left unfinished");
        let conf = std::fs::read_to_string(self.server().conf()).unwrap();
        assert!(!conf.contains("redis-dr fence"), "the fence is left in redis.conf:\n{conf}");
        let backups = (self.original.under("backups"), HostState::of(self.server()).under("backups"));
        assert_eq!(backups.0.differences(&backups.1), Vec::<String>::new());
        self.leaves_nothing();
        self.host.server.writes_survive_kill9();
    }

    fn leaves_nothing(&self) {
        // redis-dr's own rooms are swept when they are next entered to write there
        let _ = self.server().redis_dr(&["pause", "demo", "--off"]);
        let _ = self.server().redis_dr(&["runs", "show", "last"]);
        assert_eq!(left_behind(self.server()), Vec::<String>::new());
    }

    fn proves_as_before(self) {
        assert!(self.acknowledged.is_empty(), "taken back, with writes that clients were told are safe");
        assert!(!self.server().running(), "it did not run before");
        self.files_are_as_before(&self.original.differences(&self.now()));
    }

    /// The server runs as it did, with what it held, what it was told since, and its settings.
    fn proves_serving_as_before(self) {
        live::thaw(self.server());
        wait_until("the server to answer as before", || {
            self.server().ask(&["PING"]).is_some_and(|reply| !reply.text().contains("LOADING"))
        });
        let there = live::there(self.server());
        let lost: Vec<&String> = self.acknowledged.iter().filter(|key| !there.contains(key)).collect();
        assert!(lost.is_empty(), "taken back, and lost: {lost:?} of {}", self.acknowledged.len());
        let settings = live::settings(self.server());
        let was = self.host.settings.as_ref().unwrap();
        let differ: Vec<_> = was.iter().filter(|(name, value)| settings.get(*name) != Some(value)).collect();
        assert!(differ.is_empty(), "settings were {differ:?}");
        live::forget(self.server());
        assert_eq!(self.server().digest(), self.broken.before, "taken back, to other data");
        // its own data it may write, and what it writes is compared by the digest
        let rest = |state: &HostState| [state.under("redis.conf"), state.under("backups")];
        let pairs = rest(&self.original).into_iter().zip(rest(&self.now()));
        self.files_are_as_before(&pairs.flat_map(|(was, is)| was.differences(&is)).collect::<Vec<_>>());
    }

    fn now(&self) -> HostState {
        HostState::of(self.server())
    }

    fn files_are_as_before(&self, differences: &[String]) {
        let given_up =
            |line: &&String| self.broken.scene.given_up.iter().any(|name| **line == format!("{name} is gone"));
        let differ: Vec<&String> = differences.iter().filter(|line| !given_up(line)).collect();
        assert!(differ.is_empty(), "{differ:#?}");
        assert!(self.unfinished().is_none(), "a run is left unfinished");
        self.leaves_nothing();
    }
}
