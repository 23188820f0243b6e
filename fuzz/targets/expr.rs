//! An expression, or text with `${…}` in it: typed and evaluated without a panic, and one written anew is the same.
#![no_main]
use std::sync::LazyLock;

use libfuzzer_sys::fuzz_target;
use redis_dr::expr::{self, Bindings, Expr, ExprError, Template, Type, Types};
use redis_dr::{facts, runbook};
use serde_json::{Value as Json, json};

static TYPES: LazyLock<Types> = LazyLock::new(runbook::vocabulary);

/// Nothing observed; all that can be written as it is by default; a few facts that rules ask for.
static SCOPES: LazyLock<[Json; 3]> = LazyLock::new(|| {
    let default = serde_json::to_value(facts::Facts::default()).unwrap_or_default();
    let some = json!({
        "server": {"answers": false, "writable": true, "role": "master", "uptime": 12.5},
        "config": {"state": "valid", "maxmemory": 0, "appendonly": true},
        "points": {"usable": true, "best_loss": 30, "best_kind": "aof-cut"},
        "memory": {"available": i64::MAX, "used": -1}, "findings": {"worst_now": "major", "ids": ["disk.full"]},
    });
    [json!({}), default, some]
});

fuzz_target!(|bytes: &[u8]| {
    let Ok(source) = std::str::from_utf8(bytes) else { return };
    for wanted in [None, Some(&Type::Bool), Some(&Type::Duration)] {
        match expr::check(source, &TYPES, wanted) {
            Ok(expr) => sound(&expr),
            Err(errors) => placed(source, &errors),
        }
    }
    match Template::check(source, &TYPES, None) {
        Ok(template) => {
            let _ = (template.names(), template.ty(), template.alone());
            for scope in SCOPES.iter() {
                let _ = (template.render(scope), template.show(scope), template.settled(scope, "steps"));
            }
        }
        Err(errors) => placed(source, &errors),
    }
});

/// An error lies in the text, on whole characters.
fn placed(source: &str, errors: &[ExprError]) {
    assert!(!errors.is_empty());
    for error in errors {
        assert!(source.get(error.offset..error.offset + error.len).is_some(), "{error:?}");
    }
}

fn sound(expr: &Expr) {
    for scope in SCOPES.iter() {
        let value = expr.eval(scope);
        assert_eq!(value, expr.eval(scope));
        if let Some(constant) = expr.constant() {
            assert_eq!(value, constant);
        }
        let _ = (expr.truth(scope), expr.explain(scope), value.to_string(), value.to_json());
    }
    if *expr.ty() == Type::Bool {
        assert!(expr.covered_by(&[expr]));
    }
    written(expr);
}

/// The names of an expression replaced, as for an included runbook: its new source is stored as text and read again.
fn written(expr: &Expr) {
    let Ok(other) = expr::check("!!server.answers", &TYPES, Some(&Type::Bool)) else { return };
    let bound = expr.bind(&Bindings::default().with("server.answers", &other));
    // Written anew an expression has more parentheses, and may be longer than one may be.
    if bound.source() == expr.source() || bound.source().len() > 2000 {
        return;
    }
    match expr::check(bound.source(), &TYPES, None) {
        Ok(again) => assert_eq!(again, bound),
        Err(errors) => panic!("{} became {}: {errors:?}", expr.source(), bound.source()),
    }
}
