//! What a refusing constraint means to an operator. The database's constraints are named as the sentence they state;
//! here stands the sentence about the one who broke it.

use crate::domain::given::LABEL_IS;

/// Constraints and what to say when they refuse.
const SENTENCES: &[(&str, &str)] = &[
    ("organization_slug_is_taken_once", "there is an organisation of this slug already"),
    (
        "slug_is_a_short_word",
        "a slug is 1 to 40 small letters, digits and \"-\", and begins with a letter or digit",
    ),
    (
        "organization_daily_limit_is_positive",
        "an organisation's daily limit is at least 1; leave it out for no limit, or stop all sending",
    ),
    ("operator_is_named_once_per_organization", "this role is an operator of the organisation already"),
    ("operator_is_a_role_name", "the name of a login role has 1 to 63 bytes"),
    (
        "api_key_name_is_taken_once",
        "there is a key of this name already; revoke it first, or choose another name",
    ),
    ("api_key_has_a_short_name", "a key's name has 1 to 80 bytes"),
    ("account_name_is_taken_once", "there is an account of this name already"),
    ("account_name_is_not_empty", "an account needs a name"),
    ("account_rolling_limit_is_positive", "an account's rolling limit is at least 1; leave it out for none"),
    ("number_phone_is_taken_once", "this phone is a number of the organisation already"),
    (
        "number_belongs_to_an_account",
        "there is no such account, or numbers still belong to it, removed ones that sent something among them",
    ),
    (
        "sender_is_one_number_of_its_account",
        "another number of this account has this id at the provider: it would send more than its limit",
    ),
    ("number_daily_limit_is_not_negative", "a number's daily limit is 0 or more"),
    ("number_priority_is_between_0_and_9999", "a number's priority is between 0 and 9999, lower goes first"),
    ("number_interval_is_at_most_a_day", "the interval between two messages is at most a day"),
    ("number_rate_is_at_most_1000_a_second", "a number sends at most 1000 messages a second"),
    ("number_in_flight_is_between_1_and_1000", "a number has between 1 and 1000 requests on the wire"),
    (
        "a_retired_number_is_switched_off",
        "this number was removed; add it again to take it back into service",
    ),
    ("approval_is_a_known_word", "an approval is requested, approved or refused"),
    ("default_number_is_a_number", "this number is the organisation's default number"),
    ("pool_name_is_taken_once", "there is a pool of this name already"),
    ("number_is_in_a_pool_once", "the number is in this pool already"),
    ("pool_weight_is_positive", "a weight in a pool is at least 1"),
    ("pool_strategy_is_known", "a pool's strategy is priority, least_used or weighted"),
    ("campaign_sends_through_a_pool", "campaigns send through this pool"),
    ("campaign_name_is_taken_once", "there is a campaign of this name already"),
    (
        "campaign_priority_is_between_0_and_9999",
        "a campaign's priority is between 0 and 9999, lower goes first",
    ),
    ("campaign_daily_limit_is_positive", "a campaign's daily limit is at least 1; leave it out for none"),
    ("one_live_attempt", "another attempt for this message is on the wire, accepted or in doubt"),
    ("usage_is_within_cap", "a daily limit is reached"),
    ("number_reply_share_is_between_0_and_90", "between 0 and 90 percent can be held back for replies"),
    ("reply_says_something", "a reply has to say something"),
    ("phone_is_e164", "this is no phone number in international form"),
    ("label_is_a_short_word", LABEL_IS),
    ("campaign_does_not_run_after_itself", "a campaign does not wait for itself"),
    (
        "own_clocks_were_frozen_at_enrolment",
        "whose clock a person lives by is frozen at enrolment: this campaign has asked nobody for theirs",
    ),
];

/// The sentence for an operator whose change this constraint refused.
#[must_use]
pub fn sentence(constraint: &str) -> String {
    SENTENCES.iter().find(|(known, _)| *known == constraint).map_or_else(
        || format!("the database refused it: {}", constraint.replace('_', " ")),
        |(_, sentence)| (*sentence).to_owned(),
    )
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_constraint_nobody_described_still_reads_as_a_sentence() {
        assert_eq!(
            sentence("number_phone_is_taken_once"),
            "this phone is a number of the organisation already"
        );
        assert_eq!(sentence("scope_is_known"), "the database refused it: scope is known");
    }
}
