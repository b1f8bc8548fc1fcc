//! Attempts that nobody knows the end of.

use super::{ReadError, Seat, count, number_name, phone, version_at};
use crate::domain::action::Subject;
use crate::domain::ids::{AttemptId, ConversationId, RecipientId};
use crate::domain::text::{Safe, Shown};
use crate::store::view::{DoubtRow, Page, Place};
use crate::store::{Store, failed};
use uuid::Uuid;

const DOING: &str = "read the attempts in doubt";

impl Store {
    /// One page of attempts in doubt, oldest first. They are few, whatever happens: up to 20,000 of them are read from
    /// their own index and put in the order in which they began.
    ///
    /// # Errors
    /// When the database is away or refuses, or a row cannot be read.
    pub async fn doubt_page(&self, seat: &Seat, place: Place) -> Result<Page<DoubtRow>, ReadError> {
        let (after, before) = match place {
            Place::Start | Place::End => (None, None),
            Place::After(cursor) | Place::NextFailed(cursor) => (Some(cursor.id), None),
            Place::Before(cursor) | Place::PreviousFailed(cursor) => (None, Some(cursor.id)),
        };
        let rows = self.doubts(seat, after, before, place.is_backwards()).await?;
        Ok(Page::read_at(place, rows))
    }

    async fn doubts(
        &self,
        seat: &Seat,
        after: Option<Uuid>,
        before: Option<Uuid>,
        backwards: bool,
    ) -> Result<Vec<DoubtRow>, ReadError> {
        let rows = sqlx::query!(
            r#"select a.id, a.recipient_id, y.conversation_id as "conversation_id?", a.started_at, a.finished_at, a.checks, a.code,
                      a.words, a.evidence, coalesce(c.name, 'a reply') as "campaign!",
                      coalesce(r.phone, y.phone)::text as "phone!", p.name as "name?",
                      n.display_name as "number_name?", n.phone::text as number_phone
                 from (select d.* from (select * from attempts
                                         where organization_id = $1 and in_doubt_since is not null
                                         order by in_doubt_since limit 20000) d
                        where ($2::uuid is null or d.id > $2) and ($3::uuid is null or d.id < $3)
                        order by case when $4 then d.id end desc, d.id limit 201) a
                 left join campaigns c on c.organization_id = $1 and c.id = a.campaign_id
                 left join lateral (
                      -- A range in the order of the key, and no equation: see `live_events`.
                      select q.phone, q.contact_id from campaign_recipients q
                       where q.organization_id = $1 and q.campaign_id = a.campaign_id
                         and q.id >= a.recipient_id and q.id <= a.recipient_id
                       order by q.id limit 1) r on true
                 left join replies y on a.campaign_id is null and y.organization_id = $1 and y.id = a.recipient_id
                 left join contacts p on p.organization_id = $1 and p.id = r.contact_id
                 left join whatsapp_numbers n on n.organization_id = $1 and n.id = a.number_id
                order by case when $4 then a.id end desc, a.id"#,
            seat.organization.0,
            after,
            before,
            backwards,
        )
        .fetch_all(&self.walk)
        .await
        .map_err(failed(DOING))?;
        rows.into_iter()
            .map(|row| {
                let known = match (row.code, row.words) {
                    (Some(code), Some(words)) => format!("{code}: {words}"),
                    (code, words) => code.or(words).unwrap_or_default(),
                };
                let said = match (row.checks, row.evidence) {
                    (0, None) => "not asked yet".to_owned(),
                    (_, said) => said.unwrap_or_else(|| "nothing found".to_owned()),
                };
                Ok(DoubtRow {
                    id: AttemptId(row.id),
                    version: version_at(row.finished_at.unwrap_or(row.started_at)),
                    about: row
                        .conversation_id
                        .map_or(Subject::Recipient(RecipientId(row.recipient_id)), |thread| {
                            Subject::Thread(ConversationId(thread))
                        }),
                    campaign: Shown::new(&row.campaign),
                    phone: phone(DOING, &row.phone)?,
                    name: Shown::new(row.name.as_deref().unwrap_or_default()),
                    number: match row.number_phone {
                        Some(phone) => number_name(row.number_name.as_deref().unwrap_or_default(), &phone),
                        None => Shown::new("removed"),
                    },
                    started_at: row.started_at,
                    evidence: Shown::new(&known),
                    asked: (count(row.checks.into()), Safe::new(&said)),
                })
            })
            .collect()
    }
}
