//! What `--auto` may do. Pure.
use crate::config::Policy;
use crate::facts::{Point, Seconds};
use crate::runbook::Risk;

/// Why `--auto` must leave it to a person.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Refusal {
    /// The limit and what is beyond it.
    pub because: String,
    /// What to do.
    pub hint: String,
}

/// Actions that put other data in the place of what is there, or take the memory of a server away without saving it.
const RESTORES: [&str; 7] =
    ["rdb.place", "aof.seed", "aof.cut", "aof.rebuild_manifest", "files.set_aside", "service.kill", "run"];

/// Does a plan with these actions put its point in the place of newer data, or does it only start the server on the files
/// it has?
#[must_use]
pub fn restores<'a>(mut actions: impl Iterator<Item = &'a str>) -> bool {
    actions.any(|a| RESTORES.contains(&a))
}

/// Holds a way out against the policy: risk, loss, and how often recoveries ran lately. Empty when all is inside.
/// `restores` is false for a plain restart: it loads what any start would load, so no loss is its own.
#[must_use]
pub fn refusals(policy: &Policy, risk: Risk, point: Option<&Point>, restores: bool, recent: u64) -> Vec<Refusal> {
    let mut out = Vec::new();
    let hint = "run it in a terminal, or with --confirm INSTANCE; or widen the policy in the config".to_string();
    if risk > policy.max_risk {
        let because = format!("risk {} is above the policy's max_risk {}", word(risk), word(policy.max_risk));
        out.push(Refusal { because, hint: hint.clone() });
    }
    match point.filter(|_| restores).map(|p| (p.id.clone(), p.worst_loss())) {
        Some((_, Some(loss))) if loss.0 <= policy.max_loss.0.max(0.0) + SLACK.0 => {}
        Some((id, Some(loss))) => {
            let because = format!("restoring {id} loses {loss}, the policy allows {}", policy.max_loss);
            out.push(Refusal { because, hint: hint.clone() });
        }
        Some((id, None)) => {
            let because = format!("nobody can tell how much restoring {id} loses");
            out.push(Refusal { because, hint: hint.clone() });
        }
        None => {}
    }
    if recent >= u64::from(policy.max_recoveries.count) {
        let because = format!(
            "{recent} recoveries within {}, the policy allows {}",
            policy.max_recoveries.within, policy.max_recoveries.count
        );
        out.push(Refusal { because, hint: "find out why it keeps failing: redis-dr runs list".into() });
    }
    out
}

/// Losses are told in milliseconds; a rounding must not refuse.
const SLACK: Seconds = Seconds(0.001);

fn word(risk: Risk) -> &'static str {
    match risk {
        Risk::Low => "low",
        Risk::Medium => "medium",
        Risk::High => "high",
    }
}
