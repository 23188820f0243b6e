//! `conf.disable`: lines that the server refuses become comments; then the server program itself says whether it takes
//! what is left.
use super::results::LinesDisabled;
use super::{
    Act, ActError, Change, ChangeKind, ConfDisable, Done, Effects, Hands, RepeatClass, SaveSpec, SaveUse, Site,
    UndoMove,
};
use crate::facts::{Flavour, RefusedLine};
use crate::host::Look;
use crate::redis_conf::edit;
use crate::sandbox::{Answer, PrivateStart};
use crate::vault::Content;
use serde_json::{Value, json};
use std::collections::BTreeMap;
use std::path::{Path, PathBuf};

/// Largest configuration file read, in bytes.
const LARGEST: u64 = 4 << 20;

/// The lines of each file.
fn by_file(site: &Site) -> BTreeMap<PathBuf, Vec<&RefusedLine>> {
    let mut files: BTreeMap<PathBuf, Vec<&RefusedLine>> = BTreeMap::new();
    for line in &site.refused {
        files.entry(PathBuf::from(&line.file)).or_default().push(line);
    }
    files
}

impl Act for ConfDisable {
    fn effects(&self, site: &Site) -> Effects {
        let what = |l: &RefusedLine| format!("{}:{}: `{}` becomes a comment ({})", l.file, l.line, l.text, l.because);
        Effects {
            changes: site.refused.iter().map(|l| Change { what: what(l), kind: ChangeKind::Replace }).collect(),
            saves: by_file(site).into_keys().map(|path| SaveSpec { path, usage: SaveUse::Replaced }).collect(),
            undo: vec![UndoMove::RestoreSaved],
            undo_text: "put the configuration file back".into(),
            class: RepeatClass::Checkable,
            opens: false,
        }
    }

    fn settings(&self, site: &Site) -> Option<Vec<String>> {
        Some(site.refused.iter().filter_map(|l| Some(l.text.split_whitespace().next()?.to_lowercase())).collect())
    }

    fn already_done(&self, hands: &mut Hands<'_>, _: &Value) -> Done {
        match ask(hands) {
            Ok(Answer::Takes) => Done::Yes("the server takes its configuration".into()),
            _ => Done::No,
        }
    }

    fn perform(&self, hands: &mut Hands<'_>) -> Result<Value, ActError> {
        let note = format!(
            "redis-dr {}: {} {} refuses the next line",
            hands.look.now(),
            flavour(hands.site),
            hands.site.version
        );
        for (path, mut lines) in by_file(hands.site) {
            let mut text = hands.look.read(&path, LARGEST)?;
            // From the last line up, since each comment moves what follows it.
            lines.sort_by_key(|line| std::cmp::Reverse(line.line));
            for line in lines {
                let note = format!("{note}: {}", line.because);
                text = edit::comment_out(&text, line.line, &line.text, &note).ok_or_else(|| {
                    let because = format!("{}:{} is not the line that the plan was made for", line.file, line.line);
                    ActError::failed(because, "somebody changed the file since; make a new plan")
                })?;
            }
            hands.replace(&path, Content::Bytes(&text))?;
        }
        match ask(hands).map_err(|e| ActError::failed(e, "look at the server program by hand"))? {
            Answer::Takes => Ok(json!(LinesDisabled { lines: hands.site.refused.len() })),
            Answer::Refuses(because) => Err(ActError::failed(
                format!("the server still refuses its configuration: {because}"),
                "mend that line by hand, then redis-dr recover again",
            )),
        }
    }
}

fn flavour(site: &Site) -> &'static str {
    match site.flavour {
        Flavour::Redis => "redis",
        Flavour::Valkey => "valkey",
        Flavour::Redict => "redict",
    }
}

/// Asks the server program, as the server's user, what it makes of the configuration as it is now.
fn ask(hands: &Hands<'_>) -> Result<Answer, String> {
    private_start(hands.look, hands.site)?.ask(hands.look)
}

fn private_start(look: &Look, site: &Site) -> Result<PrivateStart, String> {
    let beside = || site.config_file.parent().unwrap_or(Path::new("/")).to_path_buf();
    let user = site.run_as.as_deref().filter(|_| look.is_root()).map(|name| look.user(name)).transpose();
    Ok(PrivateStart {
        program: site.binary.clone().ok_or("the server program was not found; set bin_dir in the config")?,
        config_file: site.config_file.clone(),
        args: site.start_args.clone(),
        cwd: site.working_dir.clone().unwrap_or_else(beside),
        user: user.map_err(|e| e.to_string())?,
        launcher: std::env::current_exe().unwrap_or_else(|_| PathBuf::from("/proc/self/exe")),
    })
}
