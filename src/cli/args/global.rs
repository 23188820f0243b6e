//! Options that every command takes.
use super::Color;
use crate::report::Commands;
use clap::Args;
use std::path::PathBuf;

/// Apart from a command's own options, which are what its help is asked for.
const EVERYWHERE: &str = "Everywhere";

/// Options that every command takes.
#[derive(Debug, Clone, Default, Args)]
pub struct Global {
    /// The configuration file.
    #[arg(short = 'c', long, global = true, value_name = "FILE", help_heading = EVERYWHERE)]
    pub config: Option<PathBuf>,
    /// Where runs, journals and locks are kept.
    #[arg(long, global = true, value_name = "DIR", help_heading = EVERYWHERE)]
    pub state_dir: Option<PathBuf>,
    /// Print one JSON document on standard output, and nothing else there.
    #[arg(long, global = true, help_heading = EVERYWHERE)]
    pub json: bool,
    /// Say less.
    #[arg(short = 'q', long, global = true, help_heading = EVERYWHERE)]
    pub quiet: bool,
    /// Say more; twice for everything.
    #[arg(short = 'v', long, global = true, action = clap::ArgAction::Count, help_heading = EVERYWHERE)]
    pub verbose: u8,
    /// When to use colour.
    #[arg(long, global = true, value_enum, default_value_t = Color::Auto, help_heading = EVERYWHERE, hide_short_help = true)]
    pub color: Color,
    /// The server's port on this host, as for redis-cli.
    #[arg(short = 'p', long, global = true, value_name = "PORT", help_heading = "Connection", hide_short_help = true)]
    pub port: Option<u16>,
    /// The server's unix socket, as for redis-cli.
    #[arg(
        short = 's',
        long,
        global = true,
        value_name = "SOCKET",
        help_heading = "Connection",
        hide_short_help = true
    )]
    pub socket: Option<PathBuf>,
    /// The server's URI, without a password in it.
    #[arg(short = 'u', long, global = true, value_name = "URI", help_heading = "Connection", hide_short_help = true)]
    pub uri: Option<String>,
    /// The user to authenticate as.
    #[arg(long, global = true, value_name = "NAME", help_heading = "Connection", hide_short_help = true)]
    pub user: Option<String>,
    /// The file that holds the password.
    #[arg(long, global = true, value_name = "FILE", help_heading = "Connection", hide_short_help = true)]
    pub password_file: Option<PathBuf>,
    /// Ask for the password on the terminal.
    #[arg(long, global = true, help_heading = "Connection", hide_short_help = true)]
    pub askpass: bool,
    /// Use TLS.
    #[arg(long, global = true, help_heading = "Connection", hide_short_help = true)]
    pub tls: bool,
    /// The certificate authority to trust.
    #[arg(long, global = true, value_name = "FILE", help_heading = "Connection", hide_short_help = true)]
    pub cacert: Option<PathBuf>,
    /// Our certificate.
    #[arg(long, global = true, value_name = "FILE", help_heading = "Connection", hide_short_help = true)]
    pub cert: Option<PathBuf>,
    /// Our certificate's key.
    #[arg(long, global = true, value_name = "FILE", help_heading = "Connection", hide_short_help = true)]
    pub key: Option<PathBuf>,
    /// Refused: a password on the command line can be read by everybody on the host.
    #[arg(short = 'a', long = "pass", global = true, value_name = "PASSWORD", hide = true)]
    pub pass: Option<String>,
}

impl Global {
    /// What makes next commands that carry these options.
    #[must_use]
    pub fn commands(&self) -> Commands {
        Commands::new(self.config.as_deref(), self.state_dir.as_deref())
    }
}
