//! Templates and media on their way out: each number sends what it can, a stopped template stops its campaign, and what cannot
//! be sent is never tried.

use crate::world::{
    Made, World,
    seed::{Camp, Num},
    until,
};
use serde_json::{Value, json};
use signalbox::{
    domain::{
        action::Action,
        ids::{CampaignId, WebhookId},
        number::ProviderKind,
    },
    provider::simulator::Accepted,
    sender::Sender,
    store::webhook::NewWebhook,
};
use std::{collections::BTreeMap, time::Duration};

const OFFER: &str = r#"
[[template]]
provider = "meta"
name = "offer"
language = "en"
body = "Hello {{1}}, {{2}} off"

[[template]]
provider = "twilio"
id = "HX000000000000000000000000000000aa"
name = "offer"
language = "en"
body = "Dear {{1}}, {{2}} off"
"#;

/// An offer that the provider pauses after so many messages.
fn tiring(messages: u32) -> String {
    format!(
        "[[template]]\nprovider = 'meta'\nname = 'offer'\nlanguage = 'en'\nbody = 'Hello {{{{1}}}}, {{{{2}}}} off'\n\
         then = [{{ messages = {messages}, status = 'PAUSED' }}]\n"
    )
}

fn offer() -> Value {
    json!({"name": "offer", "language": "en", "parameters": ["{{name|friend}}", "20%"]})
}

impl World {
    /// Gives a step of a paused campaign more than its text, or something else.
    async fn carry(
        &self,
        campaign: CampaignId,
        step: i16,
        text: bool,
        template: Option<Value>,
        media: Option<Value>,
    ) {
        sqlx::query(
            "update campaign_steps set template = $3, media = $4, texts = case when $5 then texts else '[]' end
              where campaign_id = $1 and step = $2",
        )
        .bind(campaign.0)
        .bind(step)
        .bind(template)
        .bind(media)
        .bind(text)
        .execute(&self.pool)
        .await
        .unwrap();
    }

    async fn listed(&self) {
        until("the templates are listed", 15, async || {
            self.value::<i64>("select count(*) from template_fetches where fetched_at is null").await == 0
        })
        .await;
    }

    async fn state(&self, campaign: CampaignId) -> String {
        sqlx::query_scalar("select state::text from campaigns where id = $1")
            .bind(campaign.0)
            .fetch_one(&self.pool)
            .await
            .unwrap()
    }

    async fn sender_that_lists(&self) -> Sender {
        self.sender_with(&self.database, |config| config.templates_every = Duration::from_secs(1)).await
    }
}

/// What each provider got, as `kind: text`.
fn by_provider(ledger: &[Accepted]) -> BTreeMap<(ProviderKind, &'static str), Vec<String>> {
    let mut all: BTreeMap<_, Vec<String>> = BTreeMap::new();
    for entry in ledger {
        all.entry((entry.provider, entry.kind)).or_default().push(entry.body.clone());
    }
    all
}

#[tokio::test]
async fn each_number_sends_what_its_provider_can() {
    let world = Made { strategy: "least_used", ..Made::default() }.script(OFFER).world().await;
    for num in [Num::meta(), Num::at(ProviderKind::Twilio), Num::ultramsg()] {
        world.number(num.daily(60).in_flight(4)).await;
    }
    let image = json!({"kind": "image", "url": "https://cdn.example.com/a.jpg"});
    let campaign = world.campaign(Camp::of(60).steps(&[0, 1]).paused()).await;
    world.carry(campaign, 1, true, Some(offer()), None).await;
    world.carry(campaign, 2, true, None, Some(image)).await;
    let sender = world.sender().await;
    world.listed().await;
    world.order(Action::ResumeCampaign(campaign)).await;
    until("both steps are accepted", 40, async || world.attempts("accepted").await == 120).await;
    let ledger = world.simulator.ledger();
    let got = by_provider(&ledger);
    let (meta, twilio, ultramsg) = (ProviderKind::Meta, ProviderKind::Twilio, ProviderKind::Ultramsg);
    let kinds: Vec<_> = got.keys().copied().collect();
    assert_eq!(
        kinds,
        [
            (meta, "image"),
            (meta, "template"),
            (ultramsg, "image"),
            (ultramsg, "text"),
            (twilio, "image"),
            (twilio, "template"),
        ],
        "a template where there is one, its text where there is none"
    );
    assert!(got[&(meta, "template")].iter().all(|body| body == "Hello Ana, 20% off"));
    assert!(got[&(twilio, "template")].iter().all(|body| body == "Dear Ana, 20% off"));
    assert!(got[&(ultramsg, "text")].iter().all(|body| body.starts_with("Hello Ana (")), "{got:?}");
    for provider in [meta, twilio, ultramsg] {
        assert!(got[&(provider, "image")].iter().all(|body| body.starts_with("Hello Ana")), "the caption");
    }
    let template = ledger.iter().find_map(|entry| entry.template.as_ref()).unwrap();
    assert_eq!(template.parameters, [("1".into(), "Ana".into()), ("2".into(), "20%".into())]);
    // Whoever got the first step through a number got the second through it too.
    let mut through: BTreeMap<&str, Vec<&str>> = BTreeMap::new();
    ledger.iter().for_each(|entry| through.entry(&entry.to).or_default().push(&entry.from));
    assert!(through.values().all(|numbers| numbers.len() == 2 && numbers[0] == numbers[1]), "{through:?}");
    let sides = world.end([sender]).await;
    assert_eq!((sides.accepted, sides.received), (120, 120));
}

/// A headline and buttons: each in a place of its own at Meta, numbered behind the text at Twilio.
const PRESSED: &str = r#"
[[template]]
provider = "meta"
name = "pressed"
language = "en"
headline = "For {{1}}"
body = "Hello {{1}}"
buttons = [{ kind = "quick_reply" }, { kind = "url", url = "https://a.example/{{1}}" }, { kind = "copy_code" }]

[[template]]
provider = "twilio"
id = "HX000000000000000000000000000000bb"
name = "pressed"
language = "en"
headline = "For {{2}}"
body = "Hello {{1}}"
buttons = [{ kind = "url", url = "https://a.example/{{3}}" }, { kind = "url", url = "https://b.example/{{4}}" }]
"#;

#[tokio::test]
async fn headline_and_buttons_of_a_template_are_filled() {
    let world = Made { strategy: "least_used", ..Made::default() }.script(PRESSED).world().await;
    for num in [Num::meta(), Num::at(ProviderKind::Twilio)] {
        world.number(num.daily(20).in_flight(4)).await;
    }
    let pressed = json!({"name": "pressed", "language": "en", "parameters": ["{{name|friend}}"],
        "header": ["{{name|you}} only"], "buttons": [
            {"index": 1, "kind": "url", "text": "promo?n={{name|x}} 20"},
            {"index": 2, "kind": "copy_code", "text": "SAVE20"}]});
    let campaign = world.campaign(Camp::of(40).paused()).await;
    world.carry(campaign, 1, false, Some(pressed), None).await;
    let sender = world.sender().await;
    world.listed().await;
    world.order(Action::ResumeCampaign(campaign)).await;
    until("everybody has it", 40, async || world.attempts("accepted").await == 40).await;
    let ledger = world.simulator.ledger();
    let at = |provider| {
        ledger.iter().find(|entry| entry.provider == provider).and_then(|entry| entry.template.as_ref())
    };
    let meta = at(ProviderKind::Meta).unwrap();
    assert_eq!(meta.parameters, [("1".to_owned(), "Ana".to_owned())]);
    assert_eq!(meta.header, [("1".to_owned(), "Ana only".to_owned())]);
    let buttons: Vec<_> = meta.buttons.iter().map(|button| (button.index, button.value.as_str())).collect();
    assert_eq!(buttons, [(1, "promo?n=Ana%2020"), (2, "SAVE20")]);
    let twilio: Vec<&str> =
        at(ProviderKind::Twilio).unwrap().parameters.iter().map(|(_, value)| value.as_str()).collect();
    assert_eq!(twilio, ["Ana", "Ana only", "promo?n=Ana%2020", "SAVE20"]);
    let sides = world.end([sender]).await;
    assert_eq!((sides.accepted, sides.received), (40, 40));
}

#[tokio::test]
async fn a_number_that_cannot_send_a_step_takes_no_part() {
    let world = World::scripted(OFFER).await;
    let gateway = world.number(Num::ultramsg().priority(1)).await;
    world.number(Num::meta().priority(20)).await;
    let campaign = world.campaign(Camp::of(20).steps(&[0, 1]).paused()).await;
    // The first step is for everybody, the second for Meta alone.
    world.carry(campaign, 2, false, Some(offer()), None).await;
    let sender = world.sender().await;
    world.listed().await;
    world.order(Action::ResumeCampaign(campaign)).await;
    until("all is accepted", 30, async || world.attempts("accepted").await == 40).await;
    let ledger = world.simulator.ledger();
    assert!(ledger.iter().all(|entry| entry.provider == ProviderKind::Meta), "though the gateway goes first");
    assert_eq!(ledger.iter().filter(|entry| entry.kind == "template").count(), 20);
    assert_eq!(world.attempts("rejected").await, 0);
    assert_eq!(gateway.provider, ProviderKind::Ultramsg);
    world.end([sender]).await;
}

#[tokio::test]
async fn a_template_that_is_paused_in_mid_campaign_stops_it_and_nobody_is_lost() {
    let world = World::scripted(&tiring(25)).await;
    world.number(Num::meta().in_flight(4)).await;
    let campaign = world.campaign(Camp::of(200).paused()).await;
    world.carry(campaign, 1, true, Some(offer()), None).await;
    let other = world.campaign(Camp::of(50)).await;
    let sender = world.sender().await;
    world.listed().await;
    world.order(Action::ResumeCampaign(campaign)).await;
    until("the campaign is paused", 10, async || world.state(campaign).await == "paused").await;
    let why: String = sqlx::query_scalar("select hold_reason from campaigns where id = $1")
        .bind(campaign.0)
        .fetch_one(&world.pool)
        .await
        .unwrap();
    assert!(why.starts_with("paused by itself: the provider refused its template"), "{why}");
    assert!(why.contains("132015") && why.contains("paused due to low quality"), "{why}");
    let audited: i64 = world
        .value("select count(*) from audit_log where actor = 'sender' and action = 'pause' and reason like '%132015%'")
        .await;
    assert_eq!(audited, 1, "once, whoever else was refused");
    until("the list shows it", 15, async || {
        world.value::<i64>("select count(*) from account_templates where status = 'paused'").await == 1
    })
    .await;
    until("the other one is complete", 10, async || world.counts_of(other).await.accepted == 50).await;
    let counts = world.counts_of(campaign).await;
    assert_eq!(
        (counts.accepted, counts.queued, counts.failed),
        (25, 175, 0),
        "who was refused waits: {counts:?}"
    );
    let requests = world.simulator.ledger().len();
    // Going on is no way round it: no number can send it.
    world.order(Action::ResumeCampaign(campaign)).await;
    crate::world::throughout("nothing is sent", Duration::from_secs(2), async || {
        world.simulator.ledger().len() == requests
    })
    .await;
    let seat = world.store.seat(world.organization, None).await.unwrap();
    let gates = world.store.campaign_detail(&seat, campaign).await.unwrap().gates;
    let closed: Vec<String> =
        gates.iter().filter(|gate| !gate.open).map(|gate| format!("{}: {}", gate.name, gate.found)).collect();
    assert_eq!(
        closed,
        [
            "content: no number can send it: step 1: meta (account meta) says that template \"offer\" is paused"
        ],
        "the console says why"
    );
    world.follow("");
    world.execute("update account_templates set status = 'approved'").await;
    until("it goes on", 20, async || world.counts_of(campaign).await.accepted == 200).await;
    let sides = world.end([sender]).await;
    assert_eq!((sides.accepted, sides.received), (250, 250));
}

#[tokio::test]
async fn news_of_a_template_pauses_the_campaigns_of_its_account() {
    let world = World::scripted(OFFER).await;
    let meta = world.number(Num::meta().interval_ms(200).in_flight(1)).await;
    let campaign = world.campaign(Camp::of(500).paused()).await;
    world.carry(campaign, 1, false, Some(offer()), None).await;
    let plain = world.campaign(Camp::of(500)).await;
    let sender = world.sender().await;
    world.listed().await;
    world.order(Action::ResumeCampaign(campaign)).await;
    until("it is sent", 20, async || world.counts_of(campaign).await.accepted > 2).await;
    let account: uuid::Uuid = sqlx::query_scalar("select account_id from whatsapp_numbers where id = $1")
        .bind(meta.id.0)
        .fetch_one(&world.pool)
        .await
        .unwrap();
    let tell = async |event: &str| {
        let value = json!({"event": event, "message_template_id": 700_000_001, "message_template_name": "offer",
            "message_template_language": "en", "reason": "LOW_QUALITY"});
        let body =
            json!({"entry": [{"changes": [{"field": "message_template_status_update", "value": value}]}]});
        let webhook = NewWebhook {
            id: WebhookId::new(),
            account: account.into(),
            query: String::new(),
            body: body.to_string().into_bytes(),
        };
        world.store.keep_webhooks(world.organization, &[webhook]).await.unwrap();
        until("the news is heard", 10, async || {
            world.value::<i64>("select count(*) from webhooks where applied_at is null").await == 0
        })
        .await;
    };
    // So that the list does not say otherwise meanwhile.
    world.execute("update template_fetches set next_at = clock_timestamp() + interval '1 day'").await;
    tell("FLAGGED").await;
    assert_eq!(world.state(campaign).await, "active", "a warning stops nothing");
    tell("PAUSED").await;
    assert_eq!(
        (world.state(campaign).await.as_str(), world.state(plain).await.as_str()),
        ("paused", "active")
    );
    let why: String = world.value("select hold_reason from campaigns where state = 'paused'").await;
    assert_eq!(why, "template offer (en) is paused, as the provider says: PAUSED: LOW_QUALITY");
    let events: i64 = world
        .value("select count(*) from number_events where change = 'template' and code like '%PAUSED'")
        .await;
    assert_eq!(events, 1);
    // The same news again undoes nobody's decision.
    world.order(Action::ResumeCampaign(campaign)).await;
    tell("PAUSED").await;
    assert_eq!(world.state(campaign).await, "active");
    let sent = || world.simulator.ledger().iter().filter(|entry| entry.kind == "template").count();
    until("nothing is on the wire", 5, async || world.counts_of(campaign).await.sending == 0).await;
    let before = sent();
    crate::world::throughout("no template goes out", Duration::from_secs(1), async || sent() == before).await;
    world.end([sender]).await;
}

#[tokio::test]
async fn a_template_in_two_languages_reaches_everybody_in_theirs() {
    let both = format!(
        "{OFFER}{}",
        OFFER
            .replace("\"en\"", "\"fr\"")
            .replace("aa\"", "ff\"")
            .replace("Hello", "Bonjour")
            .replace("Dear", "Bonjour")
    );
    let world = World::scripted(&both).await;
    world.number(Num::meta()).await;
    world.number(Num::at(ProviderKind::Twilio)).await;
    let campaign = world.campaign(Camp::of(20).paused()).await;
    let mut template = offer();
    template["languages"] = json!(["fr"]);
    world.carry(campaign, 1, false, Some(template), None).await;
    world
        .execute(
            "update recipient_parameters p set locale = 'fr-CM'
               from campaign_recipients r where r.id = p.recipient_id and right(r.phone, 1) in ('0', '1', '2')",
        )
        .await;
    let french: i64 = world.value("select count(*) from recipient_parameters where locale = 'fr-CM'").await;
    let sender = world.sender().await;
    world.listed().await;
    world.order(Action::ResumeCampaign(campaign)).await;
    until("all have it", 15, async || world.counts_of(campaign).await.accepted == 20).await;
    let ledger = world.simulator.ledger();
    let in_french = ledger.iter().filter(|entry| entry.body.starts_with("Bonjour Ana")).count();
    assert_eq!((in_french, ledger.len()), (usize::try_from(french).unwrap(), 20));
    world.end([sender]).await;
}

/// Twilio takes what it will not send, and says so in the report on the message.
#[tokio::test]
async fn a_template_that_is_refused_in_a_report_pauses_its_campaign_and_nobody_is_lost() {
    let world = World::scripted(OFFER).await;
    let number = world.number(Num::at(ProviderKind::Twilio).interval_ms(100).in_flight(1)).await;
    let campaign = world.campaign(Camp::of(500).paused()).await;
    world.carry(campaign, 1, false, Some(offer()), None).await;
    let sender = world.sender().await;
    world.listed().await;
    world.execute("update template_fetches set next_at = clock_timestamp() + interval '1 day'").await;
    world.order(Action::ResumeCampaign(campaign)).await;
    until("it is sent", 20, async || world.counts_of(campaign).await.accepted > 2).await;
    let (attempt, sid, to): (uuid::Uuid, String, String) = sqlx::query_as(
        "select a.id, a.provider_message_id, r.phone::text from attempts a
           join campaign_recipients r on r.id = a.recipient_id where a.state = 'accepted' order by a.id limit 1",
    )
    .fetch_one(&world.pool)
    .await
    .unwrap();
    let body = format!(
        "AccountSid=AC1&MessageSid={sid}&SmsSid={sid}&MessageStatus=undelivered&SmsStatus=undelivered&ErrorCode=63041\
         &From=whatsapp%3A%2B{}&To=whatsapp%3A%2B{}&ChannelPrefix=whatsapp&ApiVersion=2010-04-01",
        number.phone.trim_start_matches('+'),
        to.trim_start_matches('+')
    );
    let webhook = NewWebhook {
        id: WebhookId::new(),
        account: world.account_of(&number).await,
        query: format!("ref={attempt}"),
        body: body.into_bytes(),
    };
    world.store.keep_webhooks(world.organization, &[webhook]).await.unwrap();
    until("the campaign is paused", 10, async || world.state(campaign).await == "paused").await;
    let why: String = world.value("select hold_reason from campaigns where state = 'paused'").await;
    assert!(why.contains("the provider refused its template") && why.contains("63041"), "{why}");
    until("nothing is on the wire", 5, async || world.counts_of(campaign).await.sending == 0).await;
    let counts = world.counts_of(campaign).await;
    assert_eq!((counts.failed, counts.accepted + counts.queued), (0, 500), "{counts:?}");
    let (state, waits): (String, bool) = sqlx::query_as(
        "select a.state::text, r.state = 'queued' from attempts a
           join campaign_recipients r on r.id = a.recipient_id where a.id = $1",
    )
    .bind(attempt)
    .fetch_one(&world.pool)
    .await
    .unwrap();
    assert_eq!(
        (state.as_str(), waits),
        ("undelivered", true),
        "who was refused waits for the campaign to go on"
    );
    sender.drain(Duration::from_secs(5)).await;
    world.assert_invariants().await;
}

#[tokio::test]
async fn a_listing_that_shows_a_stopped_template_pauses_its_campaigns() {
    let world = World::scripted(OFFER).await;
    world.number(Num::at(ProviderKind::Twilio).interval_ms(200).in_flight(1)).await;
    let campaign = world.campaign(Camp::of(500).paused()).await;
    world.carry(campaign, 1, false, Some(offer()), None).await;
    let sender = world.sender_that_lists().await;
    world.listed().await;
    world.order(Action::ResumeCampaign(campaign)).await;
    until("it is sent", 20, async || world.counts_of(campaign).await.accepted > 2).await;
    world.follow(
        &OFFER.replace("name = \"offer\"", "name = \"offer\"\nstatus = \"REJECTED\"\nreason = \"spam\""),
    );
    until("the campaign is paused", 15, async || world.state(campaign).await == "paused").await;
    let why: String = world.value("select hold_reason from campaigns where state = 'paused'").await;
    assert_eq!(why, "template offer (en) is rejected, as the provider says: rejected: spam");
    world.end([sender]).await;
}

#[tokio::test]
async fn work_bound_to_a_number_that_cannot_send_it_any_more_is_freed() {
    let world = World::scripted("").await;
    let gateway = world.number(Num::ultramsg().priority(1)).await;
    world.number(Num::meta().priority(20)).await;
    let campaign = world.campaign(Camp::of(20).paused()).await;
    world.carry(campaign, 1, false, Some(offer()), None).await;
    // As if it had been able to, once.
    sqlx::query("update campaign_recipients set bound_number_id = $1, sticky_number_id = $1, due_at = clock_timestamp()")
        .bind(gateway.id.0)
        .execute(&world.pool)
        .await
        .unwrap();
    world.order(Action::ResumeCampaign(campaign)).await;
    let sender = world.sender().await;
    world.until_all_accepted(30).await;
    assert!(world.simulator.ledger().iter().all(|entry| entry.provider == ProviderKind::Meta));
    world.end([sender]).await;
}
