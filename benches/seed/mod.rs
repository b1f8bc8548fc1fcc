//! Two campaigns that share so many numbers, their recipients queued: what benches of the sender begin with.

use signalbox::{
    domain::ids::{AccountId, CampaignId, NumberId, OrganizationId, PoolId},
    secrets::KeyRing,
    sender::line::token_place,
};
use std::error::Error;

/// How much of everything.
pub struct Sizes {
    /// Recipients of both campaigns together.
    pub recipients: u64,
    /// Numbers of one priority.
    pub numbers: u32,
    /// Requests on the wire for each number.
    pub in_flight: u32,
}

/// Fills an empty database. Answers the organisation.
pub async fn seed(
    pool: &sqlx::PgPool,
    keys: &KeyRing,
    sizes: &Sizes,
) -> Result<OrganizationId, Box<dyn Error>> {
    let organization = OrganizationId::new();
    let account = AccountId::new();
    let pool_id = PoolId::new();
    sqlx::query("insert into organizations (id, slug, name, time_zone) values ($1, 'bench', 'Bench', 'Africa/Douala')")
        .bind(organization.0)
        .execute(pool)
        .await?;
    let sealed = keys.seal(&token_place(organization, account), "token")?;
    sqlx::query("insert into accounts (organization_id, id, name, provider, external_id, sealed_token) values ($1, $2, 'meta', 'meta', '1', $3)")
        .bind(organization.0)
        .bind(account.0)
        .bind(sealed.as_str())
        .execute(pool)
        .await?;
    sqlx::query("insert into pools (organization_id, id, name, sticky) values ($1, $2, 'default', false)")
        .bind(organization.0)
        .bind(pool_id.0)
        .execute(pool)
        .await?;
    for place in 0..sizes.numbers {
        let number = NumberId::new();
        sqlx::query(
            "insert into whatsapp_numbers (organization_id, id, account_id, phone, instance_id, priority, daily_limit, in_flight)
             values ($1, $2, $3, $4, $5, 1, 10000000, $6)",
        )
        .bind(organization.0)
        .bind(number.0)
        .bind(account.0)
        .bind(format!("+2376000001{place:02}"))
        .bind(format!("1000000000001{place:02}"))
        .bind(i32::try_from(sizes.in_flight)?)
        .execute(pool)
        .await?;
        sqlx::query("insert into pool_numbers (organization_id, pool_id, number_id) values ($1, $2, $3)")
            .bind(organization.0)
            .bind(pool_id.0)
            .bind(number.0)
            .execute(pool)
            .await?;
    }
    for place in 0..2_u32 {
        let campaign = CampaignId::new();
        sqlx::query(
            "insert into campaigns (organization_id, id, name, state, pool_id, daily_limit, started_at, created_by, changed_by)
             values ($1, $2, $3, 'active', $4, 100000000, clock_timestamp(), 'bench', 'bench')",
        )
        .bind(organization.0)
        .bind(campaign.0)
        .bind(format!("bench-{place}"))
        .bind(pool_id.0)
        .execute(pool)
        .await?;
        sqlx::query(
            r#"insert into campaign_steps (organization_id, campaign_id, step, after_seconds, texts)
               values ($1, $2, 1, 0, '[{"locale": "en", "text": "Hello {{name|friend}}, our summer sale has begun: 20 % on everything until Sunday."}]')"#,
        )
        .bind(organization.0)
        .bind(campaign.0)
        .execute(pool)
        .await?;
        let first = u64::from(place) * sizes.recipients / 2;
        let last = u64::from(place + 1) * sizes.recipients / 2;
        sqlx::query(
            "insert into campaign_recipients (organization_id, campaign_id, id, contact_id, phone)
             select $1, $2, ordered_uuid(1700000000000, $5, g), ordered_uuid(1700000000001, $5, g),
                    '+23766' || lpad(g::text, 7, '0')
               from generate_series($3::bigint, $4::bigint - 1) g",
        )
        .bind(organization.0)
        .bind(campaign.0)
        .bind(i64::try_from(first)?)
        .bind(i64::try_from(last)?)
        .bind(i32::try_from(place)?)
        .execute(pool)
        .await?;
        sqlx::query(
            r#"insert into recipient_parameters (organization_id, campaign_id, recipient_id, locale, parameters)
               select organization_id, campaign_id, id, 'en', '{"name": "Ana Maria"}'
                 from campaign_recipients where organization_id = $1 and campaign_id = $2"#,
        )
        .bind(organization.0)
        .bind(campaign.0)
        .execute(pool)
        .await?;
    }
    sqlx::query("vacuum analyze").execute(pool).await?;
    sqlx::query("checkpoint").execute(pool).await?;
    Ok(organization)
}
