//! Next commands that can be pasted: they carry the options in force, and the instance where there is more than one.
use std::path::Path;

/// Commands that take an instance.
const OF_AN_INSTANCE: &[&str] = &["assess", "points", "plan", "recover", "hold", "guard", "pause", "verify"];
/// Commands that read a config or a state directory beside those.
const OTHERS: &[&str] = &["apply", "runs", "vault", "runbook", "playbook", "drill", "aof"];

/// What a printed command must carry.
#[derive(Debug, Clone, Default)]
pub struct Commands {
    /// The options in force, with a blank before each; empty where there are none.
    options: String,
}

impl Commands {
    /// With these options of the command line, relative paths made whole: whoever pastes it may be in another directory.
    #[must_use]
    pub fn new(config: Option<&Path>, state_dir: Option<&Path>) -> Self {
        let whole = |path: &Path| quoted(&std::path::absolute(path).unwrap_or_else(|_| path.into()));
        let config = config.map(|c| format!(" -c {}", whole(c)));
        let state_dir = state_dir.map(|s| format!(" --state-dir {}", whole(s)));
        Self { options: [config, state_dir].into_iter().flatten().collect() }
    }

    /// The command of these words.
    #[must_use]
    pub fn command(&self, words: &str) -> String {
        format!("redis-dr {words}{}", self.options)
    }

    /// A hint, each command in it made one that can be pasted. What carries the options already stays as it is.
    #[must_use]
    pub fn carried(&self, hint: &str, instance: Option<&str>) -> String {
        const NAME: &str = "redis-dr ";
        let mut parts = hint.split(NAME);
        let mut out = parts.next().unwrap_or_default().to_string();
        for part in parts {
            out.push_str(NAME);
            let (verb, rest) = part.split_at(part.find(|c: char| !c.is_ascii_lowercase()).unwrap_or(part.len()));
            let known = OF_AN_INSTANCE.contains(&verb) || OTHERS.contains(&verb);
            let carries = !self.options.is_empty() && part.contains(&self.options);
            if !known || carries {
                out.push_str(part);
                continue;
            }
            let next = rest.strip_prefix(' ').and_then(|r| r.split([' ', ',', ';']).next()).unwrap_or_default();
            let named = |name: &&str| next != *name && next != "INSTANCE" && next != "show";
            let instance = instance.filter(|_| OF_AN_INSTANCE.contains(&verb)).filter(named);
            let instance = instance.map(|name| format!(" {name}")).unwrap_or_default();
            // in front, since where a command ends can't be told in a sentence
            let options = self.options.strip_prefix(' ').map(|o| format!("{o} ")).unwrap_or_default();
            out.push_str(&format!("{options}{verb}{instance}{rest}"));
        }
        out
    }
}

fn quoted(path: &Path) -> String {
    let text = path.display().to_string();
    if text.chars().all(|c| c.is_ascii_alphanumeric() || "/._-+:".contains(c)) {
        return text;
    }
    format!("'{}'", text.replace('\'', r"'\''"))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::finding::Id;

    fn commands() -> Commands {
        Commands::new(Some(Path::new("/etc/a b.yaml")), Some(Path::new("/s")))
    }

    #[test]
    fn hints_carry_options_and_instance_once() {
        let all = commands();
        assert_eq!(all.command("runs list"), "redis-dr runs list -c '/etc/a b.yaml' --state-dir /s");
        let told =
            all.carried("redis-dr runs resume, or redis-dr assess shows why; redis-dr plan c-1 -o F", Some("c-1"));
        let o = "redis-dr -c '/etc/a b.yaml' --state-dir /s";
        assert_eq!(told, format!("{o} runs resume, or {o} assess c-1 shows why; {o} plan c-1 -o F"));
        assert_eq!(all.carried(&told, Some("c-1")), told);
        assert_eq!(all.carried(&all.command("hold c-1"), Some("c-1")), all.command("hold c-1"));
        for other in ["run redis-dr there", "this redis-dr reads version 1", "redis-dr explain lists", "redis-dr"] {
            assert_eq!(all.carried(other, Some("c-1")), other);
        }
        assert_eq!(Commands::default().carried("redis-dr recover", None), "redis-dr recover");
    }

    #[test]
    fn so_does_the_hint_of_every_finding() {
        for hint in Id::ALL.iter().map(|id| id.hint()) {
            let told = commands().carried(hint, Some("c-1"));
            let (before, after) = (hint.matches("redis-dr ").count(), told.matches("redis-dr -c ").count());
            let apart = ["redis-dr explain", "redis-dr there", "redis-dr init"];
            let apart: usize = apart.iter().map(|word| hint.matches(word).count()).sum();
            assert_eq!(after, before - apart, "{told}");
        }
    }
}
