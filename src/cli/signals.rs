//! Ctrl-C, SIGTERM and SIGHUP: the first asks the run to stop safely, a second one ends the program at once.
use super::{Context, out};
use crate::engine::Stop;
use signal_hook::consts::{SIGHUP, SIGINT, SIGTERM};
use signal_hook::iterator::Signals;
use std::sync::Arc;

/// Listens; what it returns knows of the first signal.
#[must_use]
pub fn listen(context: &Context) -> Arc<Stop> {
    let stop = Arc::new(Stop::default());
    let told = Arc::clone(&stop);
    let go_on = format!("{}\n  {}", context.command("runs resume"), context.command("runs rollback"));
    // without a thread for them signals keep their usual meaning: the program ends, and the journal says where it was
    if let Ok(mut signals) = Signals::new([SIGINT, SIGTERM, SIGHUP]) {
        let _ = std::thread::Builder::new().name("signals".into()).spawn(move || {
            for _ in signals.forever() {
                heard(&told, &go_on);
            }
        });
    }
    stop
}

fn heard(stop: &Stop, go_on: &str) {
    if stop.asked() {
        if stop.acted() {
            out::note(&format!("stopped at once, in the middle of a step; go on with\n  {go_on}"));
        }
        signal_hook::low_level::exit(code(stop));
    }
    stop.ask();
    if stop.acted() {
        out::note("stopping: the step under way is brought to a safe end; once more stops at once");
    }
}

/// 130 before anything was started; after that there is a run to go on with.
fn code(stop: &Stop) -> i32 {
    if stop.acted() { 4 } else { 130 }
}
