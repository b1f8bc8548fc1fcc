//! What the provider sheets show, word for word: what is on the wire is compared with it field by field, and what comes back is
//! read from its exact text. (Error codes: `src/provider/*/codes/tests.rs`; signatures: `src/provider/signature.rs`.)

#![allow(clippy::pedantic, reason = "cases read as sentences; a test that cannot go on has failed")]
#![cfg(test)]

mod examples;
mod webhooks;
mod wire;

use signalbox::{
    domain::{number::ProviderKind, phone::Phone},
    provider::{Credential, Line, dialect},
};

/// The number of a sheet's examples.
fn line(provider: ProviderKind, base_url: &str) -> Line {
    let (external_id, token, sender_id, phone) = match provider {
        ProviderKind::Meta => ("102290129340398", "EAAG.t0ken", "106540352242922", "+15550783881"),
        ProviderKind::Ultramsg => ("", "T0KEN", "instance1150", "+15550001111"),
        ProviderKind::Twilio => ("AC00000000000000000000000000000001", "testtoken", "", "+14155238886"),
    };
    let credential = Credential { external_id: external_id.to_owned(), token: token.to_owned().into() };
    dialect(provider).line(base_url, credential, sender_id, &Phone::parse(phone).unwrap()).unwrap()
}
