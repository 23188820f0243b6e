//! The last proof of every run, whatever its runbook asks: the server takes a write, answers at a steady pace, and what
//! is on disk would load the same.
use super::run::Run;
use crate::action::ActError;
use crate::aof::manifest;
use serde_json::json;

/// Proves it; the results go to the run's results as `proof`.
pub(super) fn recovered(run: &mut Run<'_>) -> Result<(), ActError> {
    let id = run
        .journal
        .path()
        .parent()
        .and_then(|p| p.file_name())
        .map(|n| n.to_string_lossy().into_owned())
        .unwrap_or_default();
    let probe = run.plan.site.probe;
    let found = run.with_hands(&[], |hands| -> Result<serde_json::Value, ActError> {
        let mut server = hands.connect()?;
        let info = server.info(Some("everything"))?;
        let mut write = None;
        if probe && info.get("role") == Some("master") {
            write = Some(server.write_probe(&format!("redis-dr:probe:{id}"))?.as_secs_f64());
        }
        let latency = server.latency(200)?;
        if info.number("aof_enabled") == Some(1) {
            aof_on_disk(hands)?;
        }
        Ok(json!({
            "write_seconds": write, "ping_median_ms": latency.median.as_secs_f64() * 1000.0,
            "keys": info.keys(), "role": info.get("role"),
        }))
    })?;
    run.results.insert("proof".into(), found);
    Ok(())
}

/// Every file that the manifest lists is there; the single file of older servers is there.
fn aof_on_disk(hands: &crate::action::Hands<'_>) -> Result<(), ActError> {
    let site = hands.site;
    if !site.multi_part {
        if hands.look.exists(&site.aof) {
            return Ok(());
        }
        return Err(ActError::failed(format!("{} is not there", site.aof.display()), "redis-dr assess"));
    }
    let path = site.aof.join(format!("{}.manifest", site.aof_name));
    let listed = manifest::parse(&hands.look.read(&path, 1 << 20)?)
        .map_err(|e| ActError::failed(format!("{}: {e}", path.display()), "redis-dr assess"))?;
    for entry in &listed.entries {
        if !hands.look.exists(&site.aof.join(&entry.name)) {
            let because = format!("{} lists {}, which is not there", path.display(), entry.name);
            return Err(ActError::failed(because, "redis-dr assess"));
        }
    }
    Ok(())
}
