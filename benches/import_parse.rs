//! How fast CSV is read and cleaned, without a database: rows a second for one, two and as many threads as there are cores.

use chrono::NaiveDate;
use signalbox::import::{Options, Reader};
use std::{
    fmt::Write as _,
    io::{Cursor, Write as _},
    time::{Duration, Instant},
};

const ROWS: usize = 1_000_000;

fn main() -> Result<(), Box<dyn std::error::Error>> {
    let mut out = std::io::stdout().lock();
    for (kind, file) in [("contacts of six columns", contacts()), ("all columns, quoted", wide())] {
        for threads in [1, 2] {
            let size = u64::try_from(file.len())?;
            let (took, rows, rejected) = read(file.clone(), threads)?;
            let a_second = |count: u64| u128::from(count) * 1_000_000 / took.as_micros().max(1);
            let (lines, bytes) = (a_second(rows + rejected), a_second(size) / 1_048_576);
            writeln!(
                out,
                "{kind}, {threads} cleaning: {lines} rows/s, {bytes} MiB/s ({rows} rows, {rejected} rejected, {took:.2?})"
            )?;
        }
    }
    Ok(())
}

fn read(file: Vec<u8>, threads: usize) -> Result<(Duration, u64, u64), Box<dyn std::error::Error>> {
    let options = Options {
        default_country: Some("CM".to_owned()),
        zone: chrono_tz::Africa::Douala,
        today: NaiveDate::from_ymd_opt(2026, 1, 1).ok_or("no such date")?,
        threads,
    };
    let begun = Instant::now();
    let mut reader = Reader::new(Cursor::new(file), &options)?;
    let (mut rows, mut rejected) = (0, 0);
    while let Some(chunk) = reader.next_chunk()? {
        rows += chunk.rows;
        rejected += chunk.rejected.len() as u64;
    }
    Ok((begun.elapsed(), rows, rejected))
}

/// What most files look like; three rows in a hundred are bad.
fn contacts() -> Vec<u8> {
    let mut file = String::from("phone,name,locale,country,customer_tier,tags\n");
    for row in 0..ROWS {
        let plus = if row % 33 == 0 { "x" } else { "+" };
        let _ = writeln!(file, "{plus}2376{row:08},Person {row},fr,CM,premium,vip|2024");
    }
    file.into_bytes()
}

fn wide() -> Vec<u8> {
    let mut file = String::from(
        "phone,name,locale,timezone,country,gender,profession,birth_date,registered_at,consent,referrer_name,tags,city\n",
    );
    for row in 0..ROWS {
        let _ = writeln!(
            file,
            "\"6{row:08}\",\"Person, {row}\",\"fr_CM\",\"Africa/Douala\",\"CM\",\"F\",\"nurse\",\"1990-12-31\",\"2024-05-31T14:30\",\"yes\",\"Bob \"\"B\"\"\",\"vip;new\",\"Douala\""
        );
    }
    file.into_bytes()
}
