//! Builds again when a migration comes or goes: the macro that embeds them only notices changes inside known files.

use std::io::Write;

fn main() -> std::io::Result<()> {
    writeln!(std::io::stdout(), "cargo:rerun-if-changed=migrations")
}
