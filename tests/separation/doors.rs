//! The doors beside the tables: notifications, functions with the owner's rights, sentences of constraints, names that a session
//! puts before ours.

use crate::office::Office;
use sqlx::{AssertSqlSafe, Connection as _, Executor as _, PgConnection};
use std::time::Duration;
use uuid::Uuid;

/// What the server says to a statement: its code and its sentence.
async fn refusal(role: &mut PgConnection, statement: &str) -> (String, String) {
    let error = role.execute(AssertSqlSafe(statement.to_owned())).await.expect_err(statement);
    let error = error.into_database_error().expect("the server refuses");
    (error.code().unwrap_or_default().into_owned(), error.message().to_owned())
}

#[tokio::test]
async fn an_organisation_is_told_of_its_own_changes_and_of_no_others() {
    let office = Office::open().await;
    let (mine, theirs) =
        (office.store("viewer"), office.db.database.as_role(&office.name_in("other", "viewer")));
    let theirs = signalbox::store::Store::new(&theirs);
    let mut here = mine.listen(office.acme).await.unwrap();
    let mut there = theirs.listen(office.other).await.unwrap();
    assert!(mine.listen(office.other).await.is_err(), "a channel of others has no name here");
    // First one of acme's, then one of the other's: who hears the second first was not told of the first.
    for slug in ["acme", "other"] {
        sqlx::query("update organizations set name = 'renamed', revision = revision + 1 where slug = $1")
            .bind(slug)
            .execute(&office.db.pool)
            .await
            .unwrap();
    }
    let limit = Duration::from_secs(30);
    let heard = tokio::time::timeout(limit, here.next()).await.unwrap().unwrap();
    assert_eq!((heard.table.as_str(), heard.org), ("organizations", office.acme.0));
    let heard = tokio::time::timeout(limit, there.next()).await.unwrap().unwrap();
    assert_eq!((heard.table.as_str(), heard.org), ("organizations", office.other.0));
    // The channel's name is nothing that can be worked out from what others know.
    let name: String = office.db.value("select channel_of(id) from organizations where slug = 'acme'").await;
    assert!(!name.contains(&office.acme.0.to_string()) && name.len() > 40, "{name}");
}

#[tokio::test]
async fn whoever_is_removed_hears_nothing_more_and_everybody_else_goes_on_hearing() {
    use signalbox::store::screen::notices::Change;
    let office = Office::open().await;
    let (gone, stays) = (office.store("manager"), office.store("viewer"));
    let mut ear = gone.listen(office.acme).await.unwrap();
    let old: String = office.db.value("select channel_of(id) from organizations where slug = 'acme'").await;
    let seat = stays.seat(office.acme, None).await.unwrap();
    let mut console = stays.changes(&seat);
    let limit = Duration::from_secs(30);
    let next = async |console: &mut tokio::sync::mpsc::Receiver<Change>| {
        tokio::time::timeout(limit, console.recv()).await.unwrap().unwrap()
    };
    assert!(matches!(next(&mut console).await, Change::Reload(_)));
    let who = signalbox::store::action::Actor::operator("owner");
    assert!(office.db.store.remove_operator(office.acme, &office.name("manager"), None, who).await.unwrap());
    // Whoever stays listens at the new place before anything else is told.
    assert!(matches!(next(&mut console).await, Change::Reload(_)));
    sqlx::query("update organizations set name = 'renamed', revision = revision + 1 where slug = 'acme'")
        .execute(&office.db.pool)
        .await
        .unwrap();
    let change = next(&mut console).await;
    assert!(matches!(&change, Change::Row { table, .. } if table == "organizations"), "{change:?}");
    let last = tokio::time::timeout(limit, ear.next()).await.unwrap().unwrap();
    assert!(last.is_last(), "{last:?}");
    // The next that is heard there is what is told there on purpose: nothing was told in between.
    let marker = format!(
        "select pg_notify('{old}', '{{\"table\": \"marker\", \"org\": \"{0}\", \"id\": \"{0}\", \"revision\": 1}}')",
        office.acme.0
    );
    sqlx::query(AssertSqlSafe(marker)).execute(&office.db.pool).await.unwrap();
    let next = tokio::time::timeout(limit, ear.next()).await.unwrap().unwrap();
    assert_eq!(next.table, "marker");
}

#[tokio::test]
async fn functions_with_the_owners_rights_refuse_another_organisation_as_one_that_is_not_there() {
    let office = Office::open().await;
    let mut manager = office.connect("manager").await;
    let mut viewer = office.connect("viewer").await;
    let claim = |org: Uuid| {
        format!(
            "select * from claim('{org}', '{org}', '{{}}', '{{}}', '{{}}', '{{}}', '{{}}', '{{}}', '{{}}', '{{}}', '{{}}',
                                 '{{}}', '{{}}', '{{}}', '{{}}', '1 minute')"
        )
    };
    let record = |org: Uuid| {
        format!(
            "select * from record_outcomes('{org}', '{{}}', '{{}}', '{{}}', '{{}}', '{{}}', '{{}}', '{{}}', '{{}}', '{{}}',
                                           '{{}}', '{{}}')"
        )
    };
    let message = |org: Uuid| format!("select * from attempts_of_message('{org}', 'wamid.x')");
    let take = |org: Uuid| format!("select * from take_receipts('{org}', 1)");
    let apply = |org: Uuid| format!("select apply_receipts('{org}', '{{}}', '{{}}', '{{}}', '{{}}', '{{}}')");
    let operator =
        |org: Uuid| format!("select add_operator('{org}', 'mallory', 'admin', null, 'mallory', null)");
    let edit = |org: Uuid| format!("select edit_operator('{org}', 'x', 'admin', 'mallory', null, null)");
    let remove = |org: Uuid| format!("select remove_operator('{org}', 'x', 'mallory', null, null)");
    let nowhere = Uuid::from_u128(7);
    for statement in
        [&claim as &dyn Fn(Uuid) -> String, &record, &message, &take, &apply, &operator, &edit, &remove]
    {
        let others = refusal(&mut manager, &statement(office.other.0)).await;
        assert_eq!(others, refusal(&mut manager, &statement(nowhere)).await, "{}", statement(nowhere));
        assert_eq!(others.1, "no such organisation");
        let (code, sentence) = refusal(&mut viewer, &statement(office.acme.0)).await;
        assert_eq!(code, "42501", "{sentence}");
    }
    // Their own they run.
    for statement in [&claim as &dyn Fn(Uuid) -> String, &record, &message, &take, &apply] {
        manager.execute(AssertSqlSafe(statement(office.acme.0))).await.unwrap();
    }
    assert_eq!(refusal(&mut manager, &operator(office.acme.0)).await.0, "42501");
}

#[tokio::test]
async fn a_session_cannot_put_names_of_its_own_before_ours() {
    let office = Office::open().await;
    let mut manager = office.connect("manager").await;
    let role = office.name("manager");
    for statement in [
        "create temporary table operators (organization_id uuid, role_name text, role operator_role)".to_owned(),
        format!("insert into operators select id, '{role}', 'admin' from public.organizations"),
        format!("insert into operators values ('{}', '{role}', 'admin')", office.other.0),
        "create temporary table organizations (id uuid)".to_owned(),
        "create temporary view pg_roles as select oid, rolname, true as rolsuper, true as rolbypassrls from pg_catalog.pg_roles"
            .to_owned(),
        "set search_path = pg_temp, public".to_owned(),
        "set row_security = on".to_owned(),
    ] {
        manager.execute(AssertSqlSafe(statement)).await.unwrap();
    }
    let (owner, seen, led): (bool, i64, bool) = sqlx::query_as(
        "select public.login_is_owner(), (select count(*) from public.organizations),
                public.organizations_of_login('administers') = '{}'",
    )
    .fetch_one(&mut manager)
    .await
    .unwrap();
    assert_eq!((owner, seen, led), (false, 1, true));
    // Policies cannot be switched off, and nobody is anybody else.
    manager.execute("set row_security = off").await.unwrap();
    assert_eq!(refusal(&mut manager, "select count(*) from public.contacts").await.0, "42501");
    let admin = format!("set session authorization {}", office.name("admin"));
    assert_eq!(refusal(&mut manager, &admin).await.0, "42501");
    assert_eq!(refusal(&mut manager, &format!("set role {}", office.name("admin"))).await.0, "42501");
    assert_eq!(refusal(&mut manager, "create table public.mine (id uuid)").await.0, "42501");
}

#[tokio::test]
async fn a_manager_cannot_lead_an_account_elsewhere_nor_sign_as_others() {
    let office = Office::open().await;
    sqlx::query(
        "insert into accounts (organization_id, id, name, provider, sealed_token) values ($1, new_uuid(), 'main', 'meta', 'x')",
    )
    .bind(office.acme.0)
    .execute(&office.db.pool)
    .await
    .unwrap();
    let mut manager = office.connect("manager").await;
    for change in
        ["base_url = 'http://mine'", "sealed_token = 'y'", "external_id = '1'", "sealed_app_secret = 'z'"]
    {
        let (code, sentence) = refusal(&mut manager, &format!("update accounts set {change}")).await;
        assert!(code == "42501" && sentence.contains("only an admin"), "{change}: {code} {sentence}");
    }
    manager
        .execute("update accounts set unreachable_since = now(), unreachable_reason = 'away'")
        .await
        .unwrap();
    let mut admin = office.connect("admin").await;
    admin.execute("update accounts set sealed_token = 'y'").await.unwrap();
    // The slug of another organisation: refused before the constraint that would say that it is taken.
    for slug in ["other", "free"] {
        let (code, sentence) =
            refusal(&mut admin, &format!("update organizations set slug = '{slug}'")).await;
        assert!(code == "42501" && sentence.contains("only the owner"), "{code} {sentence}");
    }
    let subscription = "update organizations set subscription_ends_at = now() + interval '1 year'";
    assert_eq!(refusal(&mut manager, subscription).await.0, "42501");
    admin.execute(subscription).await.unwrap();
    // Whatever name an entry gives, it holds the login.
    let forged = format!(
        "insert into audit_log (organization_id, actor, action, entity, entity_id, entity_name, login)
         values ('{0}', 'ana', 'pause', 'campaign', '{0}', 'x', 'ana')",
        office.acme.0
    );
    assert_eq!(refusal(&mut manager, &forged).await.0, "42501");
    assert_eq!(refusal(&mut manager, "delete from audit_log").await.0, "42501");
}

/// Phones, names and ids that another organisation has are as good as new here, in every sentence.
#[tokio::test]
async fn what_others_have_is_not_told_by_a_constraint() {
    let office = Office::open().await;
    let person = |org: Uuid, id: u128| {
        format!(
            "insert into contacts (organization_id, id, phone) values ('{org}', '{}', '+237655000001')",
            Uuid::from_u128(id)
        )
    };
    sqlx::query(AssertSqlSafe(person(office.other.0, 9))).execute(&office.db.pool).await.unwrap();
    let mut manager = office.connect("manager").await;
    // The same phone and the same id.
    manager.execute(AssertSqlSafe(person(office.acme.0, 9))).await.unwrap();
    // Under the other's name: refused as such, whether the row is there or not.
    let there = refusal(&mut manager, &person(office.other.0, 9)).await;
    assert_eq!(there, refusal(&mut manager, &person(office.other.0, 10)).await);
    assert_eq!(there, refusal(&mut manager, &person(Uuid::from_u128(5), 9)).await);
    // Figures of the planner, and what others run at this moment.
    office.db.pool.execute("analyze contacts").await.unwrap();
    let figures: i64 = sqlx::query_scalar(
        "select count(*) from pg_stats where schemaname = 'public' and tablename = 'contacts'",
    )
    .fetch_one(&mut manager)
    .await
    .unwrap();
    assert_eq!(figures, 0, "most common values of a column");
    let texts: i64 = sqlx::query_scalar(
        "select count(*) from pg_stat_activity where usename <> session_user and query not like '<insufficient privilege>'
            and query <> ''",
    )
    .fetch_one(&mut manager)
    .await
    .unwrap();
    assert_eq!(texts, 0, "texts of others' statements");
    let names: Vec<String> = sqlx::query_scalar(
        "select distinct application_name from pg_stat_activity where datname = current_database() and application_name <> ''",
    )
    .fetch_all(&mut manager)
    .await
    .unwrap();
    assert!(names.iter().all(|name| name.starts_with("signalbox/") && !name.contains("other")), "{names:?}");
    manager.close().await.unwrap();
}

#[tokio::test]
async fn whoever_runs_an_organisation_lets_the_planner_know_of_its_rows() {
    let office = Office::open().await;
    for looks in ["analyze_numbers", "analyze_contacts", "analyze_recipients"] {
        for role in ["manager", "admin"] {
            let mut connection = office.connect(role).await;
            let done = format!("select {looks}('{}')", office.acme.0);
            connection.execute(AssertSqlSafe(done)).await.unwrap();
            let others = format!("select {looks}('{}')", office.other.0);
            assert_eq!(refusal(&mut connection, &others).await.1, "no such organisation", "{looks}");
        }
        let mut viewer = office.connect("viewer").await;
        let asked = format!("select {looks}('{}')", office.acme.0);
        assert_eq!(refusal(&mut viewer, &asked).await.0, "42501", "{looks}");
    }
}
