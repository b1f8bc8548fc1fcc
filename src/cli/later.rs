//! Commands that a later part brings: known by name, so that nobody takes them for a slip of the finger.

use clap::Args;

/// Takes whatever stands behind the name.
#[derive(Debug, Clone, Args)]
#[command(disable_help_flag = true)]
pub struct Later {
    #[arg(trailing_var_arg = true, allow_hyphen_values = true, hide = true)]
    rest: Vec<String>,
}

impl Later {
    /// What to say about it.
    pub fn sentence(name: &str) -> String {
        format!("`{name}` is not available yet")
    }
}
