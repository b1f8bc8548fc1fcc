//! The HTTP API's desk: every operation is a command of the command line, asked at another door. What a command checks,
//! says and shows with `--json` is checked, said and answered here by the same functions.

mod arguments;
mod document;
mod operations;
mod pages;
mod slots;
mod table;

use super::{CliError, Session, audience, campaign_file, contact, dispatch, output::Out};
use crate::{
    domain::ids::{AttemptId, ConversationId, NumberId, OrganizationId},
    inbound::api::{Answer, Asked, Carried, Counter, Desk, Found, Kind, Problem, RATE, Wanted},
    postgres::connect::LOCAL_OPERATOR,
    store::{Store, api_key::Holder, recipient::AttemptQuery},
};
use arguments::Values;
use operations::{Does, Operation};
use serde_json::{Map, Value};
use std::{future::Future, io::Cursor, pin::Pin, sync::Arc, time::Duration};

/// What audit entries and findings call a body.
const BODY: &str = "request";

/// Does what other programs ask.
struct Commands {
    /// With connections of its own: nothing else of this program waits for it.
    session: Session,
    version: &'static str,
}

/// The API of this run, for the organisation of this slug.
pub fn counter(session: &Session, slug: &str) -> Counter {
    let desk = Commands { session: session.beside(slug), version: env!("CARGO_PKG_VERSION") };
    let store = desk.session.store.clone();
    Counter { desk: Arc::new(desk), store, rate: RATE }
}

impl Desk for Commands {
    fn find(&self, method: &str, path: &str) -> Found {
        let here: Vec<&'static Operation> =
            operations::all().filter(|each| each.values_in(path).is_some()).collect();
        let Some(found) = here.iter().find(|each| each.method == method) else {
            let methods: Vec<&'static str> = here.iter().map(|each| each.method).collect();
            return if methods.is_empty() { Found::Nothing } else { Found::Others(methods) };
        };
        let &&Operation { id, right, takes, creates, .. } = found;
        Found::Operation(Wanted { id, right, takes, creates })
    }

    fn document(&self) -> String {
        document::openapi(self.version)
    }

    fn carry_out(&self, holder: &Holder, asked: Asked) -> Carried {
        // On a local cluster everybody logs in with the same role; there, whoever made the key is meant.
        let name = if holder.operator == LOCAL_OPERATOR { &holder.made_by } else { &holder.operator };
        let session = self.session.acting_as(name, Out::kept());
        // Commands are written for one task that waits for them; on a thread of its own each is just that, and runs to its
        // end whoever gives up waiting.
        let runtime = tokio::runtime::Handle::current();
        let done = tokio::task::spawn_blocking(move || runtime.block_on(carry_out(&session, asked)));
        Box::pin(async move {
            done.await.unwrap_or_else(|error| {
                tracing::error!("a request of another program was not carried out: {error}");
                Err(Problem::new(Kind::Failed, "it failed here; the log of this program says why"))
            })
        })
    }

    fn close(&self) -> Pin<Box<dyn Future<Output = ()> + Send + '_>> {
        Box::pin(self.session.store.close())
    }
}

async fn carry_out(session: &Session, asked: Asked) -> Result<Answer, Problem> {
    let operation = operations::all().find(|each| each.id == asked.id);
    let operation = operation.ok_or_else(|| Problem::new(Kind::NotFound, "there is no such operation"))?;
    let path = operation.values_in(&asked.path).unwrap_or_default();
    let json = if operation.takes == crate::inbound::api::Takes::Json { object(&asked.body)? } else { None };
    let values = Values::read(operation, path, &asked.query, json)?;
    let done = Box::pin(act(session, operation, &values, asked)).await;
    let document = session.out.document();
    match (done, document) {
        (Ok(()), Some(document)) => Ok(Answer { status: operation.status(), document }),
        (Ok(()), None) => Err(Problem::new(Kind::Failed, "the operation has no answer")),
        (Err(NotDone::Problem(problem)), _) => Err(problem),
        (Err(NotDone::Error(error)), document) => not_done(operation, &error, document),
    }
}

/// Why an operation was not done.
enum NotDone {
    Problem(Problem),
    Error(CliError),
}

impl From<Problem> for NotDone {
    fn from(problem: Problem) -> Self {
        Self::Problem(problem)
    }
}

impl<E: Into<CliError>> From<E> for NotDone {
    fn from(error: E) -> Self {
        Self::Error(error.into())
    }
}

async fn act(
    session: &Session,
    operation: &'static Operation,
    values: &Values,
    asked: Asked,
) -> Result<(), NotDone> {
    let org = session.organization().await?;
    let named = values.text("name").unwrap_or_default();
    match operation.does {
        Does::Command(words) => dispatch(session, values.command(operation, words, None)?).await?,
        Does::OfNumber(words) => {
            let phone = phone_of(session, org.id, values).await?;
            dispatch(session, values.command(operation, words, Some(&phone))?).await?;
        }
        Does::OfThread(words) => {
            must_be_a_thread(session, org.id, values).await?;
            dispatch(session, values.command(operation, words, None)?).await?;
        }
        Does::OfAttempt(words) => {
            must_be_an_attempt(session, org.id, values).await?;
            dispatch(session, values.command(operation, words, None)?).await?;
        }
        Does::CreateCampaign => {
            campaign_file::create_from(session, &org, BODY, toml(asked)?).await?;
        }
        Does::EstimateFile => audience::estimate_file(session, &org, BODY, &toml(asked)?).await?,
        Does::EstimateCampaign => audience::estimate_campaign(session, &org, named).await?,
        Does::Recipients => pages::recipients(session, &org, values).await?,
        Does::Attempts => pages::attempts(session, &org, values).await?,
        Does::Conversations => pages::conversations(session, &org, values).await?,
        Does::Slots => slots::page(session, &org, values).await?,
        Does::Import => {
            let default_country = values.text("default_country").map(str::to_owned);
            let agreed = contact::AgreedArgs::read(values.text("consent_method"), values.text("consent_at"))?;
            let terms = contact::ImportTerms { default_country, agreed };
            let refused = contact::Refused::Answer(Vec::new());
            let rows = Box::new(Cursor::new(asked.body));
            contact::import_from(session, &org, BODY, rows, terms, refused).await?;
        }
    }
    Ok(())
}

/// The problem that an error of a command is. A test that finds a number ill is an answer all the same.
fn not_done(operation: &Operation, error: &CliError, document: Option<String>) -> Result<Answer, Problem> {
    let more: Map<String, Value> =
        document.as_ref().and_then(|text| serde_json::from_str(text).ok()).unwrap_or_default();
    let has_findings = more.contains_key("findings");
    if let Some(document) = document
        && !has_findings
    {
        return Ok(Answer { status: operation.status(), document });
    }
    let detail = error.message().unwrap_or_default();
    let kind = match error {
        CliError::Usage(_) => Kind::Invalid,
        CliError::Missing(_) => Kind::NotFound,
        CliError::Refused(_) => Kind::Refused,
        CliError::Failed { .. } if error.is_passing() => Kind::Busy,
        CliError::Failed { source: None, .. } => Kind::Unprocessable,
        CliError::Failed { source: Some(source), .. } if source.is::<crate::import::ImportError>() => {
            Kind::Unprocessable
        }
        CliError::Failed { .. } | CliError::Gone => {
            tracing::error!("a request of another program failed: {detail}");
            Kind::Failed
        }
    };
    let after = (kind == Kind::Busy).then_some(Duration::from_secs(2));
    let more = more.into_iter().filter(|(name, _)| name == "findings").collect();
    Err(Problem { more, after, ..Problem::new(kind, detail) })
}

/// The body as a JSON object; without one, an empty one.
fn object(body: &[u8]) -> Result<Option<Map<String, Value>>, Problem> {
    if body.is_empty() {
        return Ok(None);
    }
    serde_json::from_slice(body)
        .map(Some)
        .map_err(|error| Problem::new(Kind::Invalid, format!("the body is no JSON object: {error}")))
}

/// The body as a campaign file. JSON is written as TOML: one reader judges both.
fn toml(asked: Asked) -> Result<Vec<u8>, Problem> {
    if asked.content_type == "application/toml" {
        return Ok(asked.body);
    }
    let value = object(&asked.body)?.unwrap_or_default();
    let text = ::toml::to_string(&without_nulls(Value::Object(value)));
    text.map(String::into_bytes)
        .map_err(|error| Problem::new(Kind::Invalid, format!("the body cannot be a campaign file: {error}")))
}

/// TOML has no null: what is null is not there.
fn without_nulls(value: Value) -> Value {
    match value {
        Value::Object(map) => {
            let kept = map.into_iter().filter(|(_, value)| !value.is_null());
            Value::Object(kept.map(|(name, value)| (name, without_nulls(value))).collect())
        }
        Value::Array(all) => Value::Array(all.into_iter().map(without_nulls).collect()),
        other => other,
    }
}

async fn phone_of(session: &Session, org: OrganizationId, values: &Values) -> Result<String, NotDone> {
    let id: Option<NumberId> = values.text("id").and_then(|id| id.parse().ok());
    let numbers = session.store.numbers(org, None).await?;
    let found = numbers.into_iter().find(|number| Some(number.id) == id).map(|number| number.phone);
    Ok(found.ok_or_else(|| CliError::missing("there is no such number; GET /v1/numbers lists all"))?)
}

async fn must_be_a_thread(session: &Session, org: OrganizationId, values: &Values) -> Result<(), NotDone> {
    let id: Option<ConversationId> = values.text("id").and_then(|id| id.parse().ok());
    let found = match id {
        Some(id) => !session.store.threads(org, &[id.0]).await?.is_empty(),
        None => false,
    };
    if found { Ok(()) } else { Err(CliError::missing("there is no such thread").into()) }
}

async fn must_be_an_attempt(session: &Session, org: OrganizationId, values: &Values) -> Result<(), NotDone> {
    let id: Option<AttemptId> = values.text("id").and_then(|id| id.parse().ok());
    let query = AttemptQuery { id, most: 1, ..AttemptQuery::default() };
    let found = id.is_some() && !session.store.attempts(org, &query).await?.is_empty();
    if found { Ok(()) } else { Err(CliError::missing("there is no such attempt").into()) }
}

impl Session {
    /// The same session with connections of its own, for one organisation.
    fn beside(&self, slug: &str) -> Self {
        let mut session = self.quiet();
        session.store = Store::new(&self.database);
        session.config.organization = Some(slug.to_owned());
        session
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn json_becomes_the_campaign_file_that_it_means() {
        let body =
            br#"{"name":"hello","audience":null,"steps":[{"after":"0h","text":{"en":"Hi"},"media":null}]}"#;
        let asked = Asked {
            id: "createCampaign",
            path: String::new(),
            query: Vec::new(),
            content_type: "application/json",
            body: body.to_vec(),
        };
        let file = String::from_utf8(toml(asked).unwrap()).unwrap();
        assert_eq!(file, "name = \"hello\"\n\n[[steps]]\nafter = \"0h\"\n\n[steps.text]\nen = \"Hi\"\n");
    }
}
