//! `signalbox contact validate` and `number validate`: whether a phone can be written to. Its form is looked at here; whether it is on WhatsApp is
//! asked of a provider where that is possible without sending anything: at UltraMsg.

use super::{
    CliError, Session,
    number_test::asker,
    output::{card, or_dash},
    parse,
    session::Org,
};
use crate::{
    domain::{ids::InstanceId, phone::Phone},
    provider::Registration,
    store::number::NumberRecord,
};
use clap::Args;
use serde::Serialize;
use std::time::Duration;

/// Between two questions through one number, whoever asks: gateways drive a phone, and phones that look up many people are
/// banned.
const APART: Duration = Duration::from_secs(2);
/// For so long others are let go first.
const PATIENCE: Duration = Duration::from_secs(30);

/// A phone, and through which number it is asked about.
#[derive(Debug, Args)]
#[command(
    after_help = "Examples:\n  signalbox contact validate +237600000001\n  signalbox contact validate +237600000001 --via +237690000009\n\nMeta and Twilio cannot be asked without sending: there, only the form is looked at.\nExit code 0: it can be written to, or nobody can tell. 1: it cannot."
)]
pub struct ValidateArgs {
    /// The phone, as somebody wrote it
    phone: String,
    /// Ask through this number; else through the first that can be asked
    #[arg(long, value_name = "NUMBER", value_parser = parse::phone)]
    via: Option<Phone>,
}

#[derive(Debug, Serialize)]
struct Validated {
    given: String,
    phone: Option<String>,
    valid_form: bool,
    /// None: nobody was or could be asked.
    on_whatsapp: Option<bool>,
    asked_through: Option<String>,
    detail: String,
}

/// Does it.
pub async fn run(session: &Session, org: &Org, args: &ValidateArgs) -> Result<(), CliError> {
    let validated = match parse::phone(&args.phone) {
        Err(problem) => Validated {
            given: args.phone.clone(),
            phone: None,
            valid_form: false,
            on_whatsapp: None,
            asked_through: None,
            detail: problem,
        },
        Ok(phone) => ask(session, org, args, phone).await?,
    };
    session.out.show(&validated, || {
        let known = match validated.on_whatsapp {
            Some(true) => "yes",
            Some(false) => "no",
            None => "unknown",
        };
        card(&[
            ("given", validated.given.clone()),
            ("phone", or_dash(validated.phone.as_ref())),
            ("form", if validated.valid_form { "valid" } else { "not valid" }.to_owned()),
            ("on WhatsApp", known.to_owned()),
            ("asked through", or_dash(validated.asked_through.as_ref())),
            ("detail", validated.detail.clone()),
        ])
    })?;
    match (validated.valid_form, validated.on_whatsapp) {
        (false, _) => Err(CliError::failed(format!("{:?} is no phone number", validated.given))),
        (true, Some(false)) => Err(CliError::failed("it is not on WhatsApp")),
        (true, _) => Ok(()),
    }
}

async fn ask(session: &Session, org: &Org, args: &ValidateArgs, phone: Phone) -> Result<Validated, CliError> {
    let mut validated = Validated {
        given: args.phone.clone(),
        phone: Some(phone.reveal().to_owned()),
        valid_form: true,
        on_whatsapp: None,
        asked_through: None,
        detail: "the form is right; Meta and Twilio cannot be asked without sending, and no UltraMsg number is in service"
            .to_owned(),
    };
    let records = session.store.numbers(org.id, args.via.as_ref()).await?;
    if let (Some(via), true) = (&args.via, records.is_empty()) {
        return Err(CliError::failed(format!("{} is no number of {}", via.reveal(), org.record.slug)));
    }
    let may_ask = |record: &&NumberRecord| record.provider == "ultramsg" && record.state != "disabled";
    let Some(through) = records.iter().find(may_ask) else {
        if let Some(record) = records.first().filter(|_| args.via.is_some()) {
            validated.detail = format!(
                "the form is right; {} cannot be asked who is on WhatsApp without sending, only an UltraMsg number can",
                record.provider
            );
        }
        return Ok(validated);
    };
    wait_for_turn(session, org, through).await?;
    validated.asked_through = Some(through.phone.clone());
    match asker(session, org).await?.is_registered(through.id, &phone).await {
        Registration::Registered => {
            (validated.on_whatsapp, validated.detail) = (Some(true), "the provider knows it".to_owned());
        }
        Registration::Unregistered => {
            (validated.on_whatsapp, validated.detail) =
                (Some(false), "the provider says that it is not".to_owned());
        }
        Registration::Unclear(why) => validated.detail = format!("the provider cannot tell: {why}"),
    }
    Ok(validated)
}

/// One question at a time through each number, on the whole database.
async fn wait_for_turn(session: &Session, org: &Org, through: &NumberRecord) -> Result<(), CliError> {
    let (chore, me) = (format!("validate {}", through.id), InstanceId::new());
    let mut waited = Duration::ZERO;
    while !session.store.take_chore(org.id, me, &chore, APART).await? {
        if waited >= PATIENCE {
            return Err(CliError::failed(format!(
                "{} is asked too much now; try again later",
                through.phone
            )));
        }
        tokio::time::sleep(APART / 4).await;
        waited += APART / 4;
    }
    Ok(())
}
