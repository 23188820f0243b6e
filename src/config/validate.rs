//! What a schema cannot say: each rule finds its nodes, and points at them. Nodes of the wrong type are the schema's business.
use super::{Address, VERSION};
use crate::yaml::{Diag, Key, Node, Value};

/// The tree without what this version does not serve, and an error for each such thing. Taken out before the schema is
/// asked, which would only call it unknown.
pub(super) fn unserved(node: &Node) -> (Node, Vec<Diag>) {
    let (mut served, mut diags) = (node.clone(), Vec::new());
    let Value::Map(top) = &mut served.value else {
        return (served, diags);
    };
    for (key, section) in top {
        let Value::Map(entries) = &mut section.value else {
            continue;
        };
        match key.text.as_str() {
            "stores" => entries.retain(|(name, store)| keep_store(name, store, &mut diags)),
            "instances" => {
                for (_, instance) in entries {
                    without_unserved(instance, &mut diags);
                }
            }
            _ => {}
        }
    }
    (served, diags)
}

fn keep_store(name: &Key, store: &Node, diags: &mut Vec<Diag>) -> bool {
    let other = ["s3", "ssh"].iter().find_map(|kind| store.entry(kind));
    let Some((key, _)) = other else { return true };
    diags.push(Diag::at(
        key.span,
        format!("store `{}`: this version does not serve `{}` stores", name.text, key.text),
        Some("name a directory, local or mounted: { dir: /backup/redis }".into()),
    ));
    false
}

fn without_unserved(instance: &mut Node, diags: &mut Vec<Diag>) {
    let Value::Map(entries) = &mut instance.value else {
        return;
    };
    entries.retain_mut(|(key, value)| {
        let (message, hint) = match key.text.as_str() {
            "host" => (
                "this version serves only servers on this machine; `host` is not served".to_owned(),
                "run redis-dr on the host of the server",
            ),
            "password" | "requirepass" | "pass" => never_a_password(),
            "auth" => return keep_auth(key, value, diags),
            "service" => match value.entry("docker") {
                Some((docker, _)) => {
                    diags.push(Diag::at(
                        docker.span,
                        "this version does not serve `docker` services",
                        Some(
                            "use { command: {start: [..], stop: [..], status: [..]} } with docker's own commands"
                                .into(),
                        ),
                    ));
                    return false;
                }
                None => return true,
            },
            _ => return true,
        };
        diags.push(Diag::at(key.span, message, Some(hint.into())));
        false
    });
}

fn never_a_password() -> (String, &'static str) {
    (
        "a password is never written in the configuration".to_owned(),
        "put it in a file of mode 0600 and name it: auth: { password_file: /etc/redis-dr/NAME.pass }",
    )
}

/// `auth` with the password taken out, or gone altogether where it is one: no message may repeat it.
fn keep_auth(key: &Key, auth: &mut Node, diags: &mut Vec<Diag>) -> bool {
    let (message, hint) = never_a_password();
    match &mut auth.value {
        Value::Map(entries) => {
            entries.retain(|(inner, _)| {
                let literal = ["password", "requirepass", "pass"].contains(&inner.text.as_str());
                if literal {
                    diags.push(Diag::at(inner.span, message.clone(), Some(hint.into())));
                }
                !literal
            });
            true
        }
        Value::Null => true,
        _ => {
            diags.push(Diag::at(key.span, message, Some(hint.into())));
            false
        }
    }
}

/// Every rule over the whole tree.
pub(super) fn rules(node: &Node) -> Vec<Diag> {
    let mut found = Found::default();
    found.no_controls(node);
    if let Some(version) = node.get("version")
        && let Value::Int(number) = version.value
        && number != i64::from(VERSION)
    {
        let message = format!("version {number} is not one this program reads");
        found.say(version, message, Some(format!("write version: {VERSION}")));
    }
    found.path(node, "state_dir");
    for list in ["runbooks", "playbooks"] {
        for item in node.get(list).map(Node::items).unwrap_or_default() {
            found.absolute(list, item);
        }
    }
    let stores = node.get("stores").map(Node::entries).unwrap_or_default();
    for (key, store) in stores {
        found.name("store", key);
        found.path(store, "dir");
    }
    let names: Vec<&str> = stores.iter().map(|(k, _)| k.text.as_str()).collect();
    for (key, instance) in node.get("instances").map(Node::entries).unwrap_or_default() {
        found.name("instance", key);
        found.instance(instance, &names);
    }
    found.0
}

#[derive(Default)]
struct Found(Vec<Diag>);

impl Found {
    fn say(&mut self, node: &Node, message: impl Into<String>, hint: Option<String>) {
        self.0.push(Diag::at(node.span, message, hint));
    }

    /// Control characters would reach paths, commands and the terminal.
    fn no_controls(&mut self, node: &Node) {
        if node.as_str().is_some_and(|t| t.contains(char::is_control)) {
            self.say(node, "a control character or line break is not allowed here", None);
        }
        for item in node.items() {
            self.no_controls(item);
        }
        for (_, value) in node.entries() {
            self.no_controls(value);
        }
    }

    /// Names are parts of paths and of commands to paste.
    fn name(&mut self, what: &str, key: &Key) {
        let name = key.text.as_str();
        let plain = |c: char| c.is_ascii_alphanumeric() || "._-".contains(c);
        if !name.chars().all(plain) || name.starts_with(['-', '.']) || name.len() > 100 {
            self.0.push(Diag::at(
                key.span,
                format!("the {what} name may have letters, digits, `.`, `_` and `-` only, and begins with neither `.` nor `-`"),
                None,
            ));
        }
    }

    fn path(&mut self, map: &Node, key: &str) {
        if let Some(node) = map.get(key) {
            self.absolute(key, node);
        }
    }

    fn absolute(&mut self, key: &str, node: &Node) {
        let Some(text) = node.as_str().filter(|t| !t.starts_with('/')) else {
            return;
        };
        let hint =
            text.starts_with(['~', '$']).then(|| "`~` and variables are not expanded; write the path out".to_owned());
        self.say(node, format!("`{key}` must be an absolute path"), hint);
    }

    fn instance(&mut self, node: &Node, stores: &[&str]) {
        for key in ["config_file", "bin_dir", "vault_dir", "data_checks"] {
            self.path(node, key);
        }
        if let Some(address) = node.get("address") {
            self.address(address);
        }
        if let Some(tls) = node.get("tls") {
            self.tls(tls);
        }
        if let Some(auth) = node.get("auth") {
            self.auth(auth);
        }
        if let Some(service) = node.get("service") {
            self.service(service);
        }
        if let Some(user) = node.get("run_as") {
            self.user(user);
        }
        for item in node.get("stores").map(Node::items).unwrap_or_default() {
            self.store(item, stores);
        }
        if let Some(topology) = node.get("topology") {
            for list in ["replicas", "sentinels"] {
                for item in topology.get(list).map(Node::items).unwrap_or_default() {
                    self.address(item);
                }
            }
        }
        for (_, hook) in node.get("hooks").map(Node::entries).unwrap_or_default() {
            if let Some(run) = hook.get("run") {
                self.argv("run", run);
            }
        }
    }

    fn address(&mut self, node: &Node) {
        if let Some(Err(error)) = node.as_str().map(str::parse::<Address>) {
            self.say(node, format!("`address`: {error}"), error.hint());
        }
    }

    fn tls(&mut self, node: &Node) {
        for key in ["ca", "cert", "key"] {
            self.path(node, key);
        }
        for (one, other) in [("cert", "key"), ("key", "cert")] {
            if let (Some((key, _)), None) = (node.entry(one), node.get(other)) {
                let message = format!("`{one}` needs `{other}` beside it");
                self.0.push(Diag::at(key.span, message, None));
            }
        }
    }

    fn auth(&mut self, node: &Node) {
        self.path(node, "password_file");
        let literal = ["password", "requirepass", "pass"];
        let (file, env) = (node.get("password_file"), node.entry("password_env"));
        let none = file.is_none() && env.is_none() && matches!(node.value, Value::Map(_));
        if let (Some(_), Some((key, _))) = (file, env) {
            self.0.push(Diag::at(
                key.span,
                "`password_file` and `password_env` together",
                Some("keep one of them".into()),
            ));
        } else if none && literal.iter().all(|key| node.get(key).is_none()) {
            let message = "`auth` needs `password_file` or `password_env`";
            self.say(node, message, None);
        }
        if let Some((key, value)) = env
            && let Some(name) = value.as_str()
        {
            let plain = |c: char| c.is_ascii_alphanumeric() || c == '_';
            if name.is_empty() || !name.chars().all(plain) || name.starts_with(|c: char| c.is_ascii_digit()) {
                self.0.push(Diag::at(
                    key.span,
                    "`password_env` must be the name of an environment variable",
                    Some("the variable's name goes here, not the password".into()),
                ));
            }
        }
    }

    fn service(&mut self, node: &Node) {
        if let Some(unit) = node.get("systemd") {
            self.unit(unit);
        }
        for (key, argv) in node.get("command").map(Node::entries).unwrap_or_default() {
            self.argv(&key.text, argv);
        }
    }

    fn unit(&mut self, node: &Node) {
        let Some(unit) = node.as_str() else { return };
        let plain = |c: char| c.is_ascii_alphanumeric() || "@:_.-\\".contains(c);
        if !unit.chars().all(plain) || unit.starts_with('-') {
            self.say(node, "`systemd` must be the name of a unit", None);
        } else if !unit.ends_with(".service") {
            let hint = format!("write {}.service", unit.split('.').next().unwrap_or(unit));
            self.say(node, "the unit must end in `.service`", Some(hint));
        }
    }

    fn argv(&mut self, key: &str, node: &Node) {
        let Value::Seq(items) = &node.value else {
            return;
        };
        match items.first().map(Node::as_str) {
            None | Some(Some("")) => self.say(node, format!("`{key}` names no program"), None),
            Some(Some(program)) if program.contains('/') && !program.starts_with('/') => {
                self.say(node, format!("`{key}`: the program must be an absolute path or a bare name"), None);
            }
            Some(Some(program)) if program.contains(' ') && items.len() == 1 => self.say(
                node,
                format!("`{key}` is a list of arguments, not a shell line"),
                Some("write each argument as its own item: [program, argument, ..]".into()),
            ),
            _ => {}
        }
    }

    fn user(&mut self, node: &Node) {
        let plain = |c: char| c.is_ascii_alphanumeric() || "_.-$@".contains(c);
        let odd = |t: &str| t.is_empty() || t.starts_with('-') || !t.chars().all(plain);
        if node.as_str().is_some_and(odd) {
            self.say(node, "`run_as` must be the name of a user", None);
        }
    }

    fn store(&mut self, node: &Node, stores: &[&str]) {
        let Some(name) = node.as_str().filter(|n| !stores.contains(n)) else {
            return;
        };
        let hint = match crate::yaml::nearest(name, stores.iter().copied()) {
            Some(near) => format!("did you mean `{near}`?"),
            None if stores.is_empty() => "define it under `stores:` at the top".to_owned(),
            None => format!("there are: {}", stores.join(", ")),
        };
        self.say(node, "no such store", Some(hint));
    }
}
