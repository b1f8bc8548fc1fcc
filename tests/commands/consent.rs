//! What people say of messages counts at once, while an import holds their contacts too.

use crate::support::acme::{Acme, phone};
use signalbox::{
    domain::{
        consent::Consent::{self, Start, Stop},
        ids::ReceiptId,
        phone::Phone,
    },
    store::receipt::NewInbound,
};

impl Acme {
    /// As if these people had written at one moment, through the first number.
    async fn hear_at_once(&self, said: &[(usize, Consent)]) {
        let heard: Vec<_> = said
            .iter()
            .map(|(nth, word)| NewInbound {
                account: self.account,
                sender_id: Some("0".to_owned()),
                sender_phone: None,
                phone: Some(phone(*nth)),
                from_id: None,
                profile: None,
                message: ReceiptId::new().0.to_string(),
                kind: "text".to_owned(),
                body: word.name().to_owned(),
                consent: Some(*word),
                answers: None,
                at: None,
                thread: None,
                handled: false,
            })
            .collect();
        self.db.store.hear(self.organization, &heard).await.unwrap();
    }

    /// An import that has given these people another name and has not committed yet.
    async fn importing(&self, people: &[usize], name: &str) -> sqlx::Transaction<'static, sqlx::Postgres> {
        let mut import = self.db.pool.begin().await.unwrap();
        // The connection may be one that has imported before.
        for statement in ["drop table if exists pg_temp.contact_staging", "select stage_contacts()"] {
            sqlx::query(statement).execute(&mut *import).await.unwrap();
        }
        let phones: Vec<_> = people.iter().map(|nth| phone(*nth).reveal().to_owned()).collect();
        sqlx::query(
            "insert into contact_staging (line, phone, name, consent, attributes)
             select nth, phone, $2, true, '{}' from unnest($1::text[]) with ordinality as p (phone, nth)",
        )
        .bind(&phones)
        .bind(name)
        .execute(&mut *import)
        .await
        .unwrap();
        let changed: i64 =
            sqlx::query_scalar("select p_updated from merge_contacts($1, 'people.csv', 'ana', $2, 0, now())")
                .bind(self.organization.0)
                .bind(i64::try_from(people.len()).unwrap())
                .fetch_one(&mut *import)
                .await
                .unwrap();
        assert_eq!(changed, i64::try_from(people.len()).unwrap());
        import
    }

    /// What a contact says of consent, and how it is known.
    async fn consent_of(&self, person: &Phone) -> (Option<bool>, Option<String>) {
        sqlx::query_as("select consent, consent_method from contacts where phone = $1::text")
            .bind(person.reveal())
            .fetch_one(&self.db.pool)
            .await
            .unwrap()
    }

    async fn notes(&self) -> i64 {
        self.db.value("select count(*) from consents_to_settle").await
    }
}

fn says(consent: bool, method: &str) -> (Option<bool>, Option<String>) {
    (Some(consent), Some(method.to_owned()))
}

#[tokio::test]
async fn a_stop_is_heard_while_an_import_holds_the_contact() {
    let acme = Acme::new().await;
    acme.contacts(3).await;
    let campaign = acme.running().await;
    let import = acme.importing(&[0], "Bea").await;
    acme.hear_at_once(&[(1, Stop), (0, Stop)]).await;
    let claimed = acme.claim(0, campaign, 5).await.messages;
    assert_eq!(claimed.iter().map(|message| message.phone.clone()).collect::<Vec<_>>(), [phone(2)]);
    assert_eq!(acme.states(campaign).await, ["skipped", "skipped", "sending"]);
    assert_eq!(acme.consent_of(&phone(1)).await, says(false, "reply"), "whom nobody holds is told at once");
    let (store, organization) = (&acme.db.store, acme.organization);
    assert_eq!(store.settle_consents(organization, 100).await.unwrap(), 0, "it is still held");
    assert_eq!(acme.notes().await, 1);
    import.commit().await.unwrap();
    assert_eq!(acme.consent_of(&phone(0)).await, says(true, "import"), "as the file says");
    assert_eq!(store.settle_consents(organization, 100).await.unwrap(), 1);
    assert_eq!(
        acme.consent_of(&phone(0)).await,
        says(false, "reply"),
        "what the person says is above the file"
    );
    assert_eq!(acme.notes().await, 0);
    let name: String = acme.db.value("select name from contacts order by phone limit 1").await;
    assert_eq!(name, "Bea", "nothing of the import is lost");
    acme.db.assert_invariants().await;
}

#[tokio::test]
async fn the_last_word_counts_in_whatever_order_contacts_are_told() {
    let acme = Acme::new().await;
    acme.contacts(2).await;
    let (store, organization) = (&acme.db.store, acme.organization);
    let settle = async || store.settle_consents(organization, 100).await.unwrap();
    // One says STOP, the other STOP and START, all while an import holds them.
    let import = acme.importing(&[0, 1], "Bea").await;
    acme.hear_at_once(&[(0, Stop), (1, Stop)]).await;
    acme.hear_at_once(&[(1, Start)]).await;
    import.commit().await.unwrap();
    // START comes behind the import and before the note of the STOP is looked at.
    acme.hear_at_once(&[(0, Start)]).await;
    assert_eq!(acme.consent_of(&phone(0)).await, says(true, "reply"));
    assert_eq!(settle().await, 1, "the note of the STOP is outdone");
    assert_eq!(acme.consent_of(&phone(0)).await, says(true, "reply"));
    assert_eq!(acme.consent_of(&phone(1)).await, says(true, "reply"));
    assert_eq!(acme.db.value::<i64>("select count(*) from suppressions").await, 0);

    // A START whose note is still there when the person has said STOP after all.
    let import = acme.importing(&[1], "Zoe").await;
    acme.db.run(&["contact", "opt-out", phone(1).reveal(), "--reason", "enough"]).done();
    acme.hear_at_once(&[(1, Start)]).await;
    acme.db.run(&["contact", "opt-out", phone(1).reveal(), "--reason", "enough"]).done();
    import.commit().await.unwrap();
    assert_eq!(settle().await, 1);
    assert_eq!(acme.consent_of(&phone(1)).await, says(false, "operator"));
    acme.db.assert_invariants().await;
}
