//! What the importer writes, `copy` reads as it was meant: every cell arrives in a real table as it stood in the file.

#![cfg(test)]

use signalbox::{
    import::{COPY_COLUMNS, Options, Reader},
    postgres::{
        cluster::{Cluster, Settings},
        connect::{Database, Purpose},
    },
};
use sqlx::{Executor, Row, types::Json};
use std::{collections::BTreeMap, io::Cursor};

#[tokio::test]
async fn hostile_cells_arrive_as_they_were() {
    let hostile = [
        "back\\slash \\N \\t",
        "tab\tin",
        "line\nbreak\r\nagain",
        "{\"json\": [1]}",
        "🙂 é \u{202e}",
        "a\u{1}b",
        "'; drop table t",
    ];
    let mut file = String::from("phone,name,tags,referrer_name,note \"x\"\\\n");
    let cell = |text: &str| format!("\"{}\"", text.replace('"', "\"\""));
    for (row, text) in hostile.iter().enumerate() {
        file +=
            &[format!("+23760000000{row}"), cell(text), cell(&format!("{text}|vip")), cell(text), cell(text)]
                .join(",");
        file.push('\n');
    }
    let options = Options {
        default_country: None,
        zone: chrono_tz::Africa::Douala,
        today: chrono::NaiveDate::from_ymd_opt(2026, 1, 1).unwrap(),
        threads: 1,
    };
    let mut reader = Reader::new(Cursor::new(file), &options).unwrap();

    let cluster = Cluster::throwaway(Settings::for_tests()).await.unwrap();
    let mut connection = Database::on_cluster(&cluster, "postgres").connect(Purpose::Bulk).await.unwrap();
    connection
        .execute(
            "create table staging (line bigint not null, phone text not null, name text, locale text, timezone text,
             country text, gender text, profession text, birth_date date, registered_at timestamptz, consent boolean,
             referrer_name text, tags text[], attributes jsonb not null)",
        )
        .await
        .unwrap();
    let statement = format!("copy staging ({}) from stdin", COPY_COLUMNS.join(", "));
    let mut copy = connection.copy_in_raw(&statement).await.unwrap();
    while let Some(chunk) = reader.next_chunk().unwrap() {
        assert_eq!(chunk.rejected, []);
        copy.send(chunk.copy).await.unwrap();
    }
    assert_eq!(copy.finish().await.unwrap(), 7);

    let rows =
        sqlx::query("select name, tags, referrer_name, attributes, country from staging order by line")
            .fetch_all(&mut connection)
            .await
            .unwrap();
    for (row, text) in rows.iter().zip(hostile) {
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
