//! Taking a decision of the audit log back from the command line, as the console does from its screen: the opposite decision,
//! if nobody has decided about the same since.

use super::{
    Store, StoreError,
    action::{ActionResult, Actor},
    campaign_edit::CampaignEdit,
    number::NumberEdit,
    screen::{ReadError, Seat},
};
use crate::domain::{
    action::{Action, Order},
    campaign::Steering,
    ids::{CampaignId, ChannelId, NumberId, OrganizationId, PoolId},
    money::Money,
    opposite::{FormerNumber, FormerTerms, Opposite},
    text::Safe,
};
use uuid::Uuid;

/// What became of it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum TakenBack {
    /// The opposite decision was taken, or found no use.
    Decided(ActionResult),
    /// Nothing takes it back: why, as the end of a sentence.
    Stands(Safe),
}

impl Store {
    /// Takes a decision back.
    ///
    /// # Errors
    /// When it is not there any more, or the database is away or refuses.
    pub async fn take_back(
        &self,
        seat: &Seat,
        decision: Uuid,
        reason: Option<&str>,
        actor: Actor<'_>,
    ) -> Result<TakenBack, ReadError> {
        let detail = self.audit_entry(seat, decision).await?;
        let opposite = match (detail.opposite, detail.later) {
            (Err(why), _) => return Ok(TakenBack::Stands(why)),
            (Ok(_), Some(later)) => {
                let why = format!("{} decided about it since: {}", later.by, later.action);
                return Ok(TakenBack::Stands(Safe::new(&why)));
            }
            (Ok(opposite), None) => opposite,
        };
        let said = format!("takes back: {}", detail.action);
        let reason = Some(reason.unwrap_or(&said));
        let done = self.decide(seat.organization, detail.subject, opposite, reason, actor).await?;
        Ok(TakenBack::Decided(done))
    }

    async fn decide(
        &self,
        organization: OrganizationId,
        subject: Uuid,
        opposite: Opposite,
        reason: Option<&str>,
        actor: Actor<'_>,
    ) -> Result<ActionResult, StoreError> {
        let (number, campaign) = (NumberId(subject), CampaignId(subject));
        let action = match opposite {
            Opposite::Number(former) => {
                let edit = self.number_as_it_was(organization, number, &former).await?;
                return self.edit_number(organization, number, &edit, None, reason, actor).await;
            }
            Opposite::Terms(former) => {
                let edit = self.terms_as_they_were(organization, campaign, &former).await?;
                return self.edit_campaign(organization, campaign, &edit, None, reason, actor).await;
            }
            Opposite::SuspendNumber { until } => Action::SuspendNumber { number, until },
            Opposite::ResumeNumber => Action::ResumeNumber(number),
            Opposite::EnableNumber => Action::EnableNumber(number),
            Opposite::DisableNumber => Action::DisableNumber(number),
            Opposite::ResumeCampaign => Action::ResumeCampaign(campaign),
            Opposite::PauseCampaign => Action::PauseCampaign(campaign),
            Opposite::Pool(change) => Action::EditPool { pool: PoolId(subject), change },
            Opposite::Channel(change) => {
                Action::EditChannel { channel: ChannelId(subject), change: Box::new(change) }
            }
            Opposite::Settings(changes) => Action::EditSettings(changes),
            Opposite::ReleaseStop => Action::ReleaseStop,
            Opposite::StopAll => Action::StopAll,
        };
        let order = Order { action, expected: None, reason: reason.map(str::to_owned) };
        self.act(organization, &order, actor.operator, actor.instance).await
    }

    async fn number_as_it_was(
        &self,
        organization: OrganizationId,
        number: NumberId,
        former: &FormerNumber,
    ) -> Result<NumberEdit, StoreError> {
        let costs = former.monthly_cost.is_some() || former.cost_currency.is_some();
        let cost = if costs {
            let all = self.numbers(organization, None).await?;
            let now = all.into_iter().find(|each| each.id == number);
            let now = now.and_then(|now| Money::of(now.monthly_cost, now.cost_currency.as_deref()));
            Some(former.cost(now))
        } else {
            None
        };
        Ok(NumberEdit {
            name: former.name.clone(),
            notes: former.notes.clone(),
            priority: former.priority,
            daily_limit: former.daily_limit,
            interval_ms: former.interval_ms,
            per_second: former.per_second,
            in_flight: former.in_flight,
            label: former.label.clone(),
            monthly_cost: cost,
            approval: former.approval,
            ..NumberEdit::of_setup(&former.setup)
        })
    }

    async fn terms_as_they_were(
        &self,
        organization: OrganizationId,
        campaign: CampaignId,
        former: &FormerTerms,
    ) -> Result<CampaignEdit, StoreError> {
        let hours =
            former.from.is_some() || former.to.is_some() || former.days.is_some() || former.zone.is_some();
        let window = if hours {
            let now = self.campaign_terms(organization, campaign).await?.calendar.window;
            let now = Steering {
                priority: 0,
                weight: 1,
                daily_limit: None,
                pool: PoolId(Uuid::nil()),
                failover: crate::domain::campaign::Failover::default(),
                window: now,
                only_number: None,
            };
            Some(former.terms(now).window)
        } else {
            None
        };
        Ok(CampaignEdit {
            priority: former.priority,
            weight: former.weight,
            daily_limit: former.daily_limit,
            pool: former.pool,
            failover: former.failover,
            window,
            only_number: former.only_number,
            ..CampaignEdit::default()
        })
    }
}
