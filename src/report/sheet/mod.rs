//! A report as blocks, before it is Markdown or HTML: whoever writes one says what is in it, and not how it looks.
mod html;
mod markdown;
mod timeline;

pub use timeline::{Bar, Before, Mark, Timeline};

use super::words::clean;
use crate::facts::Seconds;
use serde::Serialize;

/// A report.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct Sheet {
    /// What it is about.
    pub title: String,
    /// How it ended, in a word or two, and whether that is good.
    pub verdict: (String, Mood),
    /// One sentence below the title.
    pub lead: String,
    /// Its parts, in order.
    pub parts: Vec<Part>,
}

/// A part with a heading of its own; without one it belongs to the title.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct Part {
    /// The heading.
    pub heading: String,
    /// What stands below it.
    pub blocks: Vec<Block>,
}

/// How something is to be taken; always said in words, too.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum Mood {
    /// As wished.
    Good,
    /// Wants a look.
    Fair,
    /// Not as wished.
    Bad,
    /// Neither, or not known.
    Plain,
}

/// A piece of text.
#[derive(Debug, Clone, PartialEq, Serialize)]
#[serde(tag = "is", content = "text", rename_all = "snake_case")]
pub enum Word {
    /// As it is.
    Plain(String),
    /// Taken literally: a path, a key, a command.
    Code(String),
    /// Set off.
    Strong(String),
}

/// Text in pieces.
pub type Phrase = Vec<Word>;

/// What stands on a sheet.
#[derive(Debug, Clone, PartialEq, Serialize)]
#[serde(tag = "is", rename_all = "snake_case")]
pub enum Block {
    /// A paragraph.
    Text {
        /// Its words.
        words: Phrase,
    },
    /// Names and values.
    Values {
        /// In order.
        rows: Vec<(String, Phrase)>,
    },
    /// A table; a column whose head begins with a blank holds numbers.
    Table {
        /// What it shows, for whoever can't see it.
        about: String,
        /// The names of its columns.
        head: Vec<String>,
        /// Its rows; a row that is set off comes with `true`.
        rows: Vec<(bool, Vec<Phrase>)>,
    },
    /// Points, each with lines below it.
    List {
        /// Are they to be taken in this order?
        numbered: bool,
        /// In order.
        items: Vec<(Phrase, Vec<Phrase>)>,
    },
    /// Commands to paste, each with what it is for.
    Commands {
        /// What for, and the command.
        lines: Vec<(String, String)>,
    },
    /// What happened when.
    Timeline {
        /// The picture.
        timeline: Timeline,
    },
    /// A value against what it should be.
    Gauges {
        /// Side by side.
        gauges: Vec<Gauge>,
    },
    /// How a value went over time, oldest first.
    Trend {
        /// What it is.
        about: String,
        /// When, and how much in seconds; none where it was not reached.
        values: Vec<(String, Option<Seconds>)>,
        /// What it should be at the most.
        target: Option<Seconds>,
    },
    /// Shown when asked for.
    Folded {
        /// What is behind it.
        summary: String,
        /// It.
        blocks: Vec<Block>,
    },
}

/// A value against an objective.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct Gauge {
    /// What is measured.
    pub name: String,
    /// What came out.
    pub value: Option<Seconds>,
    /// At the most this.
    pub target: Option<Seconds>,
}

impl Gauge {
    /// What came out, in words.
    #[must_use]
    pub fn said(&self) -> String {
        let value = self.value.map_or("unknown".into(), |v| v.to_string());
        match (self.value, self.target) {
            (_, None) => format!("{value}; no objective is written in the config"),
            (Some(v), Some(t)) if v.0 <= t.0 => format!("{value} of {t} allowed: met"),
            (Some(_), Some(t)) => format!("{value} of {t} allowed: missed"),
            (None, Some(t)) => format!("unknown, {t} allowed"),
        }
    }

    /// How to take it.
    #[must_use]
    pub fn mood(&self) -> Mood {
        match (self.value, self.target) {
            (Some(v), Some(t)) if v.0 <= t.0 => Mood::Good,
            (Some(_), Some(_)) => Mood::Bad,
            _ => Mood::Plain,
        }
    }

    /// How much of the scale is taken, and where on it the objective is, in percent.
    fn scale(&self) -> (f64, Option<f64>) {
        let (value, target) = (self.value.map_or(0.0, |v| v.0.max(0.0)), self.target.map(|t| t.0.max(0.001)));
        let full = value.max(target.unwrap_or(0.0)).max(0.001) * 1.15;
        (value / full * 100.0, target.map(|t| t / full * 100.0))
    }
}

/// One plain word.
#[must_use]
pub fn plain(text: impl AsRef<str>) -> Phrase {
    vec![Word::Plain(clean(text.as_ref()))]
}

/// One word taken literally.
#[must_use]
pub fn code(text: impl AsRef<str>) -> Phrase {
    vec![Word::Code(clean(text.as_ref()))]
}

impl Word {
    /// The text without its dress.
    #[must_use]
    pub fn text(&self) -> &str {
        match self {
            Self::Plain(text) | Self::Code(text) | Self::Strong(text) => text,
        }
    }
}

impl Sheet {
    /// An empty sheet.
    #[must_use]
    pub fn new(title: impl AsRef<str>, verdict: impl Into<String>, mood: Mood, lead: impl AsRef<str>) -> Self {
        let lead = clean(lead.as_ref());
        Self { title: clean(title.as_ref()), verdict: (verdict.into(), mood), lead, parts: vec![] }
    }

    /// Adds a part; one with nothing in it is left out.
    pub fn part(&mut self, heading: &str, blocks: Vec<Block>) {
        if !blocks.is_empty() {
            self.parts.push(Part { heading: heading.into(), blocks });
        }
    }

    /// As Markdown.
    #[must_use]
    pub fn markdown(&self) -> String {
        markdown::markdown(self)
    }

    /// As one HTML file that needs nothing else: no script, no network.
    ///
    /// # Errors
    /// The template does not fit the sheet: a defect.
    pub fn html(&self) -> Result<String, String> {
        html::html(self).map_err(|e| format!("the report can't be written as HTML: {e:#}"))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_gauge_says_whether_its_objective_is_met() {
        let gauge = |value: Option<f64>, target: Option<f64>| Gauge {
            name: "time to recovery".into(),
            value: value.map(Seconds),
            target: target.map(Seconds),
        };
        assert_eq!(gauge(Some(2.0), Some(300.0)).said(), "2 s of 5 min allowed: met");
        assert_eq!(gauge(Some(301.0), Some(300.0)).mood(), Mood::Bad);
        assert_eq!(gauge(None, Some(300.0)).mood(), Mood::Plain);
        assert!(gauge(Some(2.0), None).said().contains("no objective"));
        let (value, target) = gauge(Some(600.0), Some(300.0)).scale();
        assert!(value > 80.0 && value < 100.0 && target.is_some_and(|t| t > 40.0 && t < 50.0));
    }

    #[test]
    fn control_characters_stay_outside() {
        assert_eq!(code("a\u{1b}[31m")[0].text(), "a\u{fffd}[31m");
        assert_eq!(Sheet::new("a\n", "x", Mood::Good, "").title, "a\u{fffd}");
    }
}
