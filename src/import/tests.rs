use super::*;
use rand::{Rng, SeedableRng, rngs::StdRng};
use std::{
    fmt::Write,
    io::{Cursor, Read},
};

fn options() -> Options {
    Options {
        default_country: Some("CM".to_owned()),
        zone: chrono_tz::Africa::Douala,
        today: NaiveDate::from_ymd_opt(2026, 1, 1).unwrap(),
        threads: 2,
    }
}

/// The whole file in one chunk.
fn import(bytes: &[u8]) -> Result<Chunk, ImportError> {
    import_from(Cursor::new(bytes.to_vec()))
}

fn import_from(input: impl Read + Send + 'static) -> Result<Chunk, ImportError> {
    let mut reader = Reader::new(input, &options())?;
    let mut whole = Chunk::default();
    while let Some(chunk) = reader.next_chunk()? {
        whole.copy.extend(chunk.copy);
        whole.rows += chunk.rows;
        whole.lines += chunk.lines;
        whole.rejected.extend(chunk.rejected);
    }
    assert!(reader.next_chunk().unwrap().is_none());
    Ok(whole)
}

fn rows(chunk: &Chunk) -> Vec<Vec<String>> {
    let text = String::from_utf8(chunk.copy.clone()).unwrap();
    text.lines().map(|row| row.split('\t').map(str::to_owned).collect()).collect()
}

fn causes(chunk: &Chunk) -> Vec<(u64, String)> {
    chunk.rejected.iter().map(|rejected| (rejected.line, rejected.cause.to_string())).collect()
}

fn refusal(bytes: &[u8]) -> String {
    import(bytes).unwrap_err().to_string()
}

#[test]
fn a_full_row_comes_out_in_the_order_of_the_staging_table() {
    let file = "tags,phone,name,locale,timezone,country,gender,profession,birth_date,registered_at,consent,\
                referrer_name,city,customer_tier\n\
                vip|new,+237600000001,Ana,fr_cm,Africa/Douala,,F,nurse,1990-12-31,2024-05-31,yes,Bob,Douala,premium\n";
    let chunk = import(file.as_bytes()).unwrap();
    assert_eq!(causes(&chunk), []);
    let expected = [
        "2",
        "+237600000001",
        "Ana",
        "fr-CM",
        "Africa/Douala",
        "\\N",
        "female",
        "nurse",
        "1990-12-31",
        "2024-05-30T23:00:00Z",
        "t",
        "Bob",
        "{\"vip\",\"new\"}",
        "CM",
        "{\"city\":\"Douala\",\"customer_tier\":\"premium\"}",
    ];
    assert_eq!(rows(&chunk), [expected]);
    assert_eq!(expected.len(), COPY_COLUMNS.len());
}

#[test]
fn absent_and_empty_cells_are_null() {
    let chunk = import(b"phone,name,city\n600000001,,\n").unwrap();
    let expected = [
        "2",
        "+237600000001",
        "\\N",
        "\\N",
        "\\N",
        "\\N",
        "\\N",
        "\\N",
        "\\N",
        "\\N",
        "\\N",
        "\\N",
        "\\N",
        "CM",
        "{}",
    ];
    assert_eq!(rows(&chunk), [expected]);
}

#[test]
fn mark_line_ends_separator_and_column_order_do_not_matter() {
    let plain = import(b"phone,name\n+237600000001,Ana\n+237600000002,Bob\n").unwrap();
    for file in [
        &b"\xef\xbb\xbfphone,name\n+237600000001,Ana\n+237600000002,Bob"[..],
        b"phone,name\r\n+237600000001,Ana\r\n+237600000002,Bob\r\n",
        b"Phone;NAME\n+237600000001;Ana\n+237600000002;Bob\n",
        b"name,phone\nAna,+237600000001\nBob,+237600000002\n",
        b"\"phone\",\"name\"\n\"+237600000001\",\"Ana\"\n\"'+237600000002\", Bob \n",
    ] {
        assert_eq!(import(file).unwrap(), plain, "{}", String::from_utf8_lossy(file));
    }
}

#[test]
fn quotes_protect_separators_line_ends_and_quotes() {
    let chunk =
        import(b"phone,name\n+237600000001,\"Ana, \"\"the\nfirst\"\"\"\n+237600000002,5\" pipe\n").unwrap();
    let names: Vec<_> = rows(&chunk).iter().map(|row| (row[0].clone(), row[2].clone())).collect();
    assert_eq!(names, [("2".into(), "Ana, \"the\\nfirst\"".into()), ("4".into(), "5\" pipe".into())]);
}

#[test]
fn the_apostrophe_of_our_own_export_is_taken_off() {
    let chunk = import(b"phone,name,note\n'+237600000001,'=1+1,'tis\n").unwrap();
    let row = &rows(&chunk)[0];
    assert_eq!(
        (row[1].as_str(), row[2].as_str(), row[14].as_str()),
        ("+237600000001", "=1+1", "{\"note\":\"'tis\"}")
    );
}

#[test]
fn a_wrong_row_is_refused_with_line_and_cause_and_the_others_go_on() {
    let file = "phone,name,birth_date,consent\n\
                +23,a,,\n\
                \n\
                +237600000001,\"two\nlines\",1990-31-12,\n\
                +237600000002,b,,perhaps\n\
                +237600000003,b\n\
                +237600000004,b,,,\n\
                phone,name,birth_date,consent\n\
                ,nobody,,\n\
                +237600000005,\"x\"y,,\n\
                +237600000006,n\0l,,\n\
                +237600000007,fine,,\n";
    let chunk = import(file.as_bytes()).unwrap();
    assert_eq!(
        causes(&chunk),
        [
            (2, "phone has 2 digits; E.164 numbers have 7 to 15".to_owned()),
            (4, "birth_date is \"1990-31-12\"; it must be a date in the past such as 1990-12-31".to_owned()),
            (
                6,
                "consent is \"perhaps\"; it must be yes or no (true, false, 1, 0, opt-in, opt-out)"
                    .to_owned()
            ),
            (7, "has 2 columns; the header has 4".to_owned()),
            (8, "has 5 columns; the header has 4".to_owned()),
            (9, "repeats the header".to_owned()),
            (10, "phone is empty".to_owned()),
            (11, "has text after the closing quote of column 2".to_owned()),
            (12, "holds a NUL byte".to_owned()),
        ]
    );
    assert_eq!((chunk.lines, chunk.rows), (10, 1));
    assert_eq!(rows(&chunk)[0][0], "13");
    assert_eq!(chunk.rejected[1].raw, "+237600000001,\"two\nlines\",1990-31-12,");
}

#[test]
fn an_unreadable_file_is_refused_with_the_place_and_the_way_out() {
    let cases: [(&[u8], &str); 17] = [
        (b"", "the file is empty"),
        (b"\xef\xbb\xbf", "the file is empty"),
        (b"\n\n", "the file is empty"),
        (b"phone,name\n", "the file has a header and no rows"),
        (b"phone,name\n\n\r\n", "the file has a header and no rows"),
        (
            b"phone,name\n+237600000001,Ana\n+237600000002,Jos\xe9\n",
            "line 3 is not UTF-8 (byte 0xe9); convert the file first, for example with: iconv -f latin1",
        ),
        (b"phone,pr\xe9nom\n", "line 1 is not UTF-8"),
        (b"\xff\xfep\0h\0", "line 1: the file is in UTF-16; convert it first with: iconv -f utf-16"),
        (b"p\0h\0o\0n\0e\0\n\0", "line 1: the file is in UTF-16"),
        (b"PK\x03\x04rest", "line 1: the file is a spreadsheet"),
        (b"phone,name\r+237600000001,Ana\r", "line 1: lines end in carriage returns only"),
        (
            b"phone,name\n+237600000001,Ana\n+237600000002,\"Bob\n+237600000003,Cleo\n",
            "line 3: the quote that opens here never closes",
        ),
        (b"phone,\"name\n+237600000001,Ana\n", "line 1: the quote that opens here never closes"),
        (b"name,city\nAna,Douala\n", "line 1: the header has no column called phone; it names name, city"),
        (b"phone,name,Name\n", "line 1: columns 2 and 3 of the header are both called \"Name\""),
        (b"phone,,name\n", "line 1: column 2 of the header has no name"),
        (b"phone\tname\n", "line 1: the header has no column called phone"),
    ];
    for (file, expected) in cases {
        let found = refusal(file);
        assert!(found.starts_with(expected), "{}: {found}", String::from_utf8_lossy(file));
    }
}

#[test]
fn a_header_of_65536_columns_is_refused() {
    let names: Vec<String> = (0..65_536).map(|column| format!("c{column}")).collect();
    let found = refusal(format!("phone,{}\n", names.join(",")).as_bytes());
    assert_eq!(found, "line 1: the header has 65537 columns; 1000 are allowed");
    assert!(refusal(&vec![b'x'; 5 * LONGEST_RECORD]).starts_with("line 1: the header is longer than"));
}

#[test]
fn a_line_that_is_too_long_is_refused_and_the_next_one_is_read() {
    let mut file = b"phone,name\n+237600000001,".to_vec();
    file.extend(std::iter::repeat_n(b'x', 5 * LONGEST_RECORD));
    file.extend(b"\n+237600000002,Bob\n");
    let chunk = import(&file).unwrap();
    assert_eq!((chunk.lines, chunk.rows), (2, 1));
    assert_eq!((chunk.rejected[0].line, &chunk.rejected[0].cause), (2, &Cause::TooLong));
    assert!(chunk.rejected[0].raw.len() < 1000);
    assert_eq!(rows(&chunk)[0][0], "3");
}

#[test]
fn a_quote_that_opens_far_from_the_end_is_named_by_its_line() {
    let mut file = b"phone,name\n+237600000001,Ana\n+237600000002,\"".to_vec();
    for _ in 0..400_000 {
        file.extend(b"+237600000003,Cleo\n");
    }
    assert_eq!(refusal(&file), "line 3: the quote that opens here never closes");
}

#[test]
fn blocks_join_without_a_seam() {
    let mut file = String::from("phone,name,note\n");
    for row in 0..60_000 {
        let written = match row % 4 {
            0 => write!(file, "+2376{row:08},\"a, \"\"b\"\"\nc\",{row}\n"),
            1 => write!(file, "+2376{row:08},plain,{row}\r\n"),
            2 => writeln!(file, "bad{row},x,y"),
            _ => writeln!(file, "\"6{row:08}\",\"\",\"é{row}\""),
        };
        written.unwrap();
    }
    assert!(file.len() > split::BLOCK, "there is a seam");
    let chunk = import(file.as_bytes()).unwrap();
    assert_eq!((chunk.lines, chunk.rows, chunk.rejected.len()), (60_000, 45_000, 15_000));
    let lines: Vec<u64> = rows(&chunk).iter().map(|row| row[0].parse().unwrap()).collect();
    assert!(lines.is_sorted());
    assert_eq!(lines.last(), Some(&(1 + 60_000 + 15_000)));
    // The same bytes in pieces of any size give the same answer.
    assert_eq!(
        import_from(Pieces { bytes: file.into_bytes(), at: 0, random: StdRng::seed_from_u64(1) }).unwrap(),
        chunk
    );
}

/// A stream that gives as much as it likes at a time.
struct Pieces {
    bytes: Vec<u8>,
    at: usize,
    random: StdRng,
}

impl Read for Pieces {
    fn read(&mut self, buffer: &mut [u8]) -> std::io::Result<usize> {
        let count = self.random.random_range(1..50_000).min(buffer.len()).min(self.bytes.len() - self.at);
        buffer[..count].copy_from_slice(&self.bytes[self.at..self.at + count]);
        self.at += count;
        Ok(count)
    }
}

#[test]
fn a_stream_that_fails_is_a_sentence_of_its_own() {
    struct Failing;
    impl Read for Failing {
        fn read(&mut self, _buffer: &mut [u8]) -> std::io::Result<usize> {
            Err(std::io::ErrorKind::UnexpectedEof.into())
        }
    }
    let file = Cursor::new(b"phone\n+237600000001\n".to_vec()).chain(Failing);
    assert!(matches!(import_from(file), Err(ImportError::Read { .. })));
}

#[test]
fn an_unfinished_reader_can_be_dropped() {
    let mut file = b"phone\n".to_vec();
    for _ in 0..2_000_000 {
        file.extend(b"+237600000001\n");
    }
    let mut reader = Reader::new(Cursor::new(file), &options()).unwrap();
    assert!(reader.next_chunk().unwrap().is_some());
    drop(reader);
}

#[test]
fn rubbish_never_panics_and_every_record_is_accounted_for() {
    let mut random = StdRng::seed_from_u64(7);
    let pieces: [&[u8]; 18] = [
        b"phone",
        b",",
        b",",
        b";",
        b"\n",
        b"\n",
        b"\r\n",
        b"\"",
        b"\"\"",
        b"'",
        b"+237600000001",
        b"name",
        b"\0",
        b"\xc3\xa9",
        b"\xe9",
        b"2024-01-01",
        b"\\",
        b"\t",
    ];
    let phones = phone::Phones::new(Some("CM")).unwrap();
    for round in 0..3_000 {
        let mut file = if round % 3 == 0 { Vec::new() } else { b"phone,name,birth_date\n".to_vec() };
        for _ in 0..random.random_range(0..40) {
            if random.random_bool(0.95) {
                let kind = random.random_range(0..pieces.len() - if round % 2 == 0 { 6 } else { 0 });
                file.extend(pieces[kind]);
            } else {
                file.push(random.random());
            }
        }
        let Ok((chunk, records)) = import_here(&file, &phones) else { continue };
        assert_eq!(chunk.rows + chunk.rejected.len() as u64, chunk.lines);
        assert_eq!(chunk.lines, records, "{}", String::from_utf8_lossy(&file));
        let written = String::from_utf8(chunk.copy).unwrap();
        assert_eq!(
            written.split_terminator('\n').count() as u64,
            chunk.rows,
            "{}",
            String::from_utf8_lossy(&file)
        );
        assert!(written.split_terminator('\n').all(|row| row.split('\t').count() == COPY_COLUMNS.len()));
    }
}

/// Imports on this thread, and counts the records by themselves.
fn import_here(file: &[u8], phones: &phone::Phones) -> Result<(Chunk, u64), ImportError> {
    let mut splitter = split::Splitter::new(Cursor::new(file.to_vec()));
    let mark = header::judge_beginning(splitter.peek()?)?;
    splitter.skip(mark);
    let separator = header::separator_of(splitter.peek()?);
    splitter.separate_by(separator);
    let first = splitter.take_header()?.ok_or(ImportError::Empty)?;
    let layout = header::Layout::read(header::judge_header(&first)?, separator)?;
    let mut cleaner = rows::Cleaner::new(layout, phones.clone(), &options());
    let Some(split::Part::Records { bytes, line }) = splitter.next_part()? else {
        return Err(ImportError::HeaderOnly);
    };
    assert_eq!(splitter.next_part()?, None);
    Ok((cleaner.clean(&bytes, line)?, count_records(&bytes, separator)))
}

/// The plainest possible reading: byte by byte, a quote opens at the beginning of a cell and doubles inside.
fn count_records(bytes: &[u8], separator: u8) -> u64 {
    let (mut records, mut quoted, mut begins, mut blank) = (0, false, true, true);
    let mut at = 0;
    while at < bytes.len() {
        let byte = bytes[at];
        if quoted {
            if byte == b'"' && bytes.get(at + 1) == Some(&b'"') {
                at += 1;
            } else if byte == b'"' {
                quoted = false;
            }
        } else if byte == b'"' && begins {
            quoted = true;
        }
        let ends = byte == b'\n' && !quoted;
        blank &= byte.is_ascii_whitespace();
        begins = !quoted && (byte == separator || byte == b'\n');
        at += 1;
        if ends || at == bytes.len() {
            records += u64::from(!blank);
            blank = true;
        }
    }
    records
}
