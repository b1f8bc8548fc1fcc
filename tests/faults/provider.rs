//! The provider misbehaves: rows 23 to 33 and 36, 37.

use crate::world::{
    Made, TIMING, World,
    provider::{ByHand, answer, nobody},
    seed::{Camp, Num, Number},
    throughout, until,
};
use signalbox::{domain::number::ProviderKind, sender::Timing};
use std::{
    net::SocketAddr,
    sync::{
        Arc, Mutex,
        atomic::{AtomicUsize, Ordering},
    },
    time::{Duration, Instant},
};

impl World {
    /// What the number has charged today.
    async fn charged(&self, number: &Number) -> i32 {
        sqlx::query_scalar(
            "select coalesce(sum(reserved), 0)::integer from quota_usage
              where organization_id = $1 and scope = 'number' and scope_id = $2",
        )
        .bind(self.organization.0)
        .bind(number.id.0)
        .fetch_one(&self.pool)
        .await
        .unwrap()
    }

    async fn suspended_numbers(&self) -> i64 {
        self.value("select count(*) from whatsapp_numbers where suspended_at is not null or limited_until is not null")
            .await
    }

    /// Moves every account to another place, as an operator who corrects an address.
    async fn move_accounts(&self, base_url: Option<&str>) {
        sqlx::query("update accounts set base_url = $1, revision = revision + 1")
            .bind(base_url)
            .execute(&self.pool)
            .await
            .unwrap();
    }

    /// The distinct codes of attempts in this state.
    async fn codes(&self, state: &str) -> Vec<String> {
        sqlx::query_scalar(
            "select distinct coalesce(code, '') from attempts where state::text = $1 order by 1",
        )
        .bind(state)
        .fetch_all(&self.pool)
        .await
        .unwrap()
    }
}

/// Everything at the first try is not sent for this cause; nothing is suspended and nothing stays charged; when the
/// provider is back, everything arrives.
async fn unreachable_until_back(base_url: &str, code: &str) {
    let world = World::start().await;
    let number = world.number(Num::meta().in_flight(3).daily(100)).await;
    world.move_accounts(Some(base_url)).await;
    world.campaign(Camp::of(6)).await;
    let sender = world.sender().await;
    until("the provider is marked as down", 15, async || {
        world.value::<i64>("select count(*) from accounts where unreachable_since is not null").await == 1
    })
    .await;
    // The mark and the outcome are written by different tasks.
    until("the outcome is recorded", 5, async || !world.codes("not_sent").await.is_empty()).await;
    assert_eq!(world.codes("not_sent").await, [code]);
    assert_eq!(world.suspended_numbers().await, 0, "the number is not to blame");
    until("the cap is given back", 5, async || world.charged(&number).await == 0).await;
    world.move_accounts(None).await;
    world.until_all_accepted(30).await;
    until("the provider is marked as back", 5, async || {
        world.value::<i64>("select count(*) from accounts where unreachable_since is not null").await == 0
    })
    .await;
    let sides = world.end([sender]).await;
    assert_eq!((sides.accepted, sides.received), (6, 6));
}

#[tokio::test]
async fn row_23_refused_connection_is_not_sent_and_blames_nobody_but_the_way() {
    unreachable_until_back(&format!("http://{}", nobody().await), "refused").await;
}

#[tokio::test]
async fn row_23_unknown_name_is_not_sent_and_blames_nobody_but_the_way() {
    unreachable_until_back("https://no-such-host.invalid", "resolve").await;
}

/// A server with a certificate that nobody signed.
async fn untrusted() -> SocketAddr {
    let made = rcgen::generate_simple_self_signed(vec!["localhost".to_owned()]).unwrap();
    let key = rustls::pki_types::PrivatePkcs8KeyDer::from(made.signing_key.serialize_der());
    let config = rustls::ServerConfig::builder_with_provider(rustls::crypto::ring::default_provider().into())
        .with_safe_default_protocol_versions()
        .unwrap()
        .with_no_client_auth()
        .with_single_cert(vec![made.cert.der().clone()], key.into())
        .unwrap();
    let acceptor = tokio_rustls::TlsAcceptor::from(std::sync::Arc::new(config));
    let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
    let address = listener.local_addr().unwrap();
    tokio::spawn(async move {
        loop {
            let (stream, _) = listener.accept().await.unwrap();
            let acceptor = acceptor.clone();
            tokio::spawn(async move {
                // The client leaves during the handshake.
                assert!(
                    acceptor.accept(stream).await.is_err(),
                    "a client trusted a certificate that nobody signed"
                );
            });
        }
    });
    address
}

#[tokio::test]
async fn row_24_unverified_certificate_is_not_sent() {
    let address = untrusted().await;
    unreachable_until_back(&format!("https://localhost:{}", address.port()), "tls").await;
}

/// One message through the gateway that can be asked. The first try meets this rule; in the end the message has arrived
/// once. Answers which tries were made, by the state in which they ended.
async fn settled_by_asking(then: &str, in_doubt_within: u64) -> (World, i64) {
    let world = World::scripted(&format!("[[rule]]\nwhen = {{ nth = 1 }}\nthen = {{ {then} }}\n")).await;
    world.number(Num::ultramsg()).await;
    world.campaign(Camp::of(1)).await;
    let sender = world.sender().await;
    world.until_counts("one in doubt", in_doubt_within, |counts| counts.in_doubt == 1).await;
    world.until_all_accepted(20).await;
    let sides = world.end([sender]).await;
    assert_eq!((sides.accepted, sides.received, sides.in_doubt), (1, 1, 0));
    let tries = world.counts().await.attempts;
    (world, tries)
}

#[tokio::test]
async fn row_25_answer_lost_after_the_request_was_taken_is_in_doubt_and_found_again() {
    let (_, tries) = settled_by_asking("accept_then_cut = true", 5).await;
    assert_eq!(tries, 1, "found by its reference, not sent again");
}

#[tokio::test]
async fn row_25_answer_that_never_comes_is_in_doubt_and_found_again() {
    let (_, tries) = settled_by_asking("wait = true, accepted = true", 5).await;
    assert_eq!(tries, 1);
}

#[tokio::test]
async fn row_25_request_that_never_arrived_is_sent_again_only_on_the_providers_proof() {
    let (world, tries) = settled_by_asking("cut_before = true", 5).await;
    assert_eq!(tries, 2, "not taken, so it was tried again");
    assert_eq!(world.codes("not_sent").await, ["absent"]);
}

#[tokio::test]
async fn row_26_answer_after_the_limit_is_in_doubt_until_evidence_comes() {
    let (_, tries) = settled_by_asking("latency = '6s', accept = true", 5).await;
    assert_eq!(tries, 1);
}

#[tokio::test]
async fn row_26_provider_that_cannot_be_asked_leaves_the_doubt_to_a_person() {
    let world = World::scripted("[[rule]]\nthen = { wait = true }\n").await;
    world.number(Num::meta()).await;
    world.campaign(Camp::of(1)).await;
    let sender = world.sender().await;
    world.until_counts("one in doubt", 5, |counts| counts.in_doubt == 1).await;
    throughout("nothing is resent", Duration::from_secs(4), async || {
        world.simulator.requests() == 1 && world.counts().await.in_doubt == 1
    })
    .await;
    let sides = world.end([sender]).await;
    assert_eq!((sides.in_doubt, sides.received), (1, 0));
    assert_eq!(
        world.value::<i32>("select sum(reserved)::integer from quota_usage where scope = 'number'").await,
        1
    );
}

/// What nobody knows is asked about at once and again at every pass: the settle time is over when it begins.
const ASKED_AT_ONCE: Timing = Timing { settle: Duration::from_millis(1), ..TIMING };

#[tokio::test]
async fn row_26_not_known_once_is_no_proof() {
    let world = World::scripted("[[rule]]\nwhen = { nth = 1 }\nthen = { cut_before = true }\n").await;
    world.number(Num::ultramsg()).await;
    world.campaign(Camp::of(1)).await;
    let sender = world.sender_with(&world.database, |config| config.timing = ASKED_AT_ONCE).await;
    world.until_all_accepted(20).await;
    assert_eq!(world.value::<i16>("select absences from attempts where state = 'not_sent'").await, 2);
    let sides = world.end([sender]).await;
    assert_eq!((sides.accepted, sides.received), (1, 1));
}

#[tokio::test]
async fn row_26_provider_that_lists_what_it_took_only_later_does_not_get_it_twice() {
    let taken: Arc<Mutex<Vec<(Instant, String)>>> = Arc::default();
    let posted = Arc::clone(&taken);
    let server = ByHand::serve(move |_, request| {
        let posted = Arc::clone(&posted);
        async move {
            let mut posted = posted.lock().unwrap();
            if request.starts_with("POST") {
                let reference = request.rsplit_once("referenceId=").unwrap().1[..36].to_owned();
                posted.push((Instant::now(), reference));
                return None;
            }
            let listed = |(at, reference): &(Instant, String)| {
                (at.elapsed() > Duration::from_secs(5))
                    .then(|| format!(r#"{{"id":7,"referenceId":"{reference}","status":"sent"}}"#))
            };
            let listed: Vec<String> = posted.iter().filter_map(listed).collect();
            let (total, listed) = (listed.len(), listed.join(","));
            Some(answer(200, "", &format!(r#"{{"total":{total},"messages":[{listed}]}}"#)))
        }
    })
    .await;
    let world = World::start().await;
    world.number(Num::ultramsg()).await;
    world.move_accounts(Some(&server.base_url())).await;
    world.campaign(Camp::of(1)).await;
    let settle = Duration::from_secs(8);
    let sender =
        world.sender_with(&world.database, |config| config.timing = Timing { settle, ..TIMING }).await;
    world.until_all_accepted(25).await;
    assert!(world.value::<i16>("select max(absences) from attempts").await >= 1, "it was asked before");
    assert_eq!(taken.lock().unwrap().len(), 1, "it was sent again before absence could be proof");
    sender.drain(Duration::from_secs(10)).await;
    world.assert_invariants().await;
}

#[tokio::test]
async fn row_26_provider_whose_no_is_no_proof_leaves_the_doubt_to_a_person() {
    let world = World::scripted("[[rule]]\nthen = { cut_before = true }\n").await;
    world.number(Num::at(ProviderKind::Twilio)).await;
    world.campaign(Camp::of(1)).await;
    let sender = world.sender_with(&world.database, |config| config.timing = ASKED_AT_ONCE).await;
    until("it says no three times", 20, async || {
        world.value::<i64>("select coalesce(max(absences), 0)::bigint from attempts").await >= 3
    })
    .await;
    assert_eq!((world.counts().await.in_doubt, world.counts().await.attempts), (1, 1));
    world.end([sender]).await;
}

#[tokio::test]
async fn row_27_dripped_answer_is_cut_at_the_limit_and_in_doubt() {
    let (_, tries) = settled_by_asking("drip = '1s'", 5).await;
    assert_eq!(tries, 1);
}

#[tokio::test]
async fn row_28_two_hundred_with_rubbish_is_in_doubt() {
    for garbage in ["html", "truncated", "empty", "huge"] {
        let (world, tries) = settled_by_asking(&format!("garbage = '{garbage}'"), 5).await;
        assert_eq!(tries, 2, "{garbage}: proven absent, sent again");
        let words: Vec<String> = sqlx::query_scalar("select coalesce(words, '') from attempts")
            .fetch_all(&world.pool)
            .await
            .unwrap();
        let clean = |text: &String| text.chars().count() <= 500 && !text.chars().any(char::is_control);
        assert!(words.iter().all(clean), "{garbage}: {words:?}");
    }
}

#[tokio::test]
async fn row_28_rubbish_is_kept_clean_and_short() {
    let nasty = "\\u001b[2J\\u001b]0;taken\\u0007\\u202e evil ".repeat(100);
    let script = format!("[[rule]]\nthen = {{ status = 200, body = \"{nasty}\" }}\n");
    let world = World::scripted(&script).await;
    // It cannot be asked, so that the words stay.
    world.number(Num::meta()).await;
    world.campaign(Camp::of(1)).await;
    let sender = world.sender().await;
    world.until_counts("one in doubt", 5, |counts| counts.in_doubt == 1).await;
    let words: String = world.value("select words from attempts").await;
    assert!(words.contains("evil") && words.chars().count() <= 500, "{words:?}");
    assert!(!words.chars().any(|each| each.is_control() || each == '\u{202e}'), "{words:?}");
    world.end([sender]).await;
}

#[tokio::test]
async fn row_28_rubbish_after_acceptance_is_found_and_not_sent_again() {
    for garbage in ["html", "huge"] {
        let (_, tries) = settled_by_asking(&format!("garbage = '{garbage}', accepted = true"), 5).await;
        assert_eq!(tries, 1, "{garbage}");
    }
}

#[tokio::test]
async fn row_29_id_given_twice_is_kept_for_both() {
    let world = World::scripted("[[rule]]\nwhen = { nth = 2 }\nthen = { same_id = true }\n").await;
    world.number(Num::meta().in_flight(1)).await;
    world.campaign(Camp::of(3)).await;
    let sender = world.sender().await;
    world.until_all_accepted(10).await;
    let sides = world.end([sender]).await;
    assert_eq!((sides.accepted, sides.received), (3, 3));
    let shared: i64 = world
        .value(
            "select max(n) from (select count(*) as n from provider_messages group by provider_message_id) x",
        )
        .await;
    assert_eq!(shared, 2, "the id leads to both attempts");
}

#[tokio::test]
async fn row_30_server_errors_without_the_providers_words_are_in_doubt() {
    for status in [500, 502, 503, 504] {
        let script = format!("[[rule]]\nthen = {{ status = {status}, body = '<html>oops</html>' }}\n");
        let world = World::scripted(&script).await;
        world.number(Num::meta()).await;
        world.campaign(Camp::of(1)).await;
        let sender = world.sender().await;
        world.until_counts("one in doubt", 5, |counts| counts.in_doubt == 1).await;
        assert_eq!(world.codes("in_doubt").await, [format!("http_{status}")]);
        world.end([sender]).await;
        assert_eq!(world.simulator.requests(), 1, "{status}: never resent");
    }
}

#[tokio::test]
async fn row_30_server_error_in_the_providers_own_words_is_a_refusal() {
    let world = World::scripted("[[rule]]\nthen = { error = 131016 }\n").await;
    let number = world.number(Num::meta().daily(10)).await;
    world.campaign(Camp::of(1)).await;
    let sender = world.sender().await;
    until("it is refused", 5, async || world.attempts("rejected").await == 1).await;
    world.until_counts("it waits to be tried again", 5, |counts| counts.queued == 1).await;
    assert!(
        world.value::<bool>("select bool_and(due_at > clock_timestamp()) from campaign_recipients").await
    );
    assert_eq!(world.charged(&number).await, 0, "a refusal gives the cap back");
    world.end([sender]).await;
}

#[tokio::test]
async fn row_31_throttled_number_waits_as_long_as_asked_and_never_too_long() {
    // What the header says, and between which seconds from now the number goes on.
    for (retry_after, least, most) in [
        ("retry_after = 2", 0.5, 3.0),
        ("retry_after = -5", 0.0, 2.0),
        ("retry_after = 31536000", 3_500.0, 3_601.0),
        ("retry_after = 'Wed, 21 Oct 2065 07:28:00 GMT'", 1.0, 3_601.0),
        ("retry_after = 'soon'", 1.0, 61.0),
    ] {
        let script = format!("[[rule]]\nwhen = {{ nth = 1 }}\nthen = {{ throttle = '1s', {retry_after} }}\n");
        let world = World::scripted(&script).await;
        let number = world.number(Num::meta().in_flight(1).daily(10)).await;
        world.campaign(Camp::of(2)).await;
        let sender = world.sender().await;
        until("the number rests", 5, async || {
            world.value::<i64>("select count(*) from whatsapp_numbers where limited_until is not null").await
                == 1
        })
        .await;
        let rests: f64 = world
            .value("select extract(epoch from limited_until - clock_timestamp())::double precision from whatsapp_numbers")
            .await;
        assert!(rests > least && rests <= most, "{retry_after}: rests for {rests} s");
        until("the refusal is recorded", 5, async || world.attempts("rejected").await == 1).await;
        until("the cap is given back", 5, async || world.charged(&number).await == 0).await;
        assert_eq!(world.simulator.requests(), 1, "{retry_after}: nothing more is tried while it rests");
        if most <= 3.0 {
            world.until_all_accepted(20).await;
        }
        world.end([sender]).await;
    }
}

#[tokio::test]
async fn row_32_redirect_is_not_followed_and_the_token_goes_nowhere_else() {
    let elsewhere = ByHand::serve(async |_, _| Some(answer(200, "", "{}"))).await;
    for status in [307, 308] {
        let script = format!(
            "[[rule]]\nthen = {{ redirect = {status}, location = '{}/instance1/messages/chat' }}\n",
            elsewhere.base_url()
        );
        for provider in ProviderKind::ALL {
            let world = World::scripted(&script).await;
            world.number(Num::at(provider)).await;
            world.campaign(Camp::of(1)).await;
            let sender = world.sender().await;
            until("it has an outcome", 5, async || {
                world.attempts("in_doubt").await + world.attempts("not_sent").await >= 1
            })
            .await;
            assert_eq!(world.attempts("accepted").await, 0);
            world.end([sender]).await;
        }
    }
    assert_eq!(elsewhere.count(), 0, "a redirect was followed");
}

#[tokio::test]
async fn row_33_pooled_connection_closed_as_we_write_is_in_doubt_and_not_written_again() {
    // One connection: the first message is answered, the second is read and the connection closed.
    let sent = Arc::new(AtomicUsize::new(0));
    let posted = Arc::clone(&sent);
    let server = ByHand::serve(move |_, request| {
        let posted = Arc::clone(&posted);
        async move {
            if !request.starts_with("POST") {
                // The list of templates, which is asked for beside.
                return Some(answer(200, "", r#"{"data":[]}"#));
            }
            let nth = posted.fetch_add(1, Ordering::Relaxed);
            (nth != 1).then(|| answer(200, "", &format!(r#"{{"messages":[{{"id":"wamid.{nth}"}}]}}"#)))
        }
    })
    .await;
    let world = World::start().await;
    world.number(Num::meta().in_flight(1)).await;
    world.move_accounts(Some(&server.base_url())).await;
    world.campaign(Camp::of(3)).await;
    let sender = world.sender().await;
    world
        .until_counts("two accepted, one in doubt", 10, |counts| counts.accepted == 2 && counts.in_doubt == 1)
        .await;
    let written = async || sent.load(Ordering::Relaxed) == 3;
    throughout("nothing is written again", Duration::from_secs(2), written).await;
    sender.drain(Duration::from_secs(10)).await;
    assert_eq!(world.attempts("in_doubt").await, 1);
    world.assert_invariants().await;
}

#[tokio::test]
async fn row_36_outage_of_a_provider_suspends_no_number_and_is_one_mark() {
    let world = World::start().await;
    for _ in 0..3 {
        world.number(Num::meta().in_flight(2)).await;
    }
    world.move_accounts(Some(&format!("http://{}", nobody().await))).await;
    world.campaign(Camp::of(200)).await;
    let sender = world.sender().await;
    until("the provider is marked as down", 10, async || {
        world.value::<i64>("select count(*) from accounts where unreachable_since is not null").await == 1
    })
    .await;
    tokio::time::sleep(Duration::from_secs(3)).await;
    assert_eq!(world.suspended_numbers().await, 0);
    assert_eq!(world.value::<i64>("select count(*) from failovers").await, 0);
    let tries = world.counts().await.attempts;
    assert!(tries < 40, "the breaker stops the tries: {tries} in three seconds");
    world.move_accounts(None).await;
    world.until_all_accepted(40).await;
    let sides = world.end([sender]).await;
    assert_eq!((sides.accepted, sides.received), (200, 200));
}

#[tokio::test]
async fn row_37_bad_content_stops_its_campaign_and_nothing_else() {
    let world =
        World::scripted("[[rule]]\nwhen = { text_contains = 'rotten' }\nthen = { error = 132001 }\n").await;
    world.number(Num::meta().in_flight(4)).await;
    let rotten = world.campaign(Camp { text: "rotten", ..Camp::of(200) }).await;
    let fresh = world.campaign(Camp::of(100)).await;
    let sender = world.sender().await;
    until("the campaign pauses itself", 10, async || {
        world
            .value::<i64>("select count(*) from campaigns where state = 'paused' and changed_by = 'sender'")
            .await
            == 1
    })
    .await;
    until("the other one is complete", 10, async || world.counts_of(fresh).await.accepted == 100).await;
    let failed = world.counts_of(rotten).await.failed;
    // What begins while the pause is on its way through the database is as quick as the machine.
    assert!((10..=20).contains(&failed), "ten refusals, and what was in the air by then: {failed}");
    assert_eq!(world.suspended_numbers().await, 0, "the number is not to blame");
    let why: String = world.value("select hold_reason from campaigns where state = 'paused'").await;
    assert!(why.contains("132001"), "{why}");
    world.end([sender]).await;
}

#[tokio::test]
async fn a_world_without_faults_is_sent_completely() {
    let world = Made::default().world().await;
    world.number(Num::meta()).await;
    world.number(Num::ultramsg()).await;
    world.number(Num::at(ProviderKind::Twilio)).await;
    world.campaign(Camp::of(300)).await;
    let sender = world.sender().await;
    world.until_all_accepted(20).await;
    let sides = world.end([sender]).await;
    assert_eq!((sides.accepted, sides.received, sides.in_doubt), (300, 300, 0));
}
