//! From a campaign file to a campaign, or to everything that is wrong with it: one way, for the command line and for the
//! console.

use super::{
    Store, StoreError, action::Actor, campaign::CampaignRecord, campaign_pool, enrolment::Tell, failed,
};
use crate::domain::{
    campaign::{
        CampaignFile, CampaignSpec, Context, Finding,
        present::{self, Present},
        remark::Note,
    },
    ids::{CampaignId, NumberId, OrganizationId},
    template::Texts,
    window::{Hours, Whose, Window},
};
use chrono_tz::Tz;
use serde::Serialize;

/// Phones that one finding names.
const NAMED: usize = 20;

/// What a reader of files knows of its surroundings.
#[derive(Debug, Clone, Copy)]
pub struct Reader<'a> {
    /// The organisation.
    pub organization: OrganizationId,
    /// Its zone, in which times are read.
    pub zone: Tz,
    /// Whether media may stand at a private address.
    pub private_media: bool,
    /// What findings call the file.
    pub name: &'a str,
}

/// What an organisation knows that a file can be wrong about.
#[derive(Debug, Clone, Default, PartialEq)]
#[expect(clippy::struct_excessive_bools, reason = "four facts that have nothing to do with each other")]
pub struct Known {
    /// The attributes that contacts have.
    pub attributes: Vec<String>,
    /// The pools.
    pub pools: Vec<String>,
    /// The campaigns.
    pub campaigns: Vec<String>,
    /// Whether texts get the line that says how to stop.
    pub opt_out_line: bool,
    /// What steps say where a file does not.
    pub default_texts: Vec<Texts>,
    /// Whether media may stand at a private address.
    pub private_media: bool,
    /// Whether the organisation's subscription has an end, which a campaign must not outlive.
    pub subscription_ends: bool,
    /// Nothing was read yet: any attribute, pool and campaign goes.
    pub is_unknown: bool,
}

impl Known {
    /// What is to be assumed before anything is known.
    #[must_use]
    pub fn anything() -> Self {
        Self { is_unknown: true, ..Self::default() }
    }

    /// Reads a file with what is known. Asks nobody.
    ///
    /// # Errors
    /// Everything that is wrong, in the order of the file.
    pub fn read(&self, bytes: &[u8], name: &str, zone: Tz) -> Result<CampaignSpec, Vec<Finding>> {
        let attributes: Vec<&str> = self.attributes.iter().map(String::as_str).collect();
        let pools: Vec<&str> = self.pools.iter().map(String::as_str).collect();
        let campaigns: Vec<&str> = self.campaigns.iter().map(String::as_str).collect();
        let context = Context {
            zone,
            attributes: (!self.is_unknown).then_some(&attributes),
            pools: (!self.is_unknown).then_some(&pools),
            campaigns: (!self.is_unknown).then_some(&campaigns),
            private_media: self.private_media,
            opt_out_line: self.opt_out_line,
            default_texts: &self.default_texts,
        };
        CampaignFile::parse_bytes(bytes, name, &context)
    }
}

/// A file that can become a campaign.
#[derive(Debug, Clone)]
pub struct Checked {
    /// What it says.
    pub spec: CampaignSpec,
    /// The file itself.
    pub source: String,
    /// What is worth knowing of it all the same.
    pub notes: Vec<Note>,
    /// The only number that may send for it. No file says that; a copy has it of the campaign that it is a copy of.
    pub only: Option<NumberId>,
}

/// Why a file becomes no campaign.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum NotAccepted {
    /// What is wrong with it, in its order.
    Findings(Vec<Finding>),
    /// A rule forbids it; a sentence.
    Rule(String),
}

/// A campaign that was made.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Made {
    /// Its id.
    pub id: CampaignId,
    /// What it is once its people are enrolled: somebody may have acted meanwhile.
    pub state: String,
    /// Who is enrolled.
    pub planned: u64,
    /// Of those, who is still to be sent to.
    pub queued: i64,
    /// Of those, who is left out.
    pub skipped: i64,
    /// Who got a slot.
    pub slots: i64,
}

impl Store {
    /// What the organisation knows that a campaign file can be wrong about.
    ///
    /// # Errors
    /// When the database is away or refuses.
    pub async fn known_to_files(
        &self,
        organization: OrganizationId,
        private_media: bool,
    ) -> Result<Known, StoreError> {
        let pools = self.pools(organization, None).await?;
        let campaigns = self.campaigns(organization, None).await?;
        let rules = self.conduct_rules(organization).await?;
        Ok(Known {
            attributes: self.contact_attributes(organization).await?,
            pools: pools.into_iter().map(|pool| pool.name).collect(),
            campaigns: campaigns.into_iter().map(|campaign| campaign.name).collect(),
            opt_out_line: rules.opt_out_line,
            // What cannot be read is no default.
            default_texts: serde_json::from_value(rules.default_texts).unwrap_or_default(),
            private_media,
            subscription_ends: self.has_subscription_end(organization).await?,
            is_unknown: false,
        })
    }

    /// The file that would make a campaign as it is now: the one it was made from, with what was changed since laid over it;
    /// empty: it was made otherwise, or is gone.
    ///
    /// # Errors
    /// When the database is away or refuses.
    pub async fn campaign_source(
        &self,
        organization: OrganizationId,
        campaign: CampaignId,
    ) -> Result<String, StoreError> {
        const DOING: &str = "read a campaign's file";
        let row = sqlx::query!(
            r#"select c.source, c.priority, c.weight, c.daily_limit, c.starts_at, c.failover, c.missed, c.window_from,
                      c.window_to, c.window_days, c.window_zone, c.expires_after, c.expires_at, p.name as pool,
                      b.name as "before?", o.time_zone
                 from campaigns c
                 join organizations o on o.id = $1
                 join pools p on p.organization_id = $1 and p.id = c.pool_id
                 left join campaigns b on b.organization_id = $1 and b.id = c.run_after_id
                where c.organization_id = $1 and c.id = $2"#,
            organization.0,
            campaign.0,
        )
        .fetch_optional(self.screen())
        .await
        .map_err(failed(DOING))?;
        let Some(row) = row.filter(|row| !row.source.trim().is_empty()) else { return Ok(String::new()) };
        let unreadable = |what| StoreError::Unreadable { doing: DOING, what };
        let hours = Hours::of_columns(row.window_from, row.window_to, row.window_days);
        let zone = row.window_zone.and_then(|zone| zone.parse::<Whose>().ok());
        let now = Present {
            priority: row.priority,
            weight: row.weight,
            pool: row.pool,
            daily_limit: row.daily_limit,
            starts_at: row.starts_at,
            run_after: row.before,
            missed: row.missed.parse().map_err(|_| unreadable("policy for a missed start"))?,
            window: hours.zip(zone).map(|(hours, zone)| Window { hours, zone }),
            expires_after: row.expires_after,
            until: row.expires_at,
            failover: row.failover.parse().map_err(|_| unreadable("failover policy"))?,
        };
        Ok(present::file_of(&row.source, &now, row.time_zone.parse().unwrap_or(Tz::UTC)))
    }

    /// Reads what a file says, with what the organisation knows of its contacts, pools and campaigns.
    ///
    /// # Errors
    /// When the database is away or refuses.
    pub async fn read_campaign_file(
        &self,
        reader: Reader<'_>,
        bytes: &[u8],
    ) -> Result<Result<(CampaignSpec, String), Vec<Finding>>, StoreError> {
        let known = self.known_to_files(reader.organization, reader.private_media).await?;
        let spec = match known.read(bytes, reader.name, reader.zone) {
            Ok(spec) => spec,
            Err(findings) => return Ok(Err(findings)),
        };
        let source = String::from_utf8_lossy(bytes).into_owned();
        let strangers = self.phones_without_contact(reader.organization, &spec.audience.phones).await?;
        if !strangers.is_empty() {
            return Ok(Err(vec![no_contacts(reader.name, &source, &strangers)]));
        }
        Ok(Ok((spec, source)))
    }

    /// Reads a file and judges it by all that the organisation knows. With `edited` it is to change that campaign, else
    /// to make a new one.
    ///
    /// # Errors
    /// When the database is away or refuses.
    pub async fn check_campaign_file(
        &self,
        reader: Reader<'_>,
        bytes: &[u8],
        edited: Option<&str>,
    ) -> Result<Result<Checked, NotAccepted>, StoreError> {
        let (spec, source) = match self.read_campaign_file(reader, bytes).await? {
            Ok(parsed) => parsed,
            Err(findings) => return Ok(Err(NotAccepted::Findings(findings))),
        };
        let name = spec.name.as_str();
        if let Some(edited) = edited {
            if edited != name {
                let file = reader.name;
                let rule = format!("{file} is the file of campaign {name}, not of {edited}");
                return Ok(Err(NotAccepted::Rule(rule)));
            }
        } else if !self.campaigns(reader.organization, Some(name)).await?.is_empty() {
            return Ok(Err(NotAccepted::Rule(format!("there is a campaign {name:?} already"))));
        }
        Ok(match campaign_pool::check(self, reader.organization, &spec).await? {
            Ok(mut notes) => {
                self.note_acceptances(reader.organization, spec.name.as_str(), &mut notes).await?;
                Ok(Checked { spec, source, notes, only: None })
            }
            Err((step, sentence)) => {
                Err(NotAccepted::Findings(vec![nobody_can(reader.name, &source, step, sentence)]))
            }
        })
    }

    /// Makes the campaign of a checked file and enrols its audience; a sentence where a rule forbids it.
    ///
    /// # Errors
    /// When the database is away or refuses: for one because the name is taken.
    pub async fn make_campaign(
        &self,
        organization: OrganizationId,
        checked: &Checked,
        actor: Actor<'_>,
    ) -> Result<Result<Made, String>, StoreError> {
        self.make_campaign_telling(organization, checked, actor, &|_| {}).await
    }

    /// The same, and `tell` hears how far its enrolment is.
    ///
    /// # Errors
    /// When the database is away or refuses.
    pub async fn make_campaign_telling(
        &self,
        organization: OrganizationId,
        checked: &Checked,
        actor: Actor<'_>,
        tell: &Tell<'_>,
    ) -> Result<Result<Made, String>, StoreError> {
        let spec = &checked.spec;
        if let Some(sentence) = self.refusal_to_make(organization, spec).await? {
            return Ok(Err(sentence));
        }
        let Some(pool) = self.pools(organization, Some(&spec.pool)).await?.pop() else {
            return Ok(Err(format!("there is no pool {:?} any more", spec.pool)));
        };
        let source = &checked.source;
        let (id, planned) = self
            .create_campaign_telling(organization, spec, (pool.id, checked.only), source, actor, tell)
            .await?;
        let Some(now) = self.campaign_stats(organization, spec.name.as_str()).await? else {
            return Ok(Err(format!("campaign {} is gone: somebody removed or renamed it", spec.name)));
        };
        // What is true at the end, whatever was enrolled: who was sent to meanwhile waits no more.
        let planned = u64::try_from(now.planned).unwrap_or(planned);
        let slots = self.slots_given(organization, id).await?;
        Ok(Ok(Made { id, state: now.state, planned, queued: now.queued, skipped: now.skipped, slots }))
    }
}

impl Store {
    /// The rule that forbids to make a campaign like this now, as a sentence: it would outlive the subscription.
    ///
    /// # Errors
    /// When the database is away or refuses.
    pub async fn refusal_to_make(
        &self,
        organization: OrganizationId,
        spec: &CampaignSpec,
    ) -> Result<Option<String>, StoreError> {
        if !self.has_subscription_end(organization).await? {
            return Ok(None);
        }
        let terms = self.terms_of_spec(organization, spec).await?;
        let people = u64::try_from(self.estimate(organization, &terms).await?.queued).unwrap_or(0);
        self.new_outlives(organization, spec, people).await
    }

    async fn has_subscription_end(&self, organization: OrganizationId) -> Result<bool, StoreError> {
        sqlx::query_scalar!(
            r#"select subscription_ends_at is not null as "ends!" from organizations where id = $1"#,
            organization.0,
        )
        .fetch_one(self.screen())
        .await
        .map_err(failed("look when the subscription ends"))
    }
}

/// What a file says of a campaign that exists which other steps do not change.
#[must_use]
pub fn unheeded(known: &CampaignRecord, spec: &CampaignSpec) -> Vec<&'static str> {
    let limit = spec.daily_limit.and_then(|limit| i32::try_from(limit.get()).ok());
    let same = [
        ("priority", known.priority == spec.priority.get()),
        ("weight", i64::from(known.weight) == i64::from(spec.weight)),
        ("pool", known.pool == spec.pool),
        ("daily_limit", known.daily_limit == limit),
        ("failover", known.failover == spec.failover.name()),
        ("audience", Some(&known.audience) == serde_json::to_value(&spec.audience).ok().as_ref()),
    ];
    same.into_iter().filter(|(_, same)| !same).map(|(name, _)| name).collect()
}

fn nobody_can(file: &str, source: &str, step: i16, sentence: String) -> Finding {
    let begins = source.lines().enumerate().filter(|(_, line)| line.trim_start().starts_with("[[steps]]"));
    let nth = usize::try_from(step - 1).unwrap_or(0);
    let line = begins.map(|(at, _)| at).nth(nth).unwrap_or(0) + 1;
    Finding { file: file.to_owned(), line, column: 1, key: format!("steps[{nth}]"), sentence }
}

fn no_contacts(file: &str, source: &str, strangers: &[String]) -> Finding {
    let line = source.lines().position(|line| line.trim_start().starts_with("phones")).unwrap_or(0) + 1;
    let named: Vec<&str> = strangers.iter().take(NAMED).map(String::as_str).collect();
    let more = strangers.len() - named.len();
    let more = if more > 0 { format!(" and {more} more") } else { String::new() };
    Finding {
        file: file.to_owned(),
        line,
        column: 1,
        key: "audience.phones".to_owned(),
        sentence: format!(
            "audience.phones: not among the contacts, import them first: {}{more}",
            named.join(", ")
        ),
    }
}
