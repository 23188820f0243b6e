//! The runbooks and playbooks are compiled in: a new file among them is a reason to build again.

fn main() {
    for path in ["build.rs", "runbooks", "playbooks"] {
        println!("cargo:rerun-if-changed={path}");
    }
}
