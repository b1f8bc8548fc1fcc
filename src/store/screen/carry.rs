//! Campaigns that no number of their pool can send, for the screen: judged as the sender judges them.

use super::Seat;
use super::campaigns::CampaignRead;
use crate::domain::content::ability;
use crate::domain::ids::CampaignId;
use crate::domain::number::ProviderKind;
use crate::store::snapshot::{StepShape, shapes};
use crate::store::{Store, StoreError, failed};
use std::collections::{BTreeMap, HashMap};

const DOING: &str = "read what campaigns carry";

/// What a campaign carries, and the accounts whose numbers could send it.
#[derive(Default)]
struct Carried {
    steps: Vec<StepShape>,
    accounts: Vec<(uuid::Uuid, String, ProviderKind)>,
}

impl Store {
    /// Says of each of these campaigns why no number can send it, if none can. Most carry text only, and cost nothing here.
    pub(super) async fn note_unsendable(
        &self,
        seat: &Seat,
        reads: &mut [CampaignRead],
    ) -> Result<(), StoreError> {
        let carried = self.carried(seat).await?;
        if carried.is_empty() {
            return Ok(());
        }
        let shapes = carried.values().flat_map(|carried| &carried.steps);
        let names: Vec<String> =
            shapes.filter_map(|step| Some(step.shape.template.as_ref()?.name.clone())).collect();
        let registries = self.registries(seat.organization, &names).await?;
        let nothing_known = crate::domain::content::registry::Registry::default();
        for read in reads {
            let Some(carried) = carried.get(&read.row.id) else { continue };
            let steps = || carried.steps.iter().map(|step| (step.step, &step.shape));
            let unable: Option<Vec<String>> = carried
                .accounts
                .iter()
                .map(|(account, name, provider)| {
                    let registry = registries.get(&(*account).into()).unwrap_or(&nothing_known);
                    let (step, why) = ability::first_unable(*provider, steps(), registry)?;
                    Some(ability::sentence(step, *provider, name, &why))
                })
                .collect();
            read.facts.unsendable = unable.filter(|unable| !unable.is_empty()).map(ability::sentences);
        }
        Ok(())
    }

    /// Campaigns that are not over and carry more than text.
    async fn carried(&self, seat: &Seat) -> Result<HashMap<CampaignId, Carried>, StoreError> {
        let rows = sqlx::query!(
            r#"select c.id, c.shapes as "shapes!", a.id as account_id, a.name, a.provider::text as "provider!"
                 from (select k.id, k.pool_id,
                              jsonb_agg(jsonb_build_object('step', s.step, 'has_text', s.texts <> '[]',
                                                           'template', v.said -> 'template', 'media', s.media ->> 'kind')
                                        order by s.step) as shapes
                         from campaign_steps s
                        cross join sayings(s) v
                         join campaigns k on k.organization_id = s.organization_id and k.id = s.campaign_id
                        where s.organization_id = $1 and (s.template is not null or s.media is not null)
                          and k.state not in ('completed', 'cancelled')
                        group by k.id, k.pool_id) c
                cross join lateral (
                     select n.account_id from pool_numbers m
                       join whatsapp_numbers n on n.organization_id = $1 and n.id = m.number_id
                      where m.organization_id = $1 and m.pool_id = c.pool_id
                      union
                     select n.account_id from organizations o
                       join whatsapp_numbers n on n.organization_id = $1 and n.id = o.default_number_id
                      where o.id = $1) p
                 join accounts a on a.organization_id = $1 and a.id = p.account_id
                order by c.id, a.name"#,
            seat.organization.0,
        )
        .fetch_all(self.screen())
        .await
        .map_err(failed(DOING))?;
        let mut carried: BTreeMap<uuid::Uuid, Carried> = BTreeMap::new();
        for row in rows {
            let provider = row
                .provider
                .parse()
                .map_err(|_| StoreError::Unreadable { doing: DOING, what: "provider" })?;
            let campaign = carried.entry(row.id).or_default();
            if campaign.steps.is_empty() {
                campaign.steps = shapes(row.shapes);
            }
            campaign.accounts.push((row.account_id, row.name, provider));
        }
        Ok(carried.into_iter().map(|(id, carried)| (CampaignId(id), carried)).collect())
    }
}
