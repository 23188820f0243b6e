//! What takes time, on standard error: a bar with rate and time left where the end is known, else a spinner.
use indicatif::{ProgressBar, ProgressStyle};
use std::time::Duration;

/// The bar of what is being done now; none while nothing is.
#[derive(Debug, Default)]
pub struct Progress {
    now: Option<(String, ProgressBar)>,
}

impl Progress {
    /// Shows how many keys `what` has gone through.
    pub fn keys(&mut self, what: &str, done: u64, total: u64) {
        self.go(what, done, Some(total), true);
    }

    /// Shows how far `what` has come.
    pub fn show(&mut self, what: &str, done: u64, total: Option<u64>) {
        self.go(what, done, total, false);
    }

    fn go(&mut self, what: &str, done: u64, total: Option<u64>, keys: bool) {
        let same =
            self.now.as_ref().is_some_and(|(name, bar)| name == what && bar.length().is_some() == total.is_some());
        if !same {
            self.end();
            self.now = Some((what.to_string(), start(what, total, keys)));
        }
        if let Some((_, bar)) = &self.now {
            if let Some(total) = total {
                bar.set_length(total);
            }
            bar.set_position(done);
        }
    }

    /// Takes the bar away, so that a line can be printed.
    pub fn end(&mut self) {
        if let Some((_, bar)) = self.now.take() {
            bar.finish_and_clear();
        }
    }
}

/// A new bar; indicatif hides it where standard error is no terminal.
fn start(what: &str, total: Option<u64>, keys: bool) -> ProgressBar {
    let (bar, template) = match total {
        Some(total) if keys => {
            (ProgressBar::new(total), "      {wide_msg} {bar:20} {human_pos}/{human_len} keys  {per_sec}  {eta} left")
        }
        // A percentage says more than a rate of percents.
        Some(100) => (ProgressBar::new(100), "      {wide_msg} {bar:20} {percent:>3} %  {eta} left"),
        Some(total) => (
            ProgressBar::new(total),
            "      {wide_msg} {bar:20} {binary_bytes}/{binary_total_bytes}  {binary_bytes_per_sec}  {eta} left",
        ),
        None => (ProgressBar::no_length(), "      {spinner} {wide_msg} {elapsed}"),
    };
    if let Ok(style) = ProgressStyle::with_template(template) {
        bar.set_style(style);
    }
    bar.set_message(crate::report::clean(what));
    bar.enable_steady_tick(Duration::from_millis(120));
    bar
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_bar_changes_with_what_is_done_and_whether_its_end_is_known() {
        let mut progress = Progress::default();
        progress.show("load", 1, None);
        progress.show("load", 2, Some(100));
        assert_eq!(progress.now.as_ref().map(|(_, b)| b.length()), Some(Some(100)));
        progress.show("copy", 3, Some(4096));
        assert_eq!(progress.now.as_ref().map(|(_, b)| (b.position(), b.length())), Some((3, Some(4096))));
        progress.end();
        assert!(progress.now.is_none());
    }
}
