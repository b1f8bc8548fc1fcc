//! Alerts that go out: each to each channel once, however many senders run; what does not get through is tried again; in
//! quiet hours only what is critical goes.

use crate::{
    mailroom::{Mailroom, Speaks},
    world::{
        World,
        provider::{ByHand, answer, nobody},
        seed::Num,
        throughout, until,
    },
};
use ring::hmac;
use signalbox::{
    domain::ids::{ChannelId, NumberId},
    sender::alert::outlet::secret_place,
    store::{action::Actor, channel::NewChannel, measure::Cause},
};
use std::{
    sync::{Arc, Mutex},
    time::Duration,
};

const SECRET: &str = "the shared secret";
const TEST: Actor<'static> = Actor { operator: "test", instance: None };

type Posted = Arc<Mutex<Vec<String>>>;

/// A webhook that keeps what is posted and answers so.
async fn hook(status: u16) -> (ByHand, Posted) {
    let posted = Posted::default();
    let kept = Arc::clone(&posted);
    let server = ByHand::serve(move |_, request| {
        kept.lock().unwrap().push(request);
        async move { Some(answer(status, "", "")) }
    })
    .await;
    (server, posted)
}

fn channel<'a>(name: &'a str, kind: &'a str, address: &'a str) -> NewChannel<'a> {
    NewChannel {
        id: ChannelId::new(),
        name,
        kind,
        address,
        smtp: None,
        mail_from: None,
        sealed_secret: None,
        least: "warning",
        kinds: None,
        daily_report: false,
    }
}

impl World {
    async fn channel(&self, new: NewChannel<'_>) -> ChannelId {
        let sealed = self.keys.seal(&secret_place(self.organization, new.id), SECRET).unwrap();
        let id = new.id;
        let new = NewChannel { sealed_secret: Some(sealed.as_str()), ..new };
        self.store.add_alert_channel(self.organization, &new, TEST).await.unwrap();
        id
    }

    async fn hook_channel(&self, server: &ByHand) -> ChannelId {
        self.channel(channel("hook", "webhook", &format!("{}/alerts?team=ops", server.base_url()))).await
    }

    async fn mail_channel(&self, smtp: &str) -> ChannelId {
        let new = channel("mail", "email", "Ops <ops@example.com>, bea@example.com");
        self.channel(NewChannel { smtp: Some(smtp), mail_from: Some("signalbox@example.com"), ..new }).await
    }

    async fn suspends(&self, number: NumberId) {
        let cause = Cause {
            class: "number_suspended",
            code: Some("131031".into()),
            words: "account\r\nlocked é".into(),
        };
        let instance = signalbox::domain::ids::InstanceId::new();
        let done =
            self.store.suspend_number_by_answer(self.organization, instance, number, None, &cause, 0).await;
        assert!(done.unwrap());
    }

    async fn delivered(&self) -> i64 {
        self.value("select count(*) from alert_deliveries where state = 'sent'").await
    }
}

/// The value of a header of a request.
fn header<'a>(request: &'a str, name: &str) -> &'a str {
    let line = request.lines().find(|line| line.to_ascii_lowercase().starts_with(&format!("{name}:")));
    line.and_then(|line| line.split_once(':')).unwrap_or_else(|| panic!("{name} in {request}")).1.trim()
}

#[tokio::test]
async fn an_alert_goes_to_each_channel_once_however_many_senders_run() {
    let world = World::start().await;
    let number = world.number(Num::meta()).await;
    let mailroom = Mailroom::open(Speaks::Bare).await;
    let (server, posted) = hook(204).await;
    world.hook_channel(&server).await;
    world.mail_channel(&format!("smtp+clear://ops%40example.com@{}", mailroom.address)).await;
    let senders = [world.sender().await, world.sender().await, world.sender().await];
    world.suspends(number.id).await;
    until("both have it", 60, async || world.delivered().await == 2).await;
    throughout("nobody gets it again", Duration::from_secs(5), async || {
        posted.lock().unwrap().len() == 1 && mailroom.mails().len() == 1
    })
    .await;
    let mail = mailroom.mails().remove(0);
    assert_eq!((mail.from.as_str(), mail.covered), ("signalbox@example.com", false));
    assert_eq!(mail.to, ["ops@example.com", "bea@example.com"]);
    assert_eq!(mail.login.as_deref(), Some("ops@example.com:the shared secret"));
    assert!(mail.header("Subject").contains("acme"), "{mail:?}");
    let id: String =
        world.value("select d.id::text from alert_deliveries d join alert_channels c on c.id = d.channel_id where c.kind = 'email'").await;
    assert_eq!(mail.header("Message-ID"), format!("<{id}@example.com>"));
    assert!(!mail.text.contains(&number.phone), "a phone in full");
    let request = posted.lock().unwrap().remove(0);
    assert!(request.starts_with("POST /alerts?team=ops HTTP/1.1\r\n"), "{request}");
    let body = request.split_once("\r\n\r\n").unwrap().1;
    let key = hmac::Key::new(hmac::HMAC_SHA256, SECRET.as_bytes());
    let signed = hmac::sign(&key, format!("{}.{body}", header(&request, "x-signalbox-timestamp")).as_bytes());
    let hex: String = signed.as_ref().iter().map(|byte| format!("{byte:02x}")).collect();
    assert_eq!(header(&request, "x-signalbox-signature"), format!("sha256={hex}"));
    let told: serde_json::Value = serde_json::from_str(body).unwrap();
    assert_eq!((&told["type"], &told["organization"]), (&"alert".into(), &"acme".into()));
    assert_eq!(
        (&told["alert"]["kind"], &told["alert"]["severity"]),
        (&"suspension".into(), &"critical".into())
    );
    assert_eq!(told["id"].as_str(), Some(header(&request, "x-signalbox-delivery")));
    world.end(senders).await;
}

#[tokio::test]
async fn what_does_not_get_through_is_tried_again_and_the_channel_says_why() {
    let world = World::start().await;
    let number = world.number(Num::meta()).await;
    let mailroom = Mailroom::open(Speaks::Bare).await;
    mailroom.busy(true);
    let mail = world.mail_channel(&format!("smtp+clear://{}", mailroom.address)).await;
    let dead = world.channel(channel("dead", "webhook", &format!("http://{}/", nobody().await))).await;
    let sender = world.sender().await;
    world.suspends(number.id).await;
    let problem = async |id: ChannelId| {
        let channels = world.store.alert_channels(world.organization, None).await.unwrap();
        channels.into_iter().find(|channel| channel.id == id).unwrap().failing_reason
    };
    until("both fail", 60, async || problem(mail).await.is_some() && problem(dead).await.is_some()).await;
    assert!(problem(mail).await.unwrap().contains("451"), "{:?}", problem(mail).await);
    assert!(problem(dead).await.unwrap().starts_with("refused"), "{:?}", problem(dead).await);
    let wait: f64 = world
        .value("select min(extract(epoch from due_at - clock_timestamp()))::float8 from alert_deliveries")
        .await;
    assert!(wait > 0.0, "it waits before it tries again: {wait}");
    mailroom.busy(false);
    world.execute("update alert_deliveries set due_at = clock_timestamp()").await;
    until("the mail is there", 60, async || world.delivered().await == 1).await;
    assert_eq!(mailroom.mails().len(), 1);
    assert_eq!(problem(mail).await, None, "it gets through again");
    // After a day nobody tries any more.
    world
        .execute("update alert_deliveries set due_at = clock_timestamp(), created_at = clock_timestamp() - interval '25 hours'
                   where state = 'waiting'")
        .await;
    let given_up = async || {
        world.value::<i64>("select count(*) from alert_deliveries where state = 'given_up'").await == 1
    };
    until("it is given up", 60, given_up).await;
    world.end([sender]).await;
}

#[tokio::test]
async fn mail_goes_in_cover_to_a_server_that_proves_itself_and_to_no_other() {
    for (speaks, scheme) in [(Speaks::Tls, "smtps"), (Speaks::StartTls, "smtp")] {
        let world = World::start().await;
        let number = world.number(Num::meta()).await;
        let mailroom = Mailroom::open(speaks).await;
        world.mail_channel(&format!("{scheme}://ops@localhost:{}", mailroom.address.port())).await;
        let strange = world.sender().await;
        world.suspends(number.id).await;
        let fails = async || {
            world.value::<i64>("select count(*) from alert_channels where failing_since is not null").await
                == 1
        };
        until("a strange server gets nothing", 60, fails).await;
        assert_eq!(mailroom.mails(), [], "{speaks:?}");
        world.end([strange]).await;
        let root = mailroom.certificate.clone();
        let trusting =
            world.sender_with(&world.database, |config| config.client.extra_roots.push(root)).await;
        world.execute("update alert_deliveries set due_at = clock_timestamp()").await;
        until("a known one gets it", 60, async || world.delivered().await == 1).await;
        let mail = mailroom.mails().remove(0);
        assert!(mail.covered, "{speaks:?}");
        assert_eq!(mail.login.as_deref(), Some("ops:the shared secret"));
        world.end([trusting]).await;
    }
}

#[tokio::test]
async fn in_quiet_hours_only_what_is_critical_goes_out_and_the_rest_waits() {
    let world = World::start().await;
    let number = world.number(Num::meta()).await;
    let (server, posted) = hook(200).await;
    world.hook_channel(&server).await;
    world.execute("update alert_rules set quiet_from = 0, quiet_to = 1440").await;
    let sender = world.sender().await;
    world.execute("update accounts set token_since = clock_timestamp() - interval '400 days'").await;
    let waits = async || {
        world.value::<i64>("select count(*) from alert_deliveries where state = 'waiting'").await == 1
    };
    until("the warning waits", 60, waits).await;
    world.suspends(number.id).await;
    until("what is critical goes", 60, async || world.delivered().await == 1).await;
    assert!(posted.lock().unwrap()[0].contains("\"suspension\""));
    assert!(waits().await, "the warning still waits");
    world.execute("update alert_rules set quiet_from = null, quiet_to = null").await;
    until("the rest goes when they are over", 60, async || world.delivered().await == 2).await;
    assert!(posted.lock().unwrap()[1].contains("\"credentials\""));
    world.end([sender]).await;
}

#[tokio::test]
async fn a_channel_gets_what_it_wants_and_the_report_of_the_day_once() {
    let world = World::start().await;
    let number = world.number(Num::meta()).await;
    let (server, posted) = hook(200).await;
    let address = format!("{}/", server.base_url());
    let kinds = ["paused".to_owned()];
    let wanted =
        NewChannel { kinds: Some(&kinds), daily_report: true, ..channel("hook", "webhook", &address) };
    world.channel(wanted).await;
    world
        .execute(
            "insert into quota_usage (organization_id, scope, scope_id, day, reserved, elsewhere)
             select o.id, s.scope, s.id, (clock_timestamp() at time zone o.time_zone)::date - 1, 41, 41
               from organizations o, whatsapp_numbers n,
                    lateral (values ('organization', o.id), ('number', n.id)) s (scope, id)",
        )
        .await;
    world.suspends(number.id).await;
    world.execute("update alert_rules set report_at = 0").await;
    let senders = [world.sender().await, world.sender().await];
    until("the report goes out", 90, async || world.delivered().await == 1).await;
    throughout("once, and nothing else", Duration::from_secs(4), async || posted.lock().unwrap().len() == 1)
        .await;
    let body = posted.lock().unwrap()[0].split_once("\r\n\r\n").unwrap().1.to_owned();
    let told: serde_json::Value = serde_json::from_str(&body).unwrap();
    assert_eq!((&told["type"], &told["report"]["sent"]), (&"report".into(), &41.into()), "{told}");
    assert_eq!(told["report"]["numbers"][0]["sent"], serde_json::json!(41));
    assert!(!body.contains(&number.phone), "a phone in full");
    assert_eq!(
        world.value::<i64>("select count(*) from alerts").await,
        1,
        "the suspension is told in the console"
    );
    world.end(senders).await;
}
