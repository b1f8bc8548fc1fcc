//! An eye on what stands outside. The store asks nobody but the database: whoever opens it may lend it one.

use crate::domain::campaign::{CampaignSpec, preflight::Sight};
use std::{collections::BTreeSet, future::Future, pin::Pin, sync::Arc};
use tokio::task::JoinSet;

/// Addresses that are looked at for one campaign at the most.
const MOST: usize = 50;

type Looking = Pin<Box<dyn Future<Output = Sight> + Send>>;

/// Looks at an address of media; with `true` only on this machine.
#[derive(Clone)]
pub struct Eye(Arc<dyn Fn(String, bool) -> Looking + Send + Sync>);

impl Eye {
    /// One that looks like this.
    pub fn new<F>(look: impl Fn(String, bool) -> F + Send + Sync + 'static) -> Self
    where
        F: Future<Output = Sight> + Send + 'static,
    {
        Self(Arc::new(move |url: String, local: bool| -> Looking { Box::pin(look(url, local)) }))
    }

    /// Looks at all media of a campaign at once, each address once.
    pub(super) async fn look(&self, spec: &CampaignSpec, local: bool) -> Vec<(String, Sight)> {
        let media = spec.steps.iter().flat_map(|step| step.content.all_media());
        let urls: BTreeSet<&str> = media.map(|media| media.url.as_str()).collect();
        let mut looks = JoinSet::new();
        for url in urls.into_iter().take(MOST) {
            let (look, url) = (Arc::clone(&self.0), url.to_owned());
            looks.spawn(async move {
                let sight = look(url.clone(), local).await;
                (url, sight)
            });
        }
        looks.join_all().await
    }
}
