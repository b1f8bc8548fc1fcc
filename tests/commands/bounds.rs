//! Looks that come often read what is due, and pass by what is not: counted by the server itself.

use crate::support::acme::Acme;

/// Reports of messages that other systems sent through our accounts wait for ever.
#[tokio::test]
async fn receipts_that_are_not_due_cost_a_look_nothing() {
    let acme = Acme::new().await;
    sqlx::query(
        "insert into receipts (organization_id, id, account_id, provider_message_id, delivery, look_again_at)
         select $1, new_uuid(), $2, 'wamid.' || n, 'sent', clock_timestamp() + interval '1 hour' from generate_series(1, 3000) n",
    )
    .bind(acme.organization.0)
    .bind(acme.account.0)
    .execute(&acme.db.pool)
    .await
    .unwrap();
    let mut looking = acme.db.pool.begin().await.unwrap();
    let due: i64 = sqlx::query_scalar("select count(*) from take_receipts($1, 100)")
        .bind(acme.organization.0)
        .fetch_one(&mut *looking)
        .await
        .unwrap();
    let read: i64 = sqlx::query_scalar(
        "select pg_stat_get_xact_tuples_returned('receipts_to_apply'::regclass)
              + pg_stat_get_xact_tuples_returned('receipts'::regclass)",
    )
    .fetch_one(&mut *looking)
    .await
    .unwrap();
    assert_eq!((due, read), (0, 0), "due, and receipts that were read");
}

#[tokio::test]
async fn a_request_that_names_itself_reads_none_of_the_day_before_it() {
    let acme = Acme::new().await;
    for statement in [
        "insert into operators (organization_id, role_name, role) select id, 'ana', 'admin' from organizations",
        "insert into api_keys (organization_id, id, name, role_name, digest, made_by)
         select id, id, 'shop', 'ana', sha256('key'), 'ana' from organizations",
        "insert into api_requests (organization_id, key_id, name, fingerprint)
         select organization_id, id, sha256(n::text::bytea), '' from api_keys, generate_series(1, 3000) n",
        "analyze api_requests",
    ] {
        sqlx::query(statement).execute(&acme.db.pool).await.unwrap();
    }
    let mut asking = acme.db.pool.begin().await.unwrap();
    let verdict: String = sqlx::query_scalar(
        "select verdict from begin_api_request($1, $1, 'order 7', 'what it asks', '1 minute')",
    )
    .bind(acme.organization.0)
    .fetch_one(&mut *asking)
    .await
    .unwrap();
    assert_eq!(verdict, "begun");
    let read: i64 = sqlx::query_scalar(
        "select pg_stat_get_xact_tuples_returned('api_requests_by_time'::regclass)
              + pg_stat_get_xact_tuples_returned('api_requests'::regclass)",
    )
    .fetch_one(&mut *asking)
    .await
    .unwrap();
    assert_eq!(read, 0, "requests that were looked at, to forget those that are older than a day");
}
