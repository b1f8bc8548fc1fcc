//! How a number is, asked with the real client and dialects: what the script says is what is read.

use super::*;
use crate::{
    domain::{
        health::{Health, Quality, Reach, Standing},
        number::ProviderKind,
        outcome::Class,
        phone::Phone,
    },
    provider::{
        Credential,
        client::{Client, Settings},
        dialect,
        simulator::twilio::AUTH_TOKEN,
    },
};

const SUSPENDED: Standing = Standing::NotSendable(Class::NumberSuspended);
const FATAL: Standing = Standing::NotSendable(Class::AccountFatal);

async fn check_as(simulator: &Simulator, kind: ProviderKind, token: &str) -> Health {
    let sender = match kind {
        ProviderKind::Meta => "1001",
        ProviderKind::Ultramsg => "instance7",
        ProviderKind::Twilio => "",
    };
    let credential = Credential { external_id: "ACde".into(), token: token.to_owned().into() };
    let own = if kind == ProviderKind::Ultramsg { "+237600000102" } else { "+14155550105" };
    let phone = Phone::parse(own).unwrap();
    let line = dialect(kind).line(&simulator.base_url(), credential, sender, &phone).unwrap();
    Client::new(&Settings::default()).unwrap().check(dialect(kind), &line).await
}

async fn check(simulator: &Simulator, kind: ProviderKind) -> Health {
    check_as(simulator, kind, "token").await
}

/// With one sender of each provider on record.
const DECLARED: &str = "
    [[account]]\nprovider = 'meta'\ntoken = 'token'\n
    [[account]]\nprovider = 'ultramsg'\ntoken = 'token'\n
    [[account]]\nprovider = 'twilio'\nid = 'ACde'\ntoken = 'token'\n
    [[number]]\nprovider = 'meta'\nphone = '+237600000101'\nid = '1001'\n
    [[number]]\nprovider = 'ultramsg'\nphone = '+237600000102'\nid = 'instance7'\n
    [[number]]\nprovider = 'twilio'\nphone = '+14155550105'\n";

fn declared(more: &str) -> Simulator {
    start(&format!("{DECLARED}\n{more}"))
}

#[tokio::test]
async fn a_number_of_which_the_script_says_nothing_is_well() {
    let simulator = declared("");
    for kind in ProviderKind::ALL {
        let health = check(&simulator, kind).await;
        assert_eq!((health.standing, health.code), (Standing::Sendable, None), "{kind}");
        let rated = (kind != ProviderKind::Ultramsg).then_some((Quality::Green, Reach::People(10_000)));
        assert_eq!(health.quality.zip(health.reach), rated, "{kind}");
        let health = check_as(&simulator, kind, "another").await;
        assert_eq!(health.standing, Standing::NotSendable(Class::NumberAuth), "{kind}");
    }
    assert_eq!(simulator.requests(), 0, "a check is no send request");
}

#[tokio::test]
async fn what_suspends_a_number_shows_when_it_is_asked() {
    let simulator = declared("[[rule]]\nthen = { suspend = true }");
    let _ = meta(&simulator, &meta_body("+237600000001", "a")).await;
    let _ = ultramsg(&simulator, "token=token&to=%2B237600000001&body=a").await;
    let _ = twilio(&simulator, "To=whatsapp%3A%2B237600000003&From=whatsapp%3A%2B14155550105&Body=c").await;
    for (kind, code) in [
        (ProviderKind::Meta, "status_disconnected"),
        (ProviderKind::Ultramsg, "non_payment"),
        (ProviderKind::Twilio, "status_offline"),
    ] {
        let health = check(&simulator, kind).await;
        assert_eq!((health.standing, health.code.as_deref()), (SUSPENDED, Some(code)), "{kind}");
    }
    let simulator = declared(
        "[[rule]]\nwhen = { provider = 'meta' }\nthen = { suspend = true, error = 131031 }\n\
         [[rule]]\nthen = { suspend = true, error = 'not_connected' }",
    );
    let _ = meta(&simulator, &meta_body("+237600000001", "a")).await;
    let _ = ultramsg(&simulator, "token=token&to=%2B237600000001&body=a").await;
    assert_eq!(check(&simulator, ProviderKind::Meta).await.code.as_deref(), Some("status_banned"));
    assert_eq!(check(&simulator, ProviderKind::Ultramsg).await.code.as_deref(), Some("status_qr"));
}

#[tokio::test]
async fn the_script_words_state_quality_and_limit() {
    let simulator = declared(
        "[[health]]\nwhen = { number = '1001' }\n\
         then = { can_send = 'LIMITED', quality = 'RED', limit = 'TIER_250' }\n\
         [[health]]\nwhen = { provider = 'ultramsg' }\nthen = { status = 'retrying' }\n\
         [[health]]\nwhen = { number = '+14155550105' }\n\
         then = { status = 'OFFLINE', quality = 'LOW', limit = 'Unlimited' }",
    );
    let health = check(&simulator, ProviderKind::Meta).await;
    assert_eq!(health.standing, Standing::Limited);
    assert_eq!((health.quality, health.reach), (Some(Quality::Red), Some(Reach::People(250))));
    let health = check(&simulator, ProviderKind::Ultramsg).await;
    assert!(matches!(health.standing, Standing::NotSendable(Class::Transient(_))), "{health:?}");
    let health = check(&simulator, ProviderKind::Twilio).await;
    assert_eq!(health.standing, SUSPENDED);
    assert_eq!((health.quality, health.reach), (Some(Quality::Red), Some(Reach::Unlimited)));
}

#[tokio::test]
async fn an_instance_that_drives_another_phone_is_not_well() {
    let simulator =
        declared("[[health]]\nwhen = { number = 'instance7' }\nthen = { linked = '+237699000001' }");
    let health = check(&simulator, ProviderKind::Ultramsg).await;
    assert_eq!((health.standing, health.code.as_deref()), (SUSPENDED, Some("other_phone")));
    assert!(!health.words.contains("+237699000001"), "masked: {}", health.words);
    assert_eq!(simulator.questions(), 1, "the status is counted elsewhere");
}

#[tokio::test]
async fn an_account_that_is_out_and_a_field_that_may_not_be_read() {
    let simulator = declared(
        "[[health]]\nwhen = { account = 'ACde' }\nthen = { status = 'suspended' }\n\
         [[health]]\nwhen = { provider = 'meta' }\nthen = { without = ['health_status'], quality = 'YELLOW' }",
    );
    let health = check(&simulator, ProviderKind::Twilio).await;
    assert_eq!((health.standing, health.code.as_deref()), (FATAL, Some("account_suspended")));
    assert!(!format!("{health:?}").contains(AUTH_TOKEN));
    let health = check(&simulator, ProviderKind::Meta).await;
    assert_eq!((health.standing, health.quality), (Standing::Sendable, Some(Quality::Yellow)));
    assert_eq!(health.reach, None, "the short question does not ask for it");
    simulator.set_script(
        Script::parse(&format!(
            "{DECLARED}\n[[health]]\nthen = {{ error = 4, details = 'slower' }}\n\
             [[health]]\nwhen = {{ account = 'ACde' }}\nthen = {{ error = 20403 }}"
        ))
        .unwrap(),
    );
    assert_eq!(check(&simulator, ProviderKind::Meta).await.standing, Standing::Unclear);
    assert_eq!(check(&simulator, ProviderKind::Twilio).await.standing, FATAL);
}

#[tokio::test]
async fn what_keeps_the_answer_away_says_nothing_of_the_number() {
    let gone = declared("");
    let address = gone.base_url();
    gone.stop().await;
    for kind in ProviderKind::ALL {
        let credential = Credential { external_id: "ACde".into(), token: "token".to_owned().into() };
        let phone = Phone::parse("+14155550105").unwrap();
        let line = dialect(kind).line(&address, credential, "7", &phone).unwrap();
        let health = Client::new(&Settings::default()).unwrap().check(dialect(kind), &line).await;
        assert_eq!((health.standing, health.code.as_deref()), (Standing::Unclear, Some("refused")));
    }
}

#[tokio::test]
async fn the_listing_of_senders_is_as_strict_as_twilio_s() {
    let many: String = (0..45).fold(String::from(DECLARED), |script, nth| {
        format!("{script}\n[[number]]\nprovider = 'twilio'\nphone = '+141555502{nth:02}'\n")
    });
    let simulator = start(&many);
    let headers = [("authorization", LOGIN)];
    let get = |path: &'static str| ask(&simulator, "GET", path, &headers, "");
    assert_eq!(get("/v2/Channels/Senders").await.0, 422);
    assert_eq!(get("/v2/Channels/Senders?Channel=whatsapp&PageSize=0").await.0, 422);
    assert_eq!(ask(&simulator, "GET", "/v2/Channels/Senders?Channel=whatsapp", &[], "").await.0, 401);
    let (_, page) = get("/v2/Channels/Senders?Channel=whatsapp&PageSize=20&Page=2").await;
    let page: serde_json::Value = serde_json::from_str(&page).unwrap();
    assert_eq!((page["senders"].as_array().unwrap().len(), &page["meta"]["next_page_url"]), (6, &().into()));
    let sid = page["senders"][5]["sid"].as_str().unwrap();
    let path = format!("/v2/Channels/Senders/{sid}");
    let (status, one) = ask(&simulator, "GET", &path, &headers, "").await;
    assert_eq!((status, one), (200, page["senders"][5].to_string()));
    assert_eq!(get("/v2/Channels/Senders/XEffff").await.0, 404);
    // The last of them is found over three pages.
    let credential = Credential { external_id: "ACde".into(), token: "token".to_owned().into() };
    let phone = Phone::parse("+14155550244").unwrap();
    let provider = dialect(ProviderKind::Twilio);
    let line = provider.line(&simulator.base_url(), credential, "", &phone).unwrap();
    let health = Client::new(&Settings::default()).unwrap().check(provider, &line).await;
    assert_eq!(health.standing, Standing::Sendable, "{health:?}");
}
