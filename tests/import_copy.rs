//! What the importer writes, `copy` reads as it was meant: every cell arrives in a real table as it stood in the file.

#![cfg(test)]

use signalbox::{
    import::{COPY_COLUMNS, Options, Reader},
    postgres::{
        cluster::{Cluster, Settings},
        connect::{Database, Purpose},
    },
};
use sqlx::{Executor, PgConnection, Row, types::Json};
use std::{collections::BTreeMap, io::Cursor};

const HOSTILE: [&str; 7] = [
    "back\\slash \\N \\t",
    "tab\tin",
    "line\nbreak\r\nagain",
    "{\"json\": [1]}",
    "🙂 é \u{202e}",
    "a\u{1}b",
    "'; drop table t",
];

/// A file with each of them in every free column.
fn file() -> String {
    let cell = |text: &str| format!("\"{}\"", text.replace('"', "\"\""));
    let rows = HOSTILE.iter().enumerate().map(|(row, text)| {
        let cells =
            [format!("+23760000000{row}"), cell(text), cell(&format!("{text}|vip")), cell(text), cell(text)];
        cells.join(",") + "\n"
    });
    std::iter::once("phone,name,tags,referrer_name,note \"x\"\\\n".to_owned()).chain(rows).collect()
}

fn reader() -> Reader {
    let options = Options {
        default_country: None,
        zone: chrono_tz::Africa::Douala,
        today: chrono::NaiveDate::from_ymd_opt(2026, 1, 1).unwrap(),
        threads: 1,
    };
    Reader::new(Cursor::new(file()), &options).unwrap()
}

async fn copy_into_staging(connection: &mut PgConnection) -> u64 {
    connection
        .execute(
            "create table staging (line bigint not null, phone text not null, name text, locale text, timezone text,
             country text, gender text, profession text, birth_date date, registered_at timestamptz, consent boolean,
             referrer_name text, tags text[], phone_country text, attributes jsonb not null)",
        )
        .await
        .unwrap();
    let statement = format!("copy staging ({}) from stdin", COPY_COLUMNS.join(", "));
    let mut copy = connection.copy_in_raw(&statement).await.unwrap();
    let mut reader = reader();
    while let Some(chunk) = reader.next_chunk().unwrap() {
        assert_eq!(chunk.rejected, []);
        copy.send(chunk.copy).await.unwrap();
    }
    copy.finish().await.unwrap()
}

#[tokio::test]
async fn hostile_cells_arrive_as_they_were() {
    let cluster = Cluster::throwaway(Settings::for_tests()).await.unwrap();
    let mut connection = Database::on_cluster(&cluster, "postgres").connect(Purpose::Bulk).await.unwrap();
    assert_eq!(copy_into_staging(&mut connection).await, 7);
    let rows =
        sqlx::query("select name, tags, referrer_name, attributes, phone_country from staging order by line")
            .fetch_all(&mut connection)
            .await
            .unwrap();
    for (row, text) in rows.iter().zip(HOSTILE) {
        assert_eq!(row.get::<String, _>(0), text);
        assert_eq!(row.get::<String, _>(2), text);
        let attributes: Json<BTreeMap<String, String>> = row.get(3);
        assert_eq!(attributes.0, BTreeMap::from([("note \"x\"\\".to_owned(), text.to_owned())]));
        assert_eq!(row.get::<String, _>(4), "CM");
        let tags: Vec<String> = row.get(1);
        assert_eq!(tags.last().map(String::as_str), Some("vip"));
        let expected: Vec<&str> =
            text.split([';', '|', ',']).map(str::trim).filter(|tag| !tag.is_empty()).collect();
        assert_eq!(tags[..tags.len() - 1], expected);
    }
}
