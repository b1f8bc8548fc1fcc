//! Identities. Every id is a UUID in its own type, so that a campaign's id pasted where a number's belongs
//! does not compile.

use serde::{Deserialize, Serialize};
use std::{fmt, str::FromStr};
use uuid::Uuid;

macro_rules! id {
    ($($(#[$doc:meta])* $name:ident),+ $(,)?) => {$(
        $(#[$doc])*
        #[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
        #[serde(transparent)]
        pub struct $name(pub Uuid);

        impl $name {
            /// A new time-ordered id (UUID version 7), made by this process.
            #[must_use]
            pub fn new() -> Self {
                Self(Uuid::now_v7())
            }
        }

        impl Default for $name {
            fn default() -> Self {
                Self::new()
            }
        }

        impl fmt::Display for $name {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                self.0.fmt(f)
            }
        }

        impl fmt::Debug for $name {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                self.0.fmt(f)
            }
        }

        impl FromStr for $name {
            type Err = uuid::Error;
            fn from_str(text: &str) -> Result<Self, Self::Err> {
                Uuid::from_str(text).map(Self)
            }
        }

        impl From<Uuid> for $name {
            fn from(id: Uuid) -> Self {
                Self(id)
            }
        }
    )+};
}

id! {
    /// The tenant.
    OrganizationId,
    /// A credential and limit group at a provider.
    AccountId,
    /// One sending identity.
    NumberId,
    /// A named set of numbers.
    PoolId,
    /// A person.
    ContactId,
    /// Who gets what, when, through which pool.
    CampaignId,
    /// One contact enrolled in one campaign. Ids of one campaign ascend in the order of enrolment.
    RecipientId,
    /// One try to put one step for one recipient on the wire.
    AttemptId,
    /// A thread with one person.
    ConversationId,
    /// One thing that we answer.
    ReplyId,
    /// One thing that a provider reported.
    ReceiptId,
    /// One request of a provider to us.
    WebhookId,
    /// One thing that a provider told of an account or a number.
    EventId,
    /// One question to a provider how a number is.
    CheckId,
    /// Where alerts go besides the console.
    ChannelId,
    /// One thing that goes there.
    DeliveryId,
    /// One thing that operators are told.
    AlertId,
    /// One key of another program.
    ApiKeyId,
    /// One running program.
    InstanceId,
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn ids_made_later_sort_later() {
        let first = AttemptId::new();
        let second = AttemptId::new();
        assert!(first < second, "{first} was made before {second}");
    }
}
