//! The table of recovery points.
use super::words::{clean, number};
use crate::facts::{Loadable, Point, PointKind, Time, Validity};
use std::fmt::Write as _;

/// The points, best first, one line each; numbered, so that one can be chosen.
#[must_use]
pub fn points(points: &[Point], now: Time) -> String {
    let mut out = String::new();
    if points.is_empty() {
        return "Recovery points   none: no memory, no AOF, no snapshot and no backup was found\n".into();
    }
    let names: Vec<String> = points.iter().map(name).collect();
    let width = names.iter().map(|n| n.chars().count()).max().unwrap_or(0).clamp(16, 46);
    let _ = writeln!(
        out,
        "{:<w$}  {:<10} {:>12}  {:<13} {:<9}",
        "Recovery points",
        "data as of",
        "keys",
        "you lose",
        "back in",
        w = width + 5
    );
    let mut star = false;
    for (i, (point, name)) in points.iter().zip(&names).enumerate() {
        let keys = keys(point, &mut star);
        let _ = writeln!(
            out,
            "{:>3}  {:<w$}  {:<10} {:>12}  {:<13} {:<9}",
            i + 1,
            name,
            point.as_of.map_or("unknown".into(), |t| moment(t, now)),
            keys,
            point
                .loss_seconds
                .map_or_else(|| unknown_loss(point), |l| if l.0 < 0.0005 { "nothing".into() } else { format!("{l}") }),
            point.recover_seconds.map_or("unknown".into(), |s| s.to_string()),
            w = width
        );
        if let Some(note) = note(point) {
            let _ = writeln!(out, "     {}", clean(&note));
        }
    }
    if star {
        out.push_str("     * in its base; commands follow it\n");
    }
    out
}

fn unknown_loss(point: &Point) -> String {
    point.loss_upper.map_or("unknown".into(), |u| format!("up to {u}"))
}

fn name(point: &Point) -> String {
    let text = match (point.kind, &point.cut) {
        (PointKind::Memory, _) => "memory of the running server".into(),
        (PointKind::Aof, _) => "AOF".into(),
        (PointKind::AofCut, Some(cut)) => format!("AOF, cut at byte {}", number(cut.offset)),
        _ => point.id.clone(),
    };
    clean(&text).chars().take(46).collect()
}

fn keys(point: &Point, star: &mut bool) -> String {
    match (point.keys, point.base_keys) {
        (Some(n), _) => number(n),
        (None, Some(n)) => {
            *star = true;
            format!("{}*", number(n))
        }
        _ => "unknown".into(),
    }
}

/// Why it can't be used, or what a cut takes away.
fn note(point: &Point) -> Option<String> {
    if point.valid == Validity::Damaged || point.loadable == Loadable::No {
        return Some(format!("not usable: {}", point.why));
    }
    let cut = point.cut.as_ref()?;
    let what = if cut.only_incomplete {
        "only an incomplete command or transaction is cut".to_string()
    } else {
        format!("{} complete commands are cut", number(cut.commands_lost))
    };
    let hole = match cut.commands_after_damage {
        0 => String::new(),
        n => format!("; {} readable commands lie behind the damage", number(n)),
    };
    Some(format!("{} of {}: {what}{hole}", cut.bytes_lost, cut.file))
}

/// The time of day when it is less than a day ago, else the date.
fn moment(at: Time, now: Time) -> String {
    let text = at.to_string();
    let (date, time) = text.split_once('T').unwrap_or((&text, ""));
    if now.since(at).0 < 86400.0 { time.trim_end_matches('Z').chars().take(8).collect() } else { date.to_string() }
}
