//! Webhook bodies, in every provider's reading, and the proofs of who sent them.

use crate::{
    corpus::{self, ATTEMPT},
    is_clean,
    mutate::{mutate, shown},
    run,
};
use signalbox::{
    domain::{delivery::Delivery, number::ProviderKind, outcome::WORDS_LIMIT},
    provider::{
        dialect,
        report::{Change, Delivered, News, Report, Sender},
        signature,
    },
};

#[test]
fn a_body_is_read_or_refused_and_nothing_in_it_does_harm() {
    let good = corpus::reports();
    run("reports", 15_000, |chance| {
        let (provider, text) = chance.pick(&good);
        // JSON where a form is expected, one provider's words to another.
        let provider = if chance.below(6) == 0 { *chance.pick(&ProviderKind::ALL) } else { *provider };
        let other = &chance.pick(&good).1;
        let body = mutate(chance, text, other);
        let query = mutate(chance, &format!("ref={ATTEMPT}"), text);
        let query = String::from_utf8_lossy(&query);
        let delivered = Delivered { query: &query, body: &body };
        let Ok(reports) = dialect(provider).read_report(&delivered) else { return };
        assert!(reports.len() <= body.len(), "{}", shown(&body));
        for report in &reports {
            check(report);
        }
    });
}

fn check(report: &Report) {
    match report {
        Report::Receipt(receipt) => {
            receipt.message.iter().for_each(|id| is_id(id));
            assert_eq!(receipt.failure.is_some(), receipt.delivery == Delivery::Failed, "{receipt:?}");
            if let Some(failure) = &receipt.failure {
                is_clean(&failure.words);
                is_clean(failure.code.as_deref().unwrap_or_default());
            }
            is_sender(&receipt.sender);
        }
        Report::Inbound(inbound) => {
            is_id(&inbound.message);
            inbound.answers.iter().for_each(|id| is_id(id));
            for text in [&inbound.kind, &inbound.text] {
                is_clean(text);
            }
            for text in inbound.from_id.iter().chain(&inbound.profile) {
                is_clean(text);
            }
            is_sender(&inbound.sender);
        }
        Report::Preference(_) => {}
        Report::News(News { sender, change, code, words }) => {
            is_sender(sender);
            is_clean(code);
            is_clean(words);
            assert!(words.chars().count() <= WORDS_LIMIT);
            if let Change::Template { name, language, status } = change {
                [name, language, status].into_iter().for_each(|text| is_clean(text));
            }
        }
    }
}

fn is_sender(sender: &Sender) {
    if let Sender::Id(id) = sender {
        is_id(id);
    }
}

fn is_id(id: &str) {
    assert!(!id.is_empty() && id.len() <= 264 && id.bytes().all(|byte| byte.is_ascii_graphic()), "{id:?}");
}

#[test]
fn nothing_is_believed_but_what_was_signed() {
    const META: &str = r#"{"object":"whatsapp_business_account","entry":[]}"#;
    const META_SIGNATURE: &str = "sha256=09eceea024af6e6343b760cc9bd3ae7c056938dd636e24e92109eb8219500384";
    const TWILIO: &str = "AccountSid=AC00000000000000000000000000000001&ChannelPrefix=whatsapp&From=whatsapp%3A%2B14155238886\
        &MessageSid=SM00000000000000000000000000000001&MessageStatus=delivered&To=whatsapp%3A%2B16505551234";
    const TWILIO_SIGNATURE: &str = "IVw/Gur1i2FrQwJYvb4QQMFMjSY=";
    let public = "https://hooks.example.com".parse().unwrap();
    let pairs = |body: &[u8]| {
        let mut pairs: Vec<_> = form_urlencoded::parse(body).into_owned().collect();
        pairs.sort();
        // Twilio signs each value of a name once.
        pairs.dedup();
        pairs
    };
    run("signatures", 8_000, |chance| {
        let body = mutate(chance, META, TWILIO);
        let header = mutate(chance, META_SIGNATURE, TWILIO_SIGNATURE);
        let header = String::from_utf8_lossy(&header);
        let is_believed = signature::meta(&["appsecret"], Some(&header), &body);
        let is_same = body == META.as_bytes();
        assert!(!is_believed || is_same, "{}", shown(&body));
        assert!(signature::meta(&["appsecret"], Some(META_SIGNATURE), &body) == is_same);

        let body = mutate(chance, TWILIO, META);
        let target =
            if chance.below(3) == 0 { "/twilio/status?ref=m-42&" } else { "/twilio/status?ref=m-42" };
        let is_form = chance.below(4) > 0;
        let is_believed =
            signature::twilio(&["testtoken"], &public, target, Some(TWILIO_SIGNATURE), is_form, &body);
        let is_same = pairs(&body) == pairs(TWILIO.as_bytes()) && is_form && !target.ends_with('&');
        // What stands between names and values is not signed: the same text, cut elsewhere, is Twilio's to tell apart.
        let text =
            |body: &[u8]| pairs(body).into_iter().map(|(name, value)| name + &value).collect::<String>();
        assert!(!is_believed || is_same || text(&body) == text(TWILIO.as_bytes()), "{}", shown(&body));
        assert!(is_believed || !is_same, "{}", shown(&body));
    });
}
