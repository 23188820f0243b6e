//! Tokens to a tree, without types yet.
use super::ExprError;
use super::lex::{Span, Token, tokens};
use super::value::Value;

/// Bounds what a hostile file can cost: the tree is walked recursively.
const MAX_BYTES: usize = 4096;
const MAX_NODES: usize = 400;
const MAX_DEPTH: usize = 48;

/// A parsed expression whose names and types are not yet known to be right.
#[derive(Debug, Clone, PartialEq)]
pub struct Ast {
    pub(crate) span: Span,
    pub(crate) kind: AstKind,
}

#[derive(Debug, Clone, PartialEq)]
pub(crate) enum AstKind {
    Const(Value),
    Name(String),
    Has(Box<Ast>),
    List(Vec<Ast>),
    Not(Box<Ast>),
    Neg(Box<Ast>),
    Binary { op: &'static str, op_span: Span, left: Box<Ast>, right: Box<Ast> },
}

/// Parses one expression.
///
/// # Errors
/// The first place that can't be read, with what would be right there where that is known.
pub fn parse(src: &str) -> Result<Ast, ExprError> {
    if src.len() > MAX_BYTES {
        let span = Span { start: 0, end: src.len() };
        return Err(ExprError::at(span, format!("an expression has at most {MAX_BYTES} bytes"))
            .hint("split it into several gates or rules"));
    }
    let mut parser = Parser { tokens: tokens(src)?, at: 0, nodes: 0, depth: 0 };
    let ast = parser.binary(0)?;
    match parser.peek() {
        (Token::End, _) => Ok(ast),
        (token, span) => Err(unexpected_after(&token, span)),
    }
}

/// Loosest first. Comparisons do not chain.
const LEVELS: [&[&str]; 5] = [&["||"], &["&&"], &["==", "!=", "<", "<=", ">", ">=", "in"], &["+", "-"], &["*", "/"]];
const COMPARISONS: usize = 2;

struct Parser {
    tokens: Vec<(Token, Span)>,
    at: usize,
    nodes: usize,
    depth: usize,
}

impl Parser {
    fn peek(&self) -> (Token, Span) {
        let last = self.tokens.last().cloned().unwrap_or((Token::End, Span { start: 0, end: 0 }));
        self.tokens.get(self.at).cloned().unwrap_or(last)
    }

    fn next(&mut self) -> (Token, Span) {
        let token = self.peek();
        self.at += 1;
        token
    }

    fn node(&mut self, span: Span, kind: AstKind) -> Result<Ast, ExprError> {
        self.nodes += 1;
        if self.nodes > MAX_NODES {
            return Err(ExprError::at(span, format!("an expression has at most {MAX_NODES} parts"))
                .hint("split it into several gates or rules"));
        }
        Ok(Ast { span, kind })
    }

    fn operator(&self, level: usize) -> Option<(&'static str, Span)> {
        let (token, span) = self.peek();
        let ops = LEVELS.get(level)?;
        let found = match token {
            Token::Op(o) => ops.iter().find(|op| **op == o),
            Token::Name(n) => ops.iter().find(|op| **op == "in" && n == "in"),
            _ => None,
        };
        found.map(|op| (*op, span))
    }

    fn binary(&mut self, level: usize) -> Result<Ast, ExprError> {
        if level == LEVELS.len() {
            return self.unary();
        }
        let mut left = self.binary(level + 1)?;
        let mut first = true;
        while let Some((op, op_span)) = self.operator(level) {
            if level == COMPARISONS && !first {
                return Err(ExprError::at(op_span, "comparisons do not chain").hint("write `a < b && b < c`"));
            }
            first = false;
            self.at += 1;
            let right = self.binary(level + 1)?;
            let span = left.span.to(right.span);
            let kind = AstKind::Binary { op, op_span, left: Box::new(left), right: Box::new(right) };
            left = self.node(span, kind)?;
        }
        Ok(left)
    }

    fn deeper(&mut self, span: Span) -> Result<(), ExprError> {
        self.depth += 1;
        if self.depth > MAX_DEPTH {
            return Err(ExprError::at(span, format!("nested more than {MAX_DEPTH} levels deep")));
        }
        Ok(())
    }

    fn unary(&mut self) -> Result<Ast, ExprError> {
        let (token, span) = self.next();
        self.deeper(span)?;
        let ast = match token {
            Token::Op(op @ ("!" | "-")) => {
                let inner = self.unary()?;
                let whole = span.to(inner.span);
                let inner = Box::new(inner);
                self.node(whole, if op == "!" { AstKind::Not(inner) } else { AstKind::Neg(inner) })
            }
            Token::Op("(") => {
                let mut inner = self.binary(0)?;
                inner.span = span.to(self.expect(")", span)?);
                Ok(inner)
            }
            Token::Op("[") => self.list(span),
            Token::Name(name) => self.name(name, span),
            Token::Str(s) => self.node(span, AstKind::Const(Value::Str(s))),
            Token::Int(i) => self.node(span, AstKind::Const(Value::Int(i))),
            Token::Float(f) => self.node(span, AstKind::Const(Value::Float(f))),
            Token::Duration(d) => self.node(span, AstKind::Const(Value::Duration(d))),
            Token::Size(s) => self.node(span, AstKind::Const(Value::Size(s))),
            other => Err(ExprError::at(span, format!("a value is missing before {}", other.describe()))),
        }?;
        self.depth -= 1;
        Ok(ast)
    }

    fn expect(&mut self, op: &'static str, open: Span) -> Result<Span, ExprError> {
        match self.next() {
            (Token::Op(o), span) if o == op => Ok(span),
            (Token::End, _) => Err(ExprError::at(open, format!("`{op}` is missing to close this"))),
            (token, span) => Err(unexpected_after(&token, span).hint(format!("`{op}` or an operator was expected"))),
        }
    }

    fn list(&mut self, open: Span) -> Result<Ast, ExprError> {
        let mut items = Vec::new();
        loop {
            if let (Token::Op("]"), end) = self.peek() {
                self.at += 1;
                return self.node(open.to(end), AstKind::List(items));
            }
            items.push(self.binary(0)?);
            if let (Token::Op(","), _) = self.peek() {
                self.at += 1;
                continue;
            }
            let end = self.expect("]", open)?;
            return self.node(open.to(end), AstKind::List(items));
        }
    }

    fn name(&mut self, name: String, span: Span) -> Result<Ast, ExprError> {
        match name.as_str() {
            "true" => return self.node(span, AstKind::Const(Value::Bool(true))),
            "false" => return self.node(span, AstKind::Const(Value::Bool(false))),
            "null" => {
                return Err(ExprError::at(span, "expressions have no `null`")
                    .hint("`has(name)` asks whether it was observed; absence is a word, such as \"missing\""));
            }
            "and" | "or" | "not" | "in" => {
                let right = match name.as_str() {
                    "and" => "and is `&&`",
                    "or" => "or is `||`",
                    "not" => "not is `!`",
                    _ => "`in` stands between a value and a list",
                };
                return Err(ExprError::at(span, format!("a value is missing before `{name}`")).hint(right));
            }
            _ => {}
        }
        let (Token::Op("("), open) = self.peek() else {
            return self.node(span, AstKind::Name(name));
        };
        self.at += 1;
        let argument = self.binary(0)?;
        let whole = span.to(self.expect(")", open)?);
        match name.as_str() {
            "has" => self.node(whole, AstKind::Has(Box::new(argument))),
            "time" => self.moment(whole, &argument),
            _ => Err(ExprError::at(span, format!("there is no function `{name}`"))
                .hint("the functions are has(name) and time(\"2026-11-21T03:12:44Z\")")),
        }
    }

    fn moment(&mut self, whole: Span, argument: &Ast) -> Result<Ast, ExprError> {
        let hint = "such as time(\"2026-11-21T03:12:44Z\")";
        let AstKind::Const(Value::Str(text)) = &argument.kind else {
            return Err(ExprError::at(argument.span, "time() takes one quoted moment").hint(hint));
        };
        match text.parse::<jiff::Timestamp>() {
            Ok(t) => self.node(whole, AstKind::Const(Value::Time(t))),
            Err(_) => Err(ExprError::at(argument.span, format!("{text:?} is not a moment of RFC 3339")).hint(hint)),
        }
    }
}

fn unexpected_after(token: &Token, span: Span) -> ExprError {
    let error = ExprError::at(span, format!("{} was not expected here", token.describe()));
    match token {
        Token::Name(n) if n == "and" => error.hint("and is `&&`"),
        Token::Name(n) if n == "or" => error.hint("or is `||`"),
        Token::Name(_) | Token::Str(_) | Token::Int(_) => error.hint("an operator is missing before it"),
        _ => error,
    }
}
