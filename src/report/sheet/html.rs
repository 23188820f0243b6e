//! A sheet as one HTML file: pictures are inline SVG, the style is in it, nothing is fetched and nothing runs.
use super::{Block, Gauge, Sheet, Timeline};
use crate::facts::Seconds;
use minijinja::syntax::SyntaxConfig;
use minijinja::value::Serde;
use minijinja::{Environment, Error, ErrorKind, UndefinedBehavior};
use serde_json::{Value, json};
use std::sync::LazyLock;

/// How high a row of a timeline is, in pixels: a line of text above its bar.
const ROW: usize = 38;
/// How high the bars of a trend may be, in pixels.
const TREND: f64 = 90.0;

/// The template's suffix is what makes minijinja escape all that comes from outside.
const PAGE: &str = "sheet.html";

static TEMPLATES: LazyLock<Result<Environment<'static>, String>> = LazyLock::new(|| {
    let mut all = Environment::new();
    all.set_undefined_behavior(UndefinedBehavior::Strict);
    let syntax = SyntaxConfig::builder().trim_blocks(true).lstrip_blocks(true).build().map_err(|e| e.to_string())?;
    all.set_syntax(syntax);
    all.add_template(PAGE, include_str!("sheet.html")).map_err(|e| e.to_string())?;
    Ok(all)
});

/// The whole page.
pub(super) fn html(sheet: &Sheet) -> Result<String, Error> {
    let all = TEMPLATES.as_ref().map_err(|e| Error::new(ErrorKind::SyntaxError, e.clone()))?;
    let parts: Vec<Value> = sheet
        .parts
        .iter()
        .map(|p| json!({ "heading": p.heading, "blocks": p.blocks.iter().map(block).collect::<Vec<_>>() }))
        .collect();
    all.get_template(PAGE)?.render(Serde(json!({
        "title": sheet.title, "verdict": sheet.verdict.0, "mood": sheet.verdict.1, "lead": sheet.lead, "parts": parts,
        "style": include_str!("sheet.css"),
    })))
}

/// A block with all that its picture needs.
fn block(block: &Block) -> Value {
    match block {
        Block::Timeline { timeline } => picture(timeline),
        Block::Gauges { gauges } => {
            json!({ "is": "gauges", "gauges": gauges.iter().map(gauge).collect::<Vec<_>>() })
        }
        Block::Trend { about, values, target } => trend(about, values, *target),
        Block::Folded { summary, blocks } => {
            json!({ "is": "folded", "summary": summary, "blocks": blocks.iter().map(self::block).collect::<Vec<_>>() })
        }
        Block::Table { about, head, rows } => {
            let head: Vec<Value> =
                head.iter().map(|h| json!({ "name": h.trim(), "number": h.starts_with(' ') })).collect();
            json!({ "is": "table", "about": about, "head": head, "rows": rows })
        }
        Block::Text { .. } | Block::Values { .. } | Block::List { .. } | Block::Commands { .. } => {
            json!(block)
        }
    }
}

fn picture(timeline: &Timeline) -> Value {
    let rows = timeline.rows();
    let height = rows.len() * ROW + 6;
    let rows: Vec<Value> = rows
        .iter()
        .enumerate()
        .map(|(i, row)| {
            // a label goes where there is more room for it
            let right = row.left > 55.0;
            let end = percent((row.left + row.width.unwrap_or(1.0)).min(100.0));
            json!({
                "label": row.label, "when": row.when, "outcome": row.outcome, "broken": row.broken,
                "left": percent(row.left), "width": row.width.map(percent), "y": i * ROW, "right": right, "end": end,
            })
        })
        .collect();
    json!({
        "is": "timeline", "about": timeline.about, "rows": rows, "height": height, "estimated": timeline.estimated,
        "from": timeline.from.to_string(), "to": timeline.to.to_string(),
    })
}

fn gauge(gauge: &Gauge) -> Value {
    let (value, target) = gauge.scale();
    json!({
        "name": gauge.name, "said": gauge.said(), "mood": gauge.mood(), "known": gauge.value.is_some(),
        "value": percent(value), "target": target.map(percent),
    })
}

fn trend(about: &str, values: &[(String, Option<Seconds>)], target: Option<Seconds>) -> Value {
    let most = values.iter().filter_map(|(_, v)| *v).chain(target).map(|s| s.0).fold(0.001, f64::max);
    #[allow(clippy::cast_precision_loss)]
    let each = 100.0 / values.len().max(1) as f64;
    #[allow(clippy::cast_precision_loss)]
    let bars: Vec<Value> = values
        .iter()
        .enumerate()
        .map(|(i, (when, value))| {
            let high = value.map_or(0.0, |v| (v.0 / most * TREND).max(2.0));
            let missed = value.is_none_or(|v| target.is_some_and(|t| v.0 > t.0));
            json!({
                "when": when, "said": value.map_or("not reached".into(), |v| v.to_string()), "missed": missed,
                "x": percent(i as f64 * each + each * 0.15), "width": percent(each * 0.7),
                "y": round(TREND - high), "high": round(high),
            })
        })
        .collect();
    let line = target.map(|t| round(TREND - t.0 / most * TREND));
    json!({ "is": "trend", "about": about, "bars": bars, "line": line, "target": target.map(|t| t.to_string()) })
}

fn percent(value: f64) -> String {
    format!("{value:.2}%")
}

fn round(value: f64) -> String {
    format!("{value:.1}")
}

#[cfg(test)]
#[allow(clippy::unwrap_used)]
mod tests {
    use super::super::{Mood, code, plain};
    use super::*;
    use crate::facts::Time;
    use crate::report::sheet::{Bar, Mark};

    #[test]
    fn all_that_comes_from_outside_is_escaped() {
        let evil = "<script>alert(1)</script>\"'&";
        let at = Time(jiff::Timestamp::UNIX_EPOCH);
        let mut sheet = Sheet::new(evil, evil, Mood::Bad, evil);
        let table = |cell| Block::Table { about: evil.into(), head: vec![evil.into()], rows: vec![(true, vec![cell])] };
        let timeline = Timeline {
            about: evil.into(),
            from: at,
            to: at,
            before: None,
            bars: vec![Bar { name: evil.into(), outcome: evil.into(), from: at, took: Seconds(1.0) }],
            marks: vec![Mark { name: evil.into(), at }],
            estimated: false,
        };
        sheet.part(
            evil,
            vec![
                Block::Text { words: plain(evil) },
                Block::Values { rows: vec![(evil.into(), code(evil))] },
                table(code(evil)),
                Block::List { numbered: false, items: vec![(plain(evil), vec![plain(evil)])] },
                Block::Commands { lines: vec![(evil.into(), evil.into())] },
                Block::Timeline { timeline },
                Block::Gauges { gauges: vec![Gauge { name: evil.into(), value: None, target: Some(Seconds(1.0)) }] },
                Block::Trend { about: evil.into(), values: vec![(evil.into(), Some(Seconds(1.0)))], target: None },
                Block::Folded { summary: evil.into(), blocks: vec![table(plain(evil))] },
            ],
        );
        let page = sheet.html().unwrap();
        assert!(!page.contains("<script") && page.contains("&lt;script&gt;"), "{page}");
        assert!(!page.contains("http://") && !page.contains("https://"), "nothing is fetched");
        assert!(page.starts_with("<!doctype html>") && page.trim_end().ends_with("</html>"));
    }
}
