//! What is asked for seldom, by one sender for all: failures that nothing reports, and numbers that stand by.

use super::{Store, StoreError, failed};
use crate::domain::ids::{NumberId, OrganizationId};
use std::time::Duration;

impl Store {
    /// Numbers whose provider is to be asked now which of their messages failed; their next turn is set.
    ///
    /// # Errors
    /// When the database is away or refuses.
    pub async fn take_polls(
        &self,
        organization: OrganizationId,
        most: i32,
        every: Duration,
    ) -> Result<Vec<NumberId>, StoreError> {
        let taken = sqlx::query_scalar!(
            r#"select number as "number!" from take_polls($1, $2, make_interval(secs => $3)) as number"#,
            organization.0,
            most,
            every.as_secs_f64(),
        )
        .fetch_all(&self.lease)
        .await
        .map_err(failed("look for numbers whose failures are to be asked for"))?;
        Ok(taken.into_iter().map(NumberId).collect())
    }

    /// Numbers of a pool that sent nothing for long and are exercised now: a check of each is asked for.
    ///
    /// # Errors
    /// When the database is away or refuses.
    pub async fn take_standbys(
        &self,
        organization: OrganizationId,
        most: i32,
    ) -> Result<Vec<NumberId>, StoreError> {
        let taken = sqlx::query_scalar!(
            r#"select number as "number!" from take_standbys($1, $2) as number"#,
            organization.0,
            most,
        )
        .fetch_all(&self.lease)
        .await
        .map_err(failed("look for numbers that stand by"))?;
        Ok(taken.into_iter().map(NumberId).collect())
    }
}
