//! A flowchart, as Mermaid or as DOT (Graphviz).
use std::fmt::Write as _;

/// Boxes and arrows between them.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Chart {
    boxes: Vec<(String, Shape, String)>,
    arrows: Vec<(String, String, String, Line)>,
}

/// What a box stands for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Shape {
    /// Where it begins or ends.
    End,
    /// Something that is asked.
    Question,
    /// Something that is done.
    Step,
    /// The same, after which clients write again.
    Opening,
    /// What must hold beside a step.
    Gate,
}

/// How two boxes hang together.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Line {
    /// One after the other.
    Next,
    /// One belongs to the other.
    Beside,
}

impl Chart {
    /// Puts a box on it; `id` is a word.
    pub(crate) fn put(&mut self, id: &str, shape: Shape, text: &str) {
        self.boxes.push((id.into(), shape, text.into()));
    }

    /// Draws an arrow.
    pub(crate) fn arrow(&mut self, from: &str, to: &str, text: &str) {
        self.arrows.push((from.into(), to.into(), text.into(), Line::Next));
    }

    /// Draws a line without a direction.
    pub(crate) fn beside(&mut self, from: &str, to: &str) {
        self.arrows.push((from.into(), to.into(), String::new(), Line::Beside));
    }

    /// A Mermaid flowchart.
    #[must_use]
    pub fn mermaid(&self) -> String {
        let mut out = String::from("flowchart TD\n");
        for (id, shape, text) in &self.boxes {
            let text = label(text);
            let drawn = match shape {
                Shape::End => format!("{id}([{text}])"),
                Shape::Question => format!("{id}{{{text}}}"),
                Shape::Step | Shape::Opening => format!("{id}[{text}]"),
                Shape::Gate => format!("{id}{{{{{text}}}}}"),
            };
            let _ = writeln!(out, "  {drawn}");
            if *shape == Shape::Opening {
                let _ = writeln!(out, "  style {id} stroke-width:4px");
            }
        }
        for (from, to, text, line) in &self.arrows {
            let arrow = match line {
                Line::Beside => "-.-".to_string(),
                Line::Next if text.is_empty() => "-->".into(),
                Line::Next if matches!(text.as_str(), "yes" | "no") => format!("-->|{text}|"),
                Line::Next => format!("-->|{}|", label(text)),
            };
            let _ = writeln!(out, "  {from} {arrow} {to}");
        }
        out
    }

    /// The same in DOT.
    #[must_use]
    pub fn dot(&self) -> String {
        let mut out = String::from("digraph {\n  node [fontname=\"sans-serif\"]\n  edge [fontname=\"sans-serif\"]\n");
        for (id, shape, text) in &self.boxes {
            let drawn = match shape {
                Shape::End => "box, style=rounded",
                Shape::Question => "diamond",
                Shape::Step => "box",
                Shape::Opening => "box, penwidth=4",
                Shape::Gate => "hexagon",
            };
            let _ = writeln!(out, "  {id} [shape={drawn}, label={}]", quoted(text));
        }
        for (from, to, text, line) in &self.arrows {
            let mut with = Vec::new();
            if !text.is_empty() {
                with.push(format!("label={}", quoted(text)));
            }
            if *line == Line::Beside {
                with.push("style=dotted, dir=none".into());
            }
            let with = if with.is_empty() { String::new() } else { format!(" [{}]", with.join(", ")) };
            let _ = writeln!(out, "  {from} -> {to}{with}");
        }
        out.push_str("}\n");
        out
    }
}

/// A Mermaid label: quoted, so that nothing in it is syntax.
fn label(text: &str) -> String {
    let mut out = String::from("\"");
    for c in text.chars() {
        match c {
            '"' => out.push_str("#quot;"),
            '#' => out.push_str("#35;"),
            '<' => out.push_str("#lt;"),
            '>' => out.push_str("#gt;"),
            '\n' => out.push_str("<br/>"),
            c if c.is_control() => out.push(' '),
            c => out.push(c),
        }
    }
    out.push('"');
    out
}

/// A DOT string.
fn quoted(text: &str) -> String {
    let mut out = String::from("\"");
    for c in text.chars() {
        match c {
            '"' => out.push_str("\\\""),
            '\\' => out.push_str("\\\\"),
            '\n' => out.push_str("\\n"),
            c if c.is_control() => out.push(' '),
            c => out.push(c),
        }
    }
    out.push('"');
    out
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn nothing_in_a_text_is_syntax() {
        let mut chart = Chart::default();
        chart.put("a", Shape::Question, "x == \"y\\\" && #1 < 2\n");
        chart.put("b", Shape::End, "b");
        chart.arrow("a", "b", "yes");
        chart.beside("b", "a");
        assert_eq!(
            chart.mermaid(),
            "flowchart TD\n  a{\"x == #quot;y\\#quot; && #35;1 #lt; 2<br/>\"}\n  b([\"b\"])\n  a -->|yes| b\n  b -.- a\n"
        );
        let dot = chart.dot();
        assert!(dot.contains(r#"a [shape=diamond, label="x == \"y\\\" && #1 < 2\n"]"#), "{dot}");
        assert!(dot.contains("a -> b [label=\"yes\"]\n  b -> a [style=dotted, dir=none]\n}\n"), "{dot}");
    }
}
