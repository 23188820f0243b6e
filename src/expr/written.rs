//! A typed tree as source text again; every operation stands in parentheses.
use super::node::{Join, Kind, Node};
use super::value::Value;

impl Node {
    /// Source that parses to the same tree.
    pub fn written(&self) -> String {
        match self.operation() {
            // The outermost parentheses say nothing.
            Some((left, op, right)) => format!("{} {op} {}", left.nested(), right.nested()),
            None => self.nested(),
        }
    }

    fn nested(&self) -> String {
        if let Some((left, op, right)) = self.operation() {
            return format!("({} {op} {})", left.nested(), right.nested());
        }
        match &self.kind {
            Kind::Const(value) => literal(value),
            Kind::Name(name) => name.clone(),
            Kind::Has(name) => format!("has({name})"),
            Kind::List(items) => format!("[{}]", items.iter().map(Node::nested).collect::<Vec<_>>().join(", ")),
            Kind::Not(inner) => format!("!{}", inner.nested()),
            Kind::Neg(inner) => format!("-{}", inner.nested()),
            _ => String::new(),
        }
    }

    fn operation(&self) -> Option<(&Node, &'static str, &Node)> {
        match &self.kind {
            Kind::Join { join, left, right } => Some((left, if *join == Join::And { "&&" } else { "||" }, right)),
            Kind::Compare { op, left, right, .. } | Kind::Arith { op, left, right } => Some((left, op, right)),
            Kind::In { item, list } => Some((item, "in", list)),
            _ => None,
        }
    }
}

fn literal(value: &Value) -> String {
    match value {
        Value::Str(text) => quoted(text),
        Value::Duration(seconds) if *seconds < 0.0 => format!("-{}ms", -seconds * 1000.0),
        Value::Duration(seconds) => format!("{}ms", seconds * 1000.0),
        Value::Size(bytes) => format!("{bytes}B"),
        Value::Time(moment) => format!("time(\"{moment}\")"),
        Value::Float(number) if number.fract() == 0.0 => format!("{number}.0"),
        Value::List(items) => format!("[{}]", items.iter().map(literal).collect::<Vec<_>>().join(", ")),
        other => other.to_string(),
    }
}

fn quoted(text: &str) -> String {
    let mut out = String::from("\"");
    for c in text.chars() {
        match c {
            '"' | '\\' => out.extend(['\\', c]),
            '\n' => out.push_str("\\n"),
            '\t' => out.push_str("\\t"),
            c => out.push(c),
        }
    }
    out.push('"');
    out
}
