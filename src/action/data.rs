//! `data.verify`: the live server against the recovery point.
use super::files::{open_snapshot, point_of};
use super::{Act, ActError, DataVerify, Effects, Hands, Site};
use crate::verify::{self, Expected};
use serde_json::{Value, json};

impl Act for DataVerify {
    fn effects(&self, _: &Site) -> Effects {
        Effects::none()
    }

    fn perform(&self, hands: &mut Hands<'_>) -> Result<Value, ActError> {
        let point = point_of(hands.site, &self.against.0)?.clone();
        let mut server = hands.connect()?;
        let expected = Expected {
            point: &point,
            aof_base: loaded_as_aof(hands),
            now_ms: hands.look.now().as_millisecond(),
            open: false,
        };
        let mut open = || open_snapshot(hands, &point).map_err(|e| e.because);
        let report = verify::against(&mut server, &expected, &mut open, verify::Depth::Sample)?;
        if let Some(bad) = report.checks.iter().find(|c| !c.ok) {
            return Err(ActError::failed(
                format!("{}: {}", bad.name, bad.evidence),
                "the server does not hold what the point holds; choose another point: redis-dr points",
            ));
        }
        Ok(json!({ "checks": report.checks }))
    }
}

/// Is the AOF in effect in the configuration that the server was started with?
fn loaded_as_aof(hands: &Hands<'_>) -> bool {
    super::conf::text(hands).is_ok_and(|t| super::conf::effective(hands, &t).appendonly())
}
