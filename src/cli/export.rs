//! Many rows out: CSV that no spreadsheet runs, or one JSON array.

use super::{CliError, output::Out};
use crate::domain::{json, sheet::disarmed, text::Safe};
use std::{
    borrow::Cow,
    fs::File,
    io::{self, BufWriter, IsTerminal as _, Write},
    path::Path,
};

/// Longest cell on a terminal, in graphemes.
const SHOWN_LIMIT: usize = 4_000;

/// With `--json`, one document goes to standard output and nothing else does.
pub fn leaves_room(out: &Out, flag: &str, file: Option<&Path>) -> Result<(), CliError> {
    if out.is_json() && file == Some(Path::new("-")) {
        return Err(CliError::Usage(format!(
            "{flag} - and --json would both write to standard output: give {flag} a file"
        )));
    }
    Ok(())
}

/// Where an export goes.
pub struct Export {
    writer: csv::Writer<Box<dyn Write + Send>>,
    rows: u64,
    /// Somebody looks at it: then it is no file that another program reads.
    is_shown: bool,
}

impl Export {
    /// Begins with the header. `-` is standard output; a file that exists is replaced.
    pub fn begin(path: &Path, header: &[&str]) -> Result<Self, CliError> {
        let is_shown = path == Path::new("-") && io::stdout().is_terminal();
        let target: Box<dyn Write + Send> = if path == Path::new("-") {
            Box::new(BufWriter::new(io::stdout()))
        } else {
            let file = File::create(path)
                .map_err(|error| CliError::because(format!("failed to write {}", path.display()), error))?;
            Box::new(BufWriter::new(file))
        };
        let mut writer = csv::WriterBuilder::new().from_writer(target);
        writer.write_record(header).map_err(failed)?;
        Ok(Self { writer, rows: 0, is_shown })
    }

    /// Writes a row.
    pub fn row<'a>(&mut self, cells: impl IntoIterator<Item = &'a str>) -> Result<(), CliError> {
        for cell in cells {
            let cell = if self.is_shown {
                Cow::Owned(Safe::cut(cell, SHOWN_LIMIT).into_string())
            } else {
                Cow::Borrowed(cell)
            };
            self.writer.write_field(disarmed(&cell).as_bytes()).map_err(failed)?;
        }
        self.rows += 1;
        self.writer.write_record(None::<&[u8]>).map_err(failed)
    }

    /// Ends it. Answers how many rows there were.
    pub fn end(mut self) -> Result<u64, CliError> {
        self.writer.flush()?;
        Ok(self.rows)
    }
}

/// A JSON array on standard output that is never whole in memory.
pub struct JsonArray {
    out: BufWriter<io::Stdout>,
    any: bool,
}

impl JsonArray {
    /// Opens it.
    pub fn begin() -> Result<Self, CliError> {
        let mut out = BufWriter::new(io::stdout());
        out.write_all(b"[")?;
        Ok(Self { out, any: false })
    }

    /// Adds an element.
    pub fn push(&mut self, value: &impl serde::Serialize) -> Result<(), CliError> {
        self.out.write_all(if self.any { b",\n" } else { b"\n" })?;
        self.any = true;
        self.out.write_all(json::line(value).map_err(io::Error::from)?.as_bytes())?;
        Ok(())
    }

    /// Closes it.
    pub fn end(mut self) -> Result<(), CliError> {
        self.out.write_all(b"\n]\n")?;
        Ok(self.out.flush()?)
    }
}

fn failed(error: csv::Error) -> CliError {
    match error.into_kind() {
        csv::ErrorKind::Io(error) => error.into(),
        kind => CliError::failed(format!("failed to write a row: {kind:?}")),
    }
}
