//! The first lines of a file: which encoding, which separator, which column means what.

use super::{COPY_COLUMNS, ImportError, MOST_COLUMNS, copy::push_json_string, record};
use memchr::memchr;

/// Which column of the file means what.
#[derive(Debug, Clone)]
pub(super) struct Layout {
    pub(super) separator: u8,
    /// How many columns each row has.
    pub(super) columns: usize,
    /// For each of ours (see [`Known`]) its column in the file.
    known: [Option<usize>; KNOWN.len()],
    /// All other columns, each with its name as a JSON key, written for `copy`, colon included.
    pub(super) attributes: Vec<(usize, Vec<u8>)>,
}

/// The columns that have a meaning. The order is that of [`KNOWN`].
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Known {
    Phone,
    Name,
    Locale,
    TimeZone,
    Country,
    Gender,
    Profession,
    BirthDate,
    RegisteredAt,
    Consent,
    ReferrerName,
    Tags,
}

/// Their names: those of the rows that come out, without the line before them and the attributes after them.
const KNOWN: [&str; 12] = {
    let mut names = [""; 12];
    let mut at = 0;
    while at < names.len() {
        names[at] = COPY_COLUMNS[at + 1];
        at += 1;
    }
    names
};

impl Layout {
    /// Where the file has this column, if it has it.
    pub(super) fn column(&self, known: Known) -> Option<usize> {
        self.known.get(known as usize).copied().flatten()
    }

    /// Reads the header.
    pub(super) fn read(header: &str, separator: u8) -> Result<Self, ImportError> {
        let mut cells = Vec::new();
        record::read(header, 0, separator, &mut cells);
        if cells.len() > MOST_COLUMNS {
            return Err(ImportError::TooManyColumns { found: cells.len() });
        }
        let names: Vec<String> = cells
            .iter()
            .map(|cell| cell.text(header).trim().trim_start_matches('\'').trim().to_owned())
            .collect();
        let mut layout =
            Self { separator, columns: names.len(), known: [None; KNOWN.len()], attributes: Vec::new() };
        for (column, name) in names.iter().enumerate() {
            if name.is_empty() {
                return Err(ImportError::Nameless { column: column + 1 });
            }
            if let Some(first) = names[..column].iter().position(|other| other.eq_ignore_ascii_case(name)) {
                return Err(ImportError::DuplicateColumn {
                    name: name.clone(),
                    first: first + 1,
                    second: column + 1,
                });
            }
            if let Some(known) = KNOWN.iter().position(|known| known.eq_ignore_ascii_case(name)) {
                layout.known[known] = Some(column);
            } else {
                let mut key = Vec::new();
                push_json_string(&mut key, name);
                key.push(b':');
                layout.attributes.push((column, key));
            }
        }
        if layout.column(Known::Phone).is_none() {
            let found = names
                .iter()
                .take(8)
                .map(|name| name.chars().take(40).collect::<String>())
                .collect::<Vec<_>>();
            return Err(ImportError::NoPhone { found: found.join(", ") });
        }
        Ok(layout)
    }
}

/// How many bytes the byte-order mark takes; refuses what is certainly not UTF-8 text.
pub(super) fn judge_beginning(bytes: &[u8]) -> Result<usize, ImportError> {
    match bytes {
        [] | [0xef, 0xbb, 0xbf] => Err(ImportError::Empty),
        [0xef, 0xbb, 0xbf, ..] => Ok(3),
        [0xff, 0xfe, ..] | [0xfe, 0xff, ..] => Err(ImportError::Utf16),
        [b'P', b'K', 3, 4, ..] => Err(ImportError::NotText {
            what: "a spreadsheet or an archive",
            advice: "open it and save it as CSV in UTF-8",
        }),
        [0x1f, 0x8b, ..] => {
            Err(ImportError::NotText { what: "compressed", advice: "unpack it first with: gunzip FILE" })
        }
        _ => Ok(0),
    }
}

/// Refuses a header that no text file has.
pub(super) fn judge_header(header: &[u8]) -> Result<&str, ImportError> {
    if memchr(0, header).is_some() {
        return Err(ImportError::Utf16);
    }
    let text = std::str::from_utf8(header).map_err(|error| ImportError::Encoding {
        line: 1,
        byte: header.get(error.valid_up_to()).copied().unwrap_or_default(),
    })?;
    if text.trim().is_empty() {
        return Err(ImportError::Empty);
    }
    // Inside quotes a carriage return may stand; a whole file without newline has them outside.
    if !text.contains('"') && text.contains('\r') {
        return Err(ImportError::LineEnds);
    }
    Ok(text)
}

/// Comma or semicolon: what the first line has more of, outside quotes.
pub(super) fn separator_of(beginning: &[u8]) -> u8 {
    let mut quoted = false;
    let (mut commas, mut semicolons) = (0, 0);
    for byte in beginning {
        match byte {
            b'"' => quoted = !quoted,
            b',' if !quoted => commas += 1,
            b';' if !quoted => semicolons += 1,
            b'\n' if !quoted => break,
            _ => {}
        }
    }
    if semicolons > commas { b';' } else { b',' }
}
