//! The last proof of every run, whatever its runbook asks: the server takes a write, answers at a steady pace, and what
//! is on disk would load the same.
use super::run::Run;
use crate::action::ActError;
use serde_json::json;

/// Proves it; the results go to the run's results as `proof`.
pub(super) fn recovered(run: &mut Run<'_>) -> Result<(), ActError> {
    let id = run.id();
    let probe = run.plan.site.probe;
    let found = run.with_hands(&[], |hands| -> Result<serde_json::Value, ActError> {
        let mut server = hands.connect()?;
        let info = server.info(Some("everything"))?;
        hands.unshare()?;
        // Before our own write: its removal may still be on its way to the disk.
        let on_disk = hands.would_load_the_same(&mut server)?;
        let mut write = None;
        if probe && info.get("role") == Some("master") {
            write = Some(server.write_probe(&format!("redis-dr:probe:{id}"))?.as_secs_f64());
        }
        let latency = server.latency(200)?;
        Ok(json!({
            "write_seconds": write, "ping_median_ms": latency.median.as_secs_f64() * 1000.0,
            "keys": info.keys(), "role": info.get("role"), "on_disk": on_disk.checks,
        }))
    })?;
    run.results.insert("proof".into(), found);
    Ok(())
}
