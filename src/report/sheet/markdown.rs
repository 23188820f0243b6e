//! A sheet as Markdown, for a ticket, a wiki or a post-mortem.
use super::{Block, Mood, Phrase, Sheet, Word};
use std::fmt::Write as _;

/// The whole sheet.
pub(super) fn markdown(sheet: &Sheet) -> String {
    let verdict = if sheet.verdict.0.is_empty() { String::new() } else { format!(": {}", plain(&sheet.verdict.0)) };
    let mut out = format!("# {}{verdict}\n", plain(&sheet.title));
    if !sheet.lead.is_empty() {
        let _ = writeln!(out, "\n{}", plain(&sheet.lead));
    }
    for part in &sheet.parts {
        if !part.heading.is_empty() {
            let _ = writeln!(out, "\n## {}", plain(&part.heading));
        }
        part.blocks.iter().for_each(|b| block(&mut out, b));
    }
    out
}

fn block(out: &mut String, block: &Block) {
    if !matches!(block, Block::Folded { .. }) {
        out.push('\n');
    }
    match block {
        Block::Text { words } => {
            let _ = writeln!(out, "{}", phrase(words));
        }
        Block::Values { rows } => {
            out.push_str("| | |\n|---|---|\n");
            for (name, value) in rows {
                let _ = writeln!(out, "| {} | {} |", plain(name), phrase(value));
            }
        }
        Block::Table { head, rows, .. } => table(out, head, rows),
        Block::List { numbered, items } => {
            let sign = if *numbered { "1." } else { "-" };
            for (item, below) in items {
                let _ = writeln!(out, "{sign} {}", phrase(item));
                for line in below {
                    let _ = writeln!(out, "  - {}", phrase(line));
                }
            }
        }
        Block::Commands { lines } => {
            for (what, command) in lines {
                let _ = writeln!(out, "- {}: {}", plain(what), code(command));
            }
        }
        Block::Timeline { timeline } => {
            out.push_str("| when | |\n|---|---|\n");
            for row in timeline.rows() {
                let outcome = match row.outcome.as_str() {
                    "before" | "mark" | "done" => String::new(),
                    other => format!(" ({})", plain(other)),
                };
                let _ = writeln!(out, "| {} | {}{outcome} |", plain(&row.when), plain(&row.label));
            }
        }
        Block::Gauges { gauges } => {
            for gauge in gauges {
                let sign = match gauge.mood() {
                    Mood::Bad => "**",
                    _ => "",
                };
                let _ = writeln!(out, "- {}: {sign}{}{sign}", plain(&gauge.name), plain(&gauge.said()));
            }
        }
        Block::Trend { about, values, target } => {
            let limit = target.map_or(String::new(), |t| format!(" (at most {t})"));
            let _ = writeln!(out, "{}{limit}:\n", plain(about));
            for (when, value) in values {
                let value = value.map_or("not reached".into(), |v| v.to_string());
                let _ = writeln!(out, "- {}: {}", plain(when), plain(&value));
            }
        }
        // what is shown only when asked for can't be asked for here
        Block::Folded { .. } => {}
    }
}

fn table(out: &mut String, head: &[String], rows: &[(bool, Vec<Phrase>)]) {
    let names: Vec<String> = head.iter().map(|h| plain(h.trim())).collect();
    let lines: Vec<&str> = head.iter().map(|h| if h.starts_with(' ') { "---:" } else { "---" }).collect();
    let _ = writeln!(out, "| {} |\n|{}|", names.join(" | "), lines.join("|"));
    for (set_off, cells) in rows {
        let mut cells: Vec<String> = cells.iter().map(phrase).collect();
        if *set_off && let Some(first) = cells.first_mut() {
            *first = format!("**{first}**");
        }
        let _ = writeln!(out, "| {} |", cells.join(" | "));
    }
}

fn phrase(words: &Phrase) -> String {
    words
        .iter()
        .map(|word| match word {
            Word::Plain(text) => plain(text),
            Word::Code(text) => code(text),
            Word::Strong(text) => format!("**{}**", plain(text)),
        })
        .collect()
}

/// Text that Markdown takes literally, on one line, also within a table. Only what would be taken for markup is escaped.
fn plain(text: &str) -> String {
    let text: Vec<char> = text.chars().collect();
    let in_word = |i: usize| {
        let word = |at: Option<usize>| at.and_then(|at| text.get(at)).is_some_and(|c| c.is_alphanumeric());
        word(i.checked_sub(1)) && word(Some(i + 1))
    };
    let mut out = String::new();
    for (i, c) in text.iter().enumerate() {
        let markup = match c {
            '|' | '*' | '`' | '<' | '[' | '\\' => true,
            // an entity, such as &amp;
            '&' => text.get(i + 1).is_some_and(|c| c.is_alphanumeric() || *c == '#'),
            '_' => !in_word(i),
            '#' | '>' | '-' | '+' => i == 0,
            _ => false,
        };
        if markup {
            out.push('\\');
        }
        out.push(*c);
    }
    out
}

/// Text as code: no character in it is markup, a bar aside, which would end the cell of a table.
fn code(text: &str) -> String {
    let text = text.replace('|', "\u{2502}");
    if text.is_empty() {
        return text;
    }
    // a fence longer than any in the text
    let longest = text.split(|c| c != '`').map(str::len).max().unwrap_or(0);
    let (fence, blank) = ("`".repeat(longest + 1), if longest > 0 { " " } else { "" });
    format!("{fence}{blank}{text}{blank}{fence}")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_markup_is_escaped() {
        assert_eq!(plain("loaded_keys 7 > 5, _this_ a|b *c* <b>"), "loaded_keys 7 > 5, \\_this\\_ a\\|b \\*c\\* \\<b>");
        assert_eq!(plain("# no head"), "\\# no head");
    }

    #[test]
    fn code_holds_what_it_is_given() {
        assert_eq!(code("a_b *c*"), "`a_b *c*`");
        assert_eq!(code("where a command (`*`) had to be"), "`` where a command (`*`) had to be ``");
        assert_eq!(code(""), "");
    }
}
