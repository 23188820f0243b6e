//! What is said to keep an instance safe besides recovering it: init, hold, guard, pause.
use clap::Args;
use std::path::PathBuf;

/// `pause`.
#[derive(Debug, Args)]
pub struct PauseArgs {
    /// A name of the config, HOST:PORT or unix:PATH.
    pub instance: Option<String>,
    /// How long it lasts; it ends by itself, so that a forgotten one does not switch recovery off for ever.
    #[arg(long = "for", value_name = "DURATION", default_value = "2h")]
    pub duration: String,
    /// Take the mark off.
    #[arg(long, conflicts_with = "duration")]
    pub off: bool,
}

/// `init`.
#[derive(Debug, Args)]
pub struct InitArgs {
    /// Where the config is written; `-` prints it. Never overwrites a file.
    #[arg(short = 'o', long, value_name = "FILE")]
    pub output: Option<PathBuf>,
}

/// `guard`.
#[derive(Debug, Args)]
pub struct GuardArgs {
    /// A name of the config, HOST:PORT or unix:PATH.
    pub instance: Option<String>,
    /// Take what is there now for all there is, also when that is nothing; a hold or an unfinished run still refuses.
    #[arg(long)]
    pub accept: bool,
}

/// `hold`.
#[derive(Debug, Args)]
pub struct HoldArgs {
    /// A name of the config, HOST:PORT or unix:PATH.
    pub instance: Option<String>,
    /// Put everything back as it was.
    #[arg(long)]
    pub release: bool,
}
