//! What systemd says of the instance's unit.
use super::Seen;
use super::assessor::Assessor;
use super::identity::Whose;
use crate::facts::{Facts, ServiceKind};
use crate::service::{self, SystemdUnit, UnitState};
use std::path::Path;

impl Assessor<'_> {
    /// What systemd says of the unit: the configured one, that of the process, or one whose command names the file.
    pub(super) fn unit_state(&self, whose: Option<&Whose>, file: Option<&Path>) -> Option<(String, UnitState)> {
        if !self.target.local || matches!(self.target.service, ServiceKind::Process | ServiceKind::Command) {
            return None;
        }
        let booted = self.look.exists(Path::new("/run/systemd/system"));
        let name = self.target.unit.clone().or_else(|| whose?.unit(&self.look)).or_else(|| {
            let file = file.filter(|_| booted && whose.is_some_and(Whose::is_down))?;
            service::find_unit(&self.look, file)
        })?;
        let state = SystemdUnit::new(&name).state(&self.look).ok()?;
        Some((name, state))
    }

    /// Puts what systemd says into facts.
    pub(super) fn unit(&self, (name, state): &(String, UnitState), facts: &mut Facts, seen: &mut Seen) {
        facts.instance.service = ServiceKind::Systemd;
        facts.instance.service_name = Some(name.clone());
        facts.process.supervisor = None;
        facts.process.supervisor_unknown = Some(false);
        if facts.instance.user.is_none() {
            facts.instance.user = Some(state.user.clone().unwrap_or_else(|| "root".into()));
        }
        let serves = facts.server.answers == Some(true);
        let ended_by = if serves { String::new() } else { SystemdUnit::new(name).ended_by(&self.look, state) };
        facts.process.restart_loop = Some(state.restart_loop() && !serves);
        facts.process.oom_killed = Some(ended_by == "oom-kill");
        facts.process.stopped_on_purpose = state.stopped_by_hand;
        if facts.process.restart_loop == Some(true) {
            seen.restarts =
                Some(format!("{name}: {} restarts, {} (it ended by {ended_by})", state.restarts, state.sub_state));
        }
        if ended_by == "timeout" {
            seen.start_timeout = state.timeout_start;
        }
    }
}
