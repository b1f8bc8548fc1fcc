//! People write back: what they say lands in its thread, and what we answer goes out once, like any other message.

use crate::world::{
    CLIENT_LIMIT, Made, World,
    child::Started,
    seed::{Camp, Num, Number},
    until,
};
use serde_json::json;
use signalbox::domain::{
    action::{Action, Order, Verdict},
    ids::{AttemptId, ConversationId, ReplyId, WebhookId},
    phone::Phone,
};
use signalbox::sender::Sender;
use signalbox::store::{
    action::{ActionResult, Actor},
    view::{Place, ThreadDetail, ThreadQuery, ThreadRow, ThreadScope, Window},
    webhook::NewWebhook,
};
use std::time::Duration;

const ANNA: &str = "+4915112345678";
const BEN: &str = "+4915112345679";

impl World {
    /// As if the number's provider had posted what somebody wrote.
    async fn hears(&self, number: &Number, from: &str, text: &str, id: &str) {
        let body = json!({ "metadata": { "phone_number_id": number.from }, "messages": [
            { "from": from.trim_start_matches('+'), "id": id, "type": "text", "text": { "body": text } }] });
        let body = json!({ "entry": [{ "changes": [{ "field": "messages", "value": body }] }] });
        self.webhook(number, &body.to_string()).await;
    }

    async fn webhook(&self, number: &Number, body: &str) {
        let account: uuid::Uuid = sqlx::query_scalar("select account_id from whatsapp_numbers where id = $1")
            .bind(number.id.0)
            .fetch_one(&self.pool)
            .await
            .unwrap();
        let webhook = NewWebhook {
            id: WebhookId::new(),
            account: account.into(),
            query: String::new(),
            body: body.as_bytes().to_vec(),
        };
        self.store.keep_webhooks(self.organization, &[webhook]).await.unwrap();
        until("what was written is heard", 10, async || {
            self.value::<i64>("select count(*) from webhooks where applied_at is null").await == 0
        })
        .await;
    }

    async fn threads_of(&self, scope: ThreadScope) -> Vec<ThreadRow> {
        let seat = self.store.seat(self.organization, None).await.unwrap();
        let query = ThreadQuery { scope, ..ThreadQuery::default() };
        self.store.thread_page(&seat, &query, Place::Start).await.unwrap().rows
    }

    async fn thread(&self) -> ThreadRow {
        let mut rows = self.threads_of(ThreadScope::All).await;
        assert_eq!(rows.len(), 1, "{rows:#?}");
        rows.remove(0)
    }

    async fn detail(&self, id: ConversationId) -> ThreadDetail {
        let seat = self.store.seat(self.organization, None).await.unwrap();
        self.store.thread_detail(&seat, id).await.unwrap()
    }

    async fn answer(&self, thread: ConversationId, text: &str) -> ActionResult {
        let action = Action::Answer { thread, reply: ReplyId::new(), text: text.to_owned() };
        self.store.act(self.organization, &Order::whole(action), "anna", None).await.unwrap()
    }

    async fn answers(&self, thread: ConversationId, text: &str) {
        let done = self.answer(thread, text).await;
        assert!(matches!(done, ActionResult::Done { .. }), "{done:?}");
    }

    async fn reply_states(&self) -> Vec<String> {
        sqlx::query_scalar("select state::text from replies order by id").fetch_all(&self.pool).await.unwrap()
    }

    async fn until_replies(&self, states: &[&str]) {
        until(&format!("replies are {states:?}"), 15, async || self.reply_states().await == states).await;
    }

    fn bodies_to(&self, phone: &str) -> Vec<String> {
        let ledger = self.simulator.ledger();
        ledger.iter().filter(|entry| entry.to == phone).map(|entry| entry.body.clone()).collect()
    }

    /// As if so much time had passed since the person wrote.
    async fn age_threads(&self, hours: i32) {
        sqlx::query("update conversations set last_in_at = last_in_at - make_interval(hours => $1)")
            .bind(hours)
            .execute(&self.pool)
            .await
            .unwrap();
    }
}

/// A number at Meta that Anna wrote to, a sender, and her thread.
async fn asked_by_anna() -> (World, Number, Sender, ThreadRow) {
    let world = World::start().await;
    let number = world.number(Num::meta()).await;
    let sender = world.sender().await;
    world.hears(&number, ANNA, "Hello?", "wamid.IN1").await;
    let thread = world.thread().await;
    (world, number, sender, thread)
}

fn refused(result: &ActionResult) -> String {
    match result {
        ActionResult::Refused(sentence) => sentence.to_string(),
        other => panic!("not refused: {other:?}"),
    }
}

#[tokio::test]
async fn a_reply_arrives_is_threaded_answered_and_delivered() {
    let world = World::start().await;
    let number = world.number(Num::meta()).await;
    world.campaign(Camp::of(1)).await;
    let sender = world.sender().await;
    world.until_all_accepted(15).await;
    let phone: String = world.value("select phone::text from campaign_recipients").await;
    world.hears(&number, &phone, "When do you open?", "wamid.IN1").await;
    world.hears(&number, &phone, "Hello?", "wamid.IN2").await;
    // The same message in other bytes.
    world.hears(&number, &phone, "Hello?", "wamid.IN2").await;
    let thread = world.thread().await;
    assert_eq!((thread.unread, thread.last_text.as_str(), thread.thread), (2, "Hello?", Some(1)));
    assert_eq!(thread.number.as_ref().map(|(id, _)| *id), Some(number.id));
    assert!(thread.campaign.is_some(), "the last message from this number caused it");
    assert!(matches!(thread.window, Window::Until(_)));
    world.answers(thread.id, "At nine.").await;
    world.until_replies(&["accepted"]).await;
    assert_eq!(world.bodies_to(&phone).last().map(String::as_str), Some("At nine."));
    let taken = world.simulator.ledger().pop().unwrap();
    let status = |word: &str| {
        let status = json!({ "id": taken.id, "status": word, "biz_opaque_callback_data": taken.reference });
        let value = json!({ "metadata": { "phone_number_id": number.from }, "statuses": [status] });
        json!({ "entry": [{ "changes": [{ "field": "messages", "value": value }] }] }).to_string()
    };
    world.webhook(&number, &status("read")).await;
    world.webhook(&number, &status("delivered")).await;
    world.until_replies(&["read"]).await;
    let thread = world.thread().await;
    assert_eq!((thread.unread, thread.assigned_to.as_deref()), (0, Some("anna")));
    let said: Vec<(Option<String>, String)> = world
        .detail(thread.id)
        .await
        .messages
        .iter()
        .map(|one| (one.by.as_ref().map(ToString::to_string), one.text.as_str().to_owned()))
        .collect();
    let said: Vec<(Option<&str>, &str)> =
        said.iter().map(|(by, text)| (by.as_deref(), text.as_str())).collect();
    assert_eq!(said, [(None, "When do you open?"), (None, "Hello?"), (Some("anna"), "At nine.")]);
    // The same for other programs on this database.
    let told: Vec<(String, String, Option<String>)> = sqlx::query_as(
        "select direction, body, written_by from conversation_messages order by at, message_id",
    )
    .fetch_all(&world.pool)
    .await
    .unwrap();
    let told: Vec<(&str, &str, Option<&str>)> =
        told.iter().map(|(way, body, by)| (way.as_str(), body.as_str(), by.as_deref())).collect();
    assert_eq!(
        told,
        [("in", "When do you open?", None), ("in", "Hello?", None), ("out", "At nine.", Some("anna"))]
    );
    let listed: (String, String, i32, bool, bool) = sqlx::query_as(
        "select phone, number, unread, is_done, answerable_until > clock_timestamp() from conversation_threads",
    )
    .fetch_one(&world.pool)
    .await
    .unwrap();
    assert_eq!(listed, (phone.clone(), number.phone.clone(), 0, false, true));
    // It is charged like any other message.
    let used: Vec<(String, i32)> = sqlx::query_as("select scope, reserved from quota_usage order by scope")
        .fetch_all(&world.pool)
        .await
        .unwrap();
    let used: Vec<(&str, i32)> = used.iter().map(|(scope, used)| (scope.as_str(), *used)).collect();
    assert_eq!(used, [("campaign", 1), ("number", 2), ("organization", 2), ("replies", 1)]);
    let sides = world.end([sender]).await;
    assert_eq!((sides.accepted, sides.received), (2, 2));
}

#[tokio::test]
async fn killed_between_intent_and_wire_an_answer_is_in_doubt_and_goes_out_once() {
    let world = World::start().await;
    let number = world.number(Num::ultramsg()).await;
    let heard = json!({ "event_type": "message_received", "instanceId": number.from.trim_start_matches("instance"),
        "data": { "id": "in-1", "from": format!("{}@c.us", ANNA.trim_start_matches('+')), "type": "chat",
                  "body": "Hello?", "fromMe": false } });
    let sender = world.sender().await;
    world.webhook(&number, &heard.to_string()).await;
    sender.drain(Duration::from_secs(5)).await;
    let thread = world.thread().await;
    assert_eq!((thread.window, thread.number.as_ref().map(|(id, _)| *id)), (Window::Always, Some(number.id)));
    world.answers(thread.id, "Here.").await;
    let mut process = world.process_with(Started::stopping_at("after_intent:exit"));
    until("it killed itself", 20, async || world.attempts("sending").await == 1).await;
    let limit = std::time::Instant::now() + Duration::from_secs(20);
    while !process.is_gone() {
        assert!(std::time::Instant::now() < limit, "it never came to the stop point");
        tokio::time::sleep(Duration::from_millis(20)).await;
    }
    assert_eq!((world.reply_states().await, world.simulator.count()), (vec!["sending".to_owned()], 0));
    let next = world.process();
    until("nobody knows what became of it", 20, async || world.reply_states().await == ["in_doubt"]).await;
    assert_eq!(world.simulator.count(), 0, "a doubt is not sent again");
    // The gateway can be asked, and its "no" is proof: only then it goes out.
    until("it is settled and sent", 30, async || world.reply_states().await == ["accepted"]).await;
    next.end();
    assert_eq!(world.bodies_to(ANNA), ["Here."]);
    let sides = world.end([]).await;
    assert_eq!((sides.accepted, sides.in_doubt, sides.received), (1, 0, 1));
    let proofs: String = world.value("select code from attempts where state = 'not_sent'").await;
    assert_eq!(proofs, "absent");
}

#[tokio::test]
async fn an_answer_in_doubt_waits_for_a_verdict_and_a_late_report_is_stronger() {
    let world = Made::default().script("[[rule]]\nthen = { accept_then_cut = true }\n").world().await;
    let number = world.number(Num::meta()).await;
    let sender = world.sender().await;
    world.hears(&number, ANNA, "Hello?", "wamid.IN1").await;
    let thread = world.thread().await;
    world.answers(thread.id, "Here.").await;
    world.until_replies(&["in_doubt"]).await;
    tokio::time::sleep(CLIENT_LIMIT).await;
    assert_eq!(world.bodies_to(ANNA), ["Here."], "nothing is sent again without a word");
    let attempt: uuid::Uuid = world.value("select id from attempts").await;
    let verdict = Action::ResolveAttempt { attempt: AttemptId(attempt), verdict: Verdict::NotSent };
    world.follow("");
    let settled = world.store.act(world.organization, &Order::whole(verdict), "anna", None).await.unwrap();
    assert!(matches!(settled, ActionResult::Done { .. }), "{settled:?}");
    // The operator was wrong about that: both are on record, and the contradiction is shown.
    world.until_replies(&["accepted"]).await;
    assert_eq!(world.bodies_to(ANNA), ["Here.", "Here."]);
    let first = world.simulator.ledger().remove(0);
    let status = json!({ "id": first.id, "status": "sent", "biz_opaque_callback_data": first.reference });
    let value = json!({ "metadata": { "phone_number_id": number.from }, "statuses": [status] });
    let body = json!({ "entry": [{ "changes": [{ "field": "messages", "value": value }] }] });
    world.webhook(&number, &body.to_string()).await;
    until("the first is known to have arrived too", 10, async || {
        world.value::<i64>("select count(*) from attempts where contradicted").await == 1
    })
    .await;
    sender.drain(Duration::from_secs(5)).await;
    world.assert_invariants().await;
}

#[tokio::test]
async fn an_opt_out_is_confirmed_once_and_nobody_answers_it() {
    let world = World::start().await;
    let number = world.number(Num::meta()).await;
    world
        .execute(
            r#"update organizations set stop_confirmation = '{"en": "You get no more.", "fr": "C''est note."}',
                                        start_confirmation = '{"en": "Welcome back."}', stop_words = '{Yamba}'"#,
        )
        .await;
    sqlx::query(
        "insert into contacts (organization_id, id, phone, locale) values ($1, new_uuid(), $2, 'fr-CM')",
    )
    .bind(world.organization.0)
    .bind(ANNA)
    .execute(&world.pool)
    .await
    .unwrap();
    let sender = world.sender().await;
    world.hears(&number, ANNA, "Hello?", "wamid.IN1").await;
    let thread = world.thread().await;
    // In the organisation's own word, and again in everybody's.
    world.hears(&number, ANNA, "yamba!", "wamid.IN2").await;
    world.hears(&number, ANNA, "STOP", "wamid.IN3").await;
    world.hears(&number, ANNA, "STOP", "wamid.IN4").await;
    world.until_replies(&["accepted"]).await;
    let sentence = refused(&world.answer(thread.id, "But wait").await);
    assert!(sentence.contains("asked for no more messages"), "{sentence}");
    assert_eq!(world.bodies_to(ANNA), ["C'est note."], "one confirmation, in the person's language");
    world.hears(&number, ANNA, "START", "wamid.IN5").await;
    world.hears(&number, ANNA, "START", "wamid.IN6").await;
    world.until_replies(&["accepted", "accepted"]).await;
    assert_eq!(world.bodies_to(ANNA), ["C'est note.", "Welcome back."]);
    world.answers(thread.id, "Good.").await;
    world.until_replies(&["accepted", "accepted", "accepted"]).await;
    assert_eq!(world.thread().await.id, thread.id, "all in one thread");
    let sides = world.end([sender]).await;
    assert_eq!((sides.accepted, sides.received), (3, 3));
}

#[tokio::test]
async fn what_waits_for_somebody_who_opts_out_is_not_sent() {
    let (world, number, sender, thread) = asked_by_anna().await;
    world.order(Action::SuspendNumber { number: number.id, until: None }).await;
    world.answers(thread.id, "Here.").await;
    let phone = Phone::parse(ANNA).unwrap();
    world.store.suppress(world.organization, &phone, "provider", "chosen inside WhatsApp").await.unwrap();
    world.until_replies(&["skipped"]).await;
    world.order(Action::ResumeNumber(number.id)).await;
    assert_eq!(world.value::<String>("select reason from replies").await, "opted_out");
    let sides = world.end([sender]).await;
    assert_eq!((sides.accepted, sides.received), (0, 0));
}

#[tokio::test]
async fn outside_the_window_nothing_is_answered_and_the_refusal_says_when_it_closed() {
    let (world, number, sender, thread) = asked_by_anna().await;
    // Written while it is open, and the number is out until it has closed.
    world.order(Action::SuspendNumber { number: number.id, until: None }).await;
    world.answers(thread.id, "Too late.").await;
    world.age_threads(25).await;
    let thread = world.thread().await;
    let Window::Closed(at) = thread.window else { panic!("{:?}", thread.window) };
    let sentence = refused(&world.answer(thread.id, "Still there?").await);
    assert!(sentence.contains(&format!("ended at {}", at.format("%Y-%m-%d %H:%M UTC"))), "{sentence}");
    world.order(Action::ResumeNumber(number.id)).await;
    world.until_replies(&["skipped"]).await;
    assert_eq!(world.value::<String>("select reason from replies").await, "window_closed");
    // Writing again opens it again.
    world.hears(&number, ANNA, "Yes", "wamid.IN2").await;
    world.answers(thread.id, "In time.").await;
    world.until_replies(&["skipped", "accepted"]).await;
    assert_eq!(world.bodies_to(ANNA), ["In time."]);
    // Whoever never wrote is not written to first.
    let ben = ConversationId::new();
    let actor = Actor::operator("anna");
    let phone = Phone::parse(BEN).unwrap();
    world.store.open_thread(world.organization, ben, &phone, None, actor).await.unwrap();
    let sentence = refused(&world.answer(ben, "Hello").await);
    assert!(sentence.contains("never wrote to this number"), "{sentence}");
    world.end([sender]).await;
}

#[tokio::test]
async fn several_threads_with_one_person_and_number_are_told_apart_by_their_names() {
    let world = World::start().await;
    let number = world.number(Num::meta()).await;
    let sender = world.sender().await;
    world.hears(&number, BEN, "Me too", "wamid.IN0").await;
    world.hears(&number, ANNA, "My order is late", "wamid.IN1").await;
    let orders = world.threads_of(ThreadScope::Open).await.remove(0);
    assert_eq!(orders.phone.reveal(), ANNA);
    world.answers(orders.id, "Let me look.").await;
    let bill = ConversationId::new();
    let (actor, phone) = (Actor::operator("bea"), Phone::parse(ANNA).unwrap());
    world.store.open_thread(world.organization, bill, &phone, None, actor).await.unwrap();
    let names: Vec<Option<i32>> = world
        .threads_of(ThreadScope::All)
        .await
        .iter()
        .filter(|row| row.phone == phone)
        .map(|row| row.thread)
        .collect();
    assert_eq!(names, [Some(3), Some(2)], "given out per number");
    world.answers(bill, "About your bill.").await;
    world.answers(orders.id, "It is on its way.").await;
    world.until_replies(&["accepted"; 3]).await;
    assert_eq!(world.bodies_to(ANNA), ["Let me look.", "#3: About your bill.", "#2: It is on its way."]);
    world.hears(&number, ANNA, "#3: I paid it", "wamid.IN2").await;
    world.hears(&number, ANNA, "#2: thanks", "wamid.IN3").await;
    // Neither somebody else's name nor one that nobody has reaches into a thread.
    world.hears(&number, BEN, "#2: let me in", "wamid.IN4").await;
    world.hears(&number, ANNA, "#99: hm", "wamid.IN5").await;
    let said = async |id| -> Vec<String> {
        let theirs = world.detail(id).await.messages.into_iter().filter(|one| one.by.is_none());
        theirs.map(|one| one.text.as_str().to_owned()).collect()
    };
    assert_eq!(said(bill).await, ["#3: I paid it"]);
    assert_eq!(said(orders.id).await, ["My order is late", "#2: thanks", "#99: hm"]);
    // With one thread left there is nothing to tell apart. An opt-out counts whatever it names.
    world.store.act(world.organization, &Order::whole(Action::EndThread(bill)), "bea", None).await.unwrap();
    world.answers(orders.id, "Bye.").await;
    world.until_replies(&["accepted"; 4]).await;
    assert_eq!(world.bodies_to(ANNA).last().map(String::as_str), Some("Bye."));
    world.hears(&number, ANNA, "#3: STOP", "wamid.IN6").await;
    assert_eq!(world.value::<String>("select phone::text from suppressions").await, ANNA);
    world.end([sender]).await;
}

#[tokio::test]
async fn numbers_that_share_an_account_keep_their_threads_apart() {
    let world = World::start().await;
    let first = world.number(Num::meta().priority(1)).await;
    let second = world.number(Num::meta().priority(2)).await;
    let twilio = world.number(Num::at(signalbox::domain::number::ProviderKind::Twilio)).await;
    let other = world.number(Num::at(signalbox::domain::number::ProviderKind::Twilio)).await;
    let gateway = world.number(Num::ultramsg()).await;
    let next = world.number(Num::ultramsg()).await;
    let sender = world.sender().await;
    world.hears(&first, ANNA, "to the first", "wamid.IN1").await;
    world.hears(&second, ANNA, "to the second", "wamid.IN2").await;
    for (number, id) in [(&twilio, "SM1"), (&other, "SM2")] {
        let to = number.phone.replace('+', "%2B");
        let from = ANNA.replace('+', "%2B");
        let form = format!("MessageSid={id}&From=whatsapp%3A{from}&To=whatsapp%3A{to}&Body=hello&NumMedia=0");
        world.webhook(number, &form).await;
    }
    for (number, id) in [(&gateway, "in-1"), (&next, "in-2")] {
        let heard = json!({ "event_type": "message_received", "instanceId": number.from.trim_start_matches("instance"),
            "data": { "id": id, "from": format!("{}@c.us", ANNA.trim_start_matches('+')), "type": "chat",
                      "body": "hello", "fromMe": false } });
        world.webhook(number, &heard.to_string()).await;
    }
    let mut rows = world.threads_of(ThreadScope::All).await;
    rows.sort_by_key(|row| row.last_at);
    let numbers: Vec<_> = rows.iter().map(|row| row.number.as_ref().map(|(id, _)| *id)).collect();
    let expected = [&first, &second, &twilio, &other, &gateway, &next].map(|number| Some(number.id));
    assert_eq!(numbers, expected);
    for (row, nth) in rows.iter().zip(1..) {
        world.answers(row.id, &format!("hello back {nth}")).await;
    }
    world.until_replies(&["accepted"; 6]).await;
    for (number, nth) in [&first, &second, &twilio, &other, &gateway, &next].into_iter().zip(1..) {
        let sent: Vec<_> =
            world.simulator.ledger().into_iter().filter(|entry| entry.from == number.from).collect();
        assert_eq!(sent.len(), 1, "{number:?}");
        assert_eq!(
            (sent[0].to.as_str(), sent[0].body.as_str()),
            (ANNA, format!("hello back {nth}").as_str())
        );
    }
    let sides = world.end([sender]).await;
    assert_eq!((sides.accepted, sides.received), (6, 6));
}

#[tokio::test]
async fn a_thread_without_a_number_gets_the_least_used_of_the_pool_then_the_fallbacks_then_an_error() {
    let world = World::start().await;
    let busy = world.number(Num::ultramsg().priority(1)).await;
    let free = world.number(Num::ultramsg().priority(2)).await;
    let mut spare = Num::ultramsg();
    spare.pooled = false;
    let default = world.number(spare).await;
    let last = world.number(spare).await;
    sqlx::query("update organizations set default_number_id = $1")
        .bind(default.id.0)
        .execute(&world.pool)
        .await
        .unwrap();
    let actor = Actor::operator("anna");
    let open = async |phone: &str| {
        let id = ConversationId::new();
        let phone = Phone::parse(phone).unwrap();
        let done = world.store.open_thread(world.organization, id, &phone, None, actor).await.unwrap();
        match done {
            ActionResult::Done { .. } => {
                let row = world.store.threads(world.organization, &[id.0]).await.unwrap().remove(0);
                Ok((row.number.map(|(number, _)| number), row.thread))
            }
            other => Err(refused(&other)),
        }
    };
    assert_eq!(open(ANNA).await, Ok((Some(busy.id), Some(1))), "all are as free as each other: by priority");
    assert_eq!(open(BEN).await, Ok((Some(free.id), Some(1))), "the least used");
    assert_eq!(open(ANNA).await, Ok((Some(free.id), Some(2))), "one that has no thread with the person");
    assert_eq!(open(ANNA).await, Ok((Some(busy.id), Some(2))), "both have one: the least used, by name");
    for number in [&busy, &free] {
        world.order(Action::SuspendNumber { number: number.id, until: None }).await;
    }
    assert_eq!(open(ANNA).await, Ok((Some(default.id), Some(1))), "the organisation's default number");
    world.order(Action::DisableNumber(default.id)).await;
    assert_eq!(open(ANNA).await, Ok((Some(last.id), Some(1))), "any other one");
    world.order(Action::DisableNumber(last.id)).await;
    let sentence = open(ANNA).await.unwrap_err();
    assert!(sentence.contains("no number can answer"), "{sentence}");
    // Handing over gives a number to a thread that has none.
    world.execute("update conversations set number_id = null, thread = null").await;
    let thread = world.threads_of(ThreadScope::All).await.remove(0);
    let assign = Action::AssignThread { thread: thread.id, to: Some("anna".to_owned()) };
    let sentence = refused(
        &world.store.act(world.organization, &Order::whole(assign.clone()), "anna", None).await.unwrap(),
    );
    assert!(sentence.contains("no number can answer"), "{sentence}");
    world.order(Action::ResumeNumber(free.id)).await;
    world.store.act(world.organization, &Order::whole(assign), "anna", None).await.unwrap();
    let row = world.store.threads(world.organization, &[thread.id.0]).await.unwrap().remove(0);
    assert_eq!((row.number.map(|(id, _)| id), row.assigned_to.as_deref()), (Some(free.id), Some("anna")));
    let to = Action::AssignThread { thread: thread.id, to: Some("nobody-knows".to_owned()) };
    let sentence =
        refused(&world.store.act(world.organization, &Order::whole(to), "anna", None).await.unwrap());
    assert!(sentence.contains("no such operator"), "{sentence}");
    world.assert_invariants().await;
}

#[tokio::test]
async fn a_share_of_the_day_is_held_back_for_replies_under_load() {
    let world = World::start().await;
    let number = world.number(Num::meta().daily(100).in_flight(5)).await;
    world.execute("update whatsapp_numbers set reply_share = 20").await;
    world.campaign(Camp::of(300)).await;
    let senders = [world.sender().await, world.sender().await];
    // While campaigns take what they can, replies go before them.
    for person in 0..5 {
        let phone = format!("+491511234560{person}");
        world.hears(&number, &phone, "Hello?", &format!("wamid.A{person}")).await;
        let thread = world.threads_of(ThreadScope::Unread).await.remove(0);
        world.answers(thread.id, &format!("Hello {person}.")).await;
    }
    world.until_counts("campaigns have taken their part", 20, |counts| counts.accepted == 80).await;
    world.until_replies(&["accepted"; 5]).await;
    crate::world::throughout("campaigns leave the rest alone", Duration::from_secs(1), async || {
        world.counts().await.attempts == 80
    })
    .await;
    for person in 0..20 {
        let phone = format!("+49151123457{person:02}");
        world.hears(&number, &phone, "Hello?", &format!("wamid.B{person}")).await;
        let thread = world.threads_of(ThreadScope::Unread).await.remove(0);
        world.answers(thread.id, &format!("Hello again {person}.")).await;
    }
    until("replies have taken the rest of the day", 20, async || {
        world.value::<i32>("select reserved from quota_usage where scope = 'number'").await == 100
    })
    .await;
    let mut states = world.reply_states().await;
    states.sort();
    let waiting = states.iter().filter(|state| *state == "queued").count();
    assert_eq!((waiting, states.len()), (5, 25), "the day's limit holds for replies too");
    let sides = world.end(senders).await;
    assert_eq!((sides.accepted, sides.received), (100, 100));
}

#[tokio::test]
async fn a_share_of_the_rate_is_held_back_for_replies() {
    let world = World::start().await;
    let number = world.number(Num::meta().per_second(20).in_flight(20)).await;
    world.execute("update whatsapp_numbers set reply_share = 50").await;
    world.campaign(Camp::of(400)).await;
    let sender = world.sender().await;
    world.hears(&number, ANNA, "Hello?", "wamid.IN1").await;
    let thread = world.thread().await;
    let began = std::time::Instant::now();
    let before = world.counts().await.attempts;
    for nth in 0..20 {
        world.answers(thread.id, &format!("Answer {nth}.")).await;
    }
    world.until_replies(&["accepted"; 20]).await;
    let took = began.elapsed().as_secs_f64();
    #[expect(clippy::cast_precision_loss, reason = "hundreds")]
    let rate = (world.counts().await.attempts - before) as f64 / took;
    assert!(rate < 12.5, "campaigns sent {rate:.1} a second beside the replies");
    assert!(took < 6.0, "twenty replies took {took:.1} s");
    sender.drain(Duration::from_secs(5)).await;
    world.assert_invariants().await;
}

/// The plan leaves that share by itself; the claim does too, for a sender that knows nothing of it.
#[tokio::test]
async fn claims_leave_the_share_of_replies_whatever_a_sender_believes() {
    let world = World::scripted("").await;
    let campaign = world.campaign(Camp::of(40)).await;
    let claimer = world.claimers(1).await.remove(0);
    world.execute("update whatsapp_numbers set daily_limit = 10, reply_share = 20, per_second = 20").await;
    let claimed = claimer.store.claim(&world.request(&claimer, campaign, 10)).await.unwrap();
    assert_eq!(claimed.messages.len(), 8, "of ten a day, two are for replies");
    let (campaigns, replies): (f64, f64) = sqlx::query_as(
        "select extract(epoch from next_send_at - last_sent_at)::double precision,
                extract(epoch from next_reply_at - last_sent_at)::double precision from number_pacing",
    )
    .fetch_one(&world.pool)
    .await
    .unwrap();
    // A slot of ten at twenty a second; of the rate, too, a fifth stays free.
    assert!((campaigns - 0.625).abs() < 1e-6 && (replies - 0.5).abs() < 1e-6, "{campaigns} {replies}");
    world.execute("update number_pacing set next_send_at = '-infinity'").await;
    let claimed = claimer.store.claim(&world.request(&claimer, campaign, 10)).await.unwrap();
    assert_eq!(claimed.messages.len(), 0, "the rest of the day is not the campaign's");
    world.assert_invariants().await;
}

/// An import held their contact when they wrote.
#[tokio::test]
async fn contacts_are_told_later_what_people_said() {
    let world = World::start().await;
    world.number(Num::meta()).await;
    let told = "with held as (
                    insert into contacts (organization_id, id, phone, consent, consent_at)
                    select id, new_uuid(), '+4915112345678', true, now() from organizations)
                insert into consents_to_settle (organization_id, phone, consent, method, at)
                select id, '+4915112345678', false, 'reply', now() from organizations";
    assert_eq!(world.execute(told).await, 1);
    let sender = world.sender().await;
    until("the contact says it", 60, async || {
        world
            .value::<i64>("select count(*) from contacts where not consent and consent_method = 'reply'")
            .await
            == 1
    })
    .await;
    sender.drain(Duration::from_secs(5)).await;
}
