//! The skip register: everybody who is enrolled and gets nothing, each with one reason, and taking them back.

use super::{
    Store, StoreError,
    action::{ActionResult, Actor},
    audience::Terms,
    failed,
    patience::Patience,
};
use crate::domain::{
    ids::{CampaignId, OrganizationId, RecipientId},
    phone::Phone,
    text::Safe,
};
use chrono::{DateTime, Utc};
use serde::Serialize;

/// Somebody who is not messaged.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Skipped {
    /// The recipient's id.
    pub id: RecipientId,
    /// In E.164 form.
    pub phone: String,
    /// The contact's name.
    pub name: Option<String>,
    /// The one reason.
    pub reason: String,
    /// The step that is not sent.
    pub step: i16,
    /// Since when.
    pub since: DateTime<Utc>,
}

/// Whom to take back.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct TakeBack<'a> {
    /// Only those of this reason, by its code.
    pub reason: Option<&'a str>,
    /// Only this person.
    pub phone: Option<&'a Phone>,
}

/// What became of it.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
pub struct TakenBack {
    /// Queued again.
    pub included: i64,
    /// Still left out: something stands against them.
    pub kept: i64,
    /// How many of these are left out only because the audience takes no more people.
    #[serde(skip)]
    pub over_limit: i64,
}

impl Store {
    /// The skip register of a campaign behind `after`, in the order of enrolment; with a code only that reason's.
    ///
    /// # Errors
    /// When the database is away or refuses.
    pub async fn skipped(
        &self,
        organization: OrganizationId,
        campaign: CampaignId,
        code: Option<&str>,
        after: RecipientId,
        most: i64,
    ) -> Result<Vec<Skipped>, StoreError> {
        sqlx::query_as!(
            Skipped,
            r#"select r.id, r.phone::text as "phone!", c.name as "name?", r.reason as "reason!", r.step,
                      r.updated_at as since
                 from campaign_recipients r
                 left join contacts c on c.organization_id = r.organization_id and c.id = r.contact_id
                where r.organization_id = $1 and r.campaign_id = $2 and r.attention = 'skipped' and r.id > $3
                  and is_skipped_for(r.reason, $4)
                order by r.id limit $5"#,
            organization.0,
            campaign.0,
            after.0,
            code,
            most,
        )
        .fetch_all(&self.bulk)
        .await
        .map_err(failed("read who is skipped"))
    }

    /// How many of a campaign are skipped, by reason, the most frequent first.
    ///
    /// # Errors
    /// When the database is away or refuses.
    pub async fn skip_reasons(
        &self,
        organization: OrganizationId,
        campaign: CampaignId,
    ) -> Result<Vec<(String, i64)>, StoreError> {
        let rows = sqlx::query!(
            r#"select reason as "reason!", people as "count!" from skip_reasons($1, $2)"#,
            organization.0,
            campaign.0,
        )
        .fetch_all(&self.bulk)
        .await
        .map_err(failed("count who is skipped"))?;
        Ok(rows.into_iter().map(|row| (row.reason, row.count)).collect())
    }

    /// An operator's order to queue those of one reason again, by its code.
    pub(super) async fn act_on_skipped(
        &self,
        organization: OrganizationId,
        campaign: CampaignId,
        code: &str,
        why: Option<&str>,
        actor: Actor<'_>,
    ) -> Result<ActionResult, StoreError> {
        let audience = sqlx::query_scalar!(
            "select audience from campaigns where organization_id = $1 and id = $2 and closed_because(campaigns) is null",
            organization.0,
            campaign.0,
        )
        .fetch_optional(&self.bulk)
        .await
        .map_err(failed("take people back"))?;
        let Some(audience) = audience else {
            let ended = "the campaign has ended; nobody can be taken back into it";
            return Ok(ActionResult::Refused(ended.into()));
        };
        let terms = self.terms_of_campaign(organization, campaign, audience).await?;
        let whom = TakeBack { reason: Some(code), phone: None };
        let done = self.include_again(organization, campaign, whom, &terms, why, actor).await?;
        Ok(match done.included {
            0 => ActionResult::Refused(Safe::new(&format!(
                "something still stands against all {} of them",
                done.kept
            ))),
            _ => ActionResult::DONE,
        })
    }

    /// Queues skipped people again against whom nothing stands any more, a piece at a time: claims and other orders go on
    /// between two pieces.
    ///
    /// # Errors
    /// When the database is away or refuses: for one because the campaign is completed or cancelled. Who is queued by then
    /// stays so; whoever asks again goes on with the others.
    pub async fn include_again(
        &self,
        organization: OrganizationId,
        campaign: CampaignId,
        whom: TakeBack<'_>,
        terms: &Terms,
        why: Option<&str>,
        actor: Actor<'_>,
    ) -> Result<TakenBack, StoreError> {
        let mut total = TakenBack { included: 0, kept: 0, over_limit: 0 };
        let (mut after, mut patience) = (uuid::Uuid::nil(), Patience::default());
        loop {
            let piece = sqlx::query!(
                r#"select p_included as "included!", p_kept as "kept!", p_last as last, p_over_limit as "over_limit!"
                     from include_again($1, $2, $3, $4, $5, $6, $7, $8, $9, $10)"#,
                organization.0,
                campaign.0,
                whom.reason,
                whom.phone.map(Phone::reveal),
                &terms.needs.variables,
                terms.needs.required,
                actor.operator,
                actor.instance_id(),
                why,
                after,
            )
            .fetch_one(&self.bulk)
            .await
            .map_err(failed("take people back"));
            let Some(piece) = patience.heed(piece)? else { continue };
            total.included += piece.included;
            total.kept += piece.kept;
            total.over_limit += piece.over_limit;
            match piece.last {
                Some(last) => after = last,
                None => return Ok(total),
            }
        }
    }
}
