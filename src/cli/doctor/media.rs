//! Where campaigns' media stand: providers fetch them from outside, so a name that leads to a private address from here, or
//! nowhere, is worth a word before the campaign finds out message by message.

use super::Check;
use crate::{
    domain::content::{Link, is_private_address},
    store::{Store, organization::OrganizationRecord},
};
use std::{collections::BTreeMap, net::IpAddr, time::Duration};

/// How long a name may take to be resolved.
const PATIENCE: Duration = Duration::from_secs(3);
/// Names that are looked up at the most.
const NAMES: usize = 50;

/// One check for an organisation whose campaigns carry media.
pub async fn check(
    store: &Store,
    organization: &OrganizationRecord,
    private_media: bool,
    named: bool,
    checks: &mut Vec<Check>,
) {
    let name = if named { format!("media {}", organization.slug) } else { "media".to_owned() };
    let links = match store.media_links(organization.id).await {
        Ok(links) => links,
        Err(error) => {
            checks.push(Check::of(&name, Err(error.into()), "try again when the database is well"));
            return;
        }
    };
    if links.is_empty() {
        return;
    }
    if private_media || organization.rehearsal {
        checks.push(Check::good(name, "media may stand at private addresses here"));
        return;
    }
    let mut campaigns: BTreeMap<String, String> = BTreeMap::new();
    for (campaign, url) in links {
        campaigns.entry(url).or_insert(campaign);
    }
    let count = campaigns.len();
    let mut troubles = Vec::new();
    for (url, campaign) in campaigns.into_iter().take(NAMES) {
        if let Some(trouble) = trouble(&url).await {
            troubles.push(format!("{url} of campaign {campaign} {trouble}"));
        }
    }
    checks.push(if troubles.is_empty() {
        Check::good(name, format!("{count} addresses of media lead outside"))
    } else {
        Check::bad(
            name,
            troubles.join("; "),
            "put the files where providers can fetch them, or set SIGNALBOX_PRIVATE_MEDIA=true if they can",
        )
    });
}

/// Why no provider could fetch it, as far as can be seen from here.
async fn trouble(url: &str) -> Option<String> {
    let link = match Link::parse(url, false) {
        Ok(link) => link,
        Err(error) => return Some(error.to_string()),
    };
    let (host, port) = link.name_and_port()?;
    let looked = tokio::time::timeout(PATIENCE, tokio::net::lookup_host((host.as_str(), port))).await;
    let found: Vec<IpAddr> = match looked {
        Ok(Ok(found)) => found.map(|address| address.ip()).collect(),
        Ok(Err(_)) => return Some(format!("cannot be fetched: {host} is no name that is known here")),
        Err(_) => return Some(format!("cannot be checked: {host} is not resolved in time")),
    };
    let private = found.iter().find(|address| is_private_address(**address))?;
    found
        .iter()
        .all(|address| is_private_address(*address))
        .then(|| format!("leads to {private}, which is no public address"))
}
