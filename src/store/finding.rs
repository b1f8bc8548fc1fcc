//! What is worth knowing of campaigns, and who accepted it as it is.

use super::{
    Store, StoreError,
    action::{ActionResult, Actor},
    campaign_pool, failed,
};
use crate::domain::{
    campaign::{
        preflight,
        remark::{self, Acceptance, Note},
    },
    ids::{CampaignId, OrganizationId},
    text::Safe,
};
use chrono_tz::Tz;

const DOING: &str = "look what is accepted of a campaign";

impl Store {
    /// Notes who accepted which of these; what is about something else by now is not accepted.
    pub(super) async fn note_acceptances(
        &self,
        organization: OrganizationId,
        campaign: &str,
        notes: &mut [Note],
    ) -> Result<(), StoreError> {
        if notes.is_empty() {
            return Ok(());
        }
        let rows = sqlx::query!(
            "select finding, about, accepted_by, accepted_at, reason from accepted_findings
              where organization_id = $1 and campaign = $2",
            organization.0,
            campaign,
        )
        .fetch_all(self.screen())
        .await
        .map_err(failed(DOING))?;
        for row in rows {
            let found =
                notes.iter_mut().find(|note| note.finding == row.finding && note.about() == row.about);
            if let Some(note) = found {
                note.accepted =
                    Some(Acceptance { by: row.accepted_by, at: row.accepted_at, reason: row.reason });
            }
        }
        Ok(())
    }

    /// What is worth knowing of a campaign that exists, by its file, its pool and its accounts as they are now. None of one
    /// that was not made of a file, or whose file cannot be read any more.
    ///
    /// # Errors
    /// When the database is away or refuses.
    pub async fn findings(
        &self,
        organization: OrganizationId,
        campaign: CampaignId,
    ) -> Result<Vec<Note>, StoreError> {
        let Some(row) = sqlx::query!(
            "select c.name, o.time_zone from campaigns c join organizations o on o.id = $1
              where c.organization_id = $1 and c.id = $2",
            organization.0,
            campaign.0,
        )
        .fetch_optional(self.screen())
        .await
        .map_err(failed(DOING))?
        else {
            return Ok(Vec::new());
        };
        let source = self.campaign_source(organization, campaign).await?;
        if source.is_empty() {
            return Ok(Vec::new());
        }
        let known = self.known_to_files(organization, true).await?;
        let zone = row.time_zone.parse().unwrap_or(Tz::UTC);
        let Ok(spec) = known.read(source.as_bytes(), "campaign.toml", zone) else {
            return Ok(Vec::new());
        };
        // Where no number can send it at all, the campaign's own hold says so.
        let mut notes = campaign_pool::check(self, organization, &spec).await?.unwrap_or_default();
        notes.extend(self.would_outlive(organization, campaign).await?.map(preflight::subscription));
        self.note_acceptances(organization, &row.name, &mut notes).await?;
        Ok(notes)
    }

    /// What of a campaign that has not begun is neither fixed nor accepted, as a sentence; `None`: nothing, or it has begun.
    ///
    /// # Errors
    /// When the database is away or refuses.
    pub async fn open_findings(
        &self,
        organization: OrganizationId,
        campaign: CampaignId,
    ) -> Result<Option<String>, StoreError> {
        let name = sqlx::query_scalar!(
            "select name from campaigns where organization_id = $1 and id = $2 and state in ('draft', 'scheduled')",
            organization.0,
            campaign.0,
        )
        .fetch_optional(self.screen())
        .await
        .map_err(failed(DOING))?;
        let Some(name) = name else { return Ok(None) };
        Ok(remark::still_open(&name, &self.findings(organization, campaign).await?))
    }

    /// Accepts a finding of the campaign of this name as it is.
    ///
    /// # Errors
    /// When the database is away or refuses: for one because no reason is given.
    pub async fn accept_finding(
        &self,
        organization: OrganizationId,
        campaign: &str,
        note: &Note,
        reason: &str,
        actor: Actor<'_>,
    ) -> Result<ActionResult, StoreError> {
        const DOING: &str = "accept a finding";
        let answer = sqlx::query!(
            r#"select verdict as "verdict!", by as "by!", at as "at!" from accept_finding($1, $2, $3, $4, $5, $6, $7, $8)"#,
            organization.0,
            campaign,
            note.finding,
            note.about(),
            note.sentence,
            actor.operator,
            actor.instance_id(),
            reason,
        )
        .fetch_one(&self.order)
        .await
        .map_err(failed(DOING))?;
        Ok(match answer.verdict.as_str() {
            "already" => ActionResult::AlreadySo { by: Safe::new(&answer.by), at: answer.at },
            _ => ActionResult::DONE,
        })
    }

    pub(super) async fn act_on_finding(
        &self,
        organization: OrganizationId,
        campaign: CampaignId,
        finding: &str,
        about: &str,
        reason: Option<&str>,
        actor: Actor<'_>,
    ) -> Result<ActionResult, StoreError> {
        let refused = |sentence: &str| Ok(ActionResult::Refused(Safe::new(sentence)));
        let Some(reason) = reason.map(str::trim).filter(|reason| !reason.is_empty()) else {
            return refused("who accepts a finding says why");
        };
        let notes = self.findings(organization, campaign).await?;
        let Some(note) = notes.iter().find(|note| note.finding == finding) else {
            return refused("it is not found any more: nothing is to be accepted");
        };
        if note.about() != about {
            return refused("it is about something else by now: read it again");
        }
        let name = sqlx::query_scalar!(
            "select name from campaigns where organization_id = $1 and id = $2",
            organization.0,
            campaign.0,
        )
        .fetch_optional(self.screen())
        .await
        .map_err(failed(DOING))?;
        match name {
            Some(name) => self.accept_finding(organization, &name, note, reason, actor).await,
            None => Ok(ActionResult::Missing("there is no such campaign any more".into())),
        }
    }
}
