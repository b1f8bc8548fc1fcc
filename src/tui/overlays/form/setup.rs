//! The fields of how a number stands at its provider and here, and of the pools that it is in.

use super::campaign::{choice, chosen_of};
use super::{Field, Form, Name, Value, text};
use crate::domain::given;
use crate::domain::ids::PoolId;
use crate::domain::number::SetupChange;
use crate::domain::pool::name_fault;
use crate::store::view::NumberRow;
use crate::tui::model::Model;
use chrono::{DateTime, Utc};
use chrono_tz::Tz;
use std::collections::BTreeSet;
use uuid::Uuid;

/// How a warm-up is written for a number that is new here.
pub(super) const BEGINS_NEW: &str = "now or a time; empty: none";
/// What a choice of yes or no says.
const YES: Uuid = Uuid::from_u128(1);
const NO: Uuid = Uuid::from_u128(2);

/// The database's clock, as far as it is known, and the zone of all times on screen.
pub(super) fn clock(model: &Model) -> (DateTime<Utc>, Tz) {
    (model.overview().map_or(model.now.wall, |overview| overview.at), model.session.zone)
}

/// What a choice of yes, no and nothing is made of.
pub(super) fn yes_or_no(as_it_is: bool) -> Vec<(Uuid, String)> {
    let neither = as_it_is.then(|| (Uuid::nil(), "as it is".to_owned()));
    neither.into_iter().chain([(YES, "yes".to_owned()), (NO, "no".to_owned())]).collect()
}

/// The pools by name, to choose from.
pub(super) fn pools(model: &Model) -> Vec<(Uuid, String)> {
    let pools = model.overview().into_iter().flat_map(|overview| &overview.pools);
    pools.map(|pool| (pool.id.0, pool.name.as_str().to_owned())).collect()
}

/// The fields of a number that exists.
pub(super) fn fields(row: &NumberRow, zone: Tz, model: &Model) -> Vec<Field> {
    let setup = &row.setup;
    let began = setup
        .warm_up
        .map_or("off".to_owned(), |at| at.with_timezone(&zone).format("%Y-%m-%dT%H:%M").to_string());
    let sends = if setup.canaries { YES } else { NO };
    let pools_of = model.overview().into_iter().flat_map(|overview| &overview.pools).enumerate();
    let in_it: BTreeSet<usize> =
        pools_of.filter(|(_, pool)| pool.members.contains(&row.id)).map(|(at, _)| at).collect();
    let mut fields = vec![
        text(Name::SenderId, "Provider's id", &setup.sender_id, 28, "phone-number-id, instance"),
        text(
            Name::ReplyShare,
            "For replies, %",
            &setup.reply_share.to_string(),
            6,
            "of its limit and rate; to 90",
        ),
        text(Name::WarmUp, "Warm-up", &began, 18, "off, now or a time"),
    ];
    if let Some(queue) = setup.queue {
        fields.push(text(Name::Queue, "Queue", &queue.to_string(), 6, "most that wait at its gateway"));
    }
    let canaries = choice(Name::Canaries, "Canaries", yes_or_no(false), sends, "Space; tried out with them");
    fields.push(Field { width: 6, ..canaries });
    fields.push(chosen_of(Name::Pools, "Pools", pools(model), in_it));
    fields
}

/// What is wrong with the name of a pool that a new number joins.
pub(super) fn pool_fault(name: &str) -> Option<String> {
    Some(name).filter(|name| !name.is_empty()).and_then(name_fault).map(str::to_owned)
}

impl Form {
    /// When a warm-up begins that is written so; none: never.
    pub(super) fn begins(&self, text: &str) -> Result<Option<DateTime<Utc>>, String> {
        let (now, zone) = self.clock.unwrap_or_default();
        // A time that the clock never shows is another matter than one that is written wrong.
        let given = given::warm_up(text).map_err(|_| "off, now, or a time as 2026-12-01T09:00".to_owned())?;
        given.starts(now, zone)
    }

    pub(super) fn warm_up_fault(&self, text: &str) -> Option<String> {
        // Nothing is no ladder, of a number that is new here.
        let none = text.is_empty() && self.edits.is_none();
        if none { None } else { self.begins(text).err() }
    }

    /// What was edited of how it stands.
    pub(super) fn edited_setup(&self) -> SetupChange {
        let number = |name: Name| self.edited(name).and_then(|text| text.parse().ok());
        SetupChange {
            sender_id: self.edited(Name::SenderId).map(str::to_owned),
            warm_up: self.edited(Name::WarmUp).and_then(|text| self.begins(text).ok()),
            reply_share: number(Name::ReplyShare),
            queue: number(Name::Queue),
            canaries: self.edited(Name::Canaries).and_then(|_| self.chosen_canaries()),
        }
    }

    /// Whether canaries were chosen, if either was.
    pub(super) fn chosen_canaries(&self) -> Option<bool> {
        let (id, _) = self.choice_of(Name::Canaries)?;
        (*id != Uuid::nil()).then_some(*id == YES)
    }

    /// The pools that it is to come into, or to go out of.
    pub(super) fn changed_pools(&self, into: bool) -> Vec<PoolId> {
        let Some(field) = self.fields.iter().find(|field| field.name == Name::Pools) else {
            return Vec::new();
        };
        let Value::Several { names, chosen, .. } = &field.value else { return Vec::new() };
        let was = |at: &usize| field.was_chosen(*at);
        let moved = names.iter().enumerate().filter(|(at, _)| chosen.contains(at) != was(at));
        moved.filter(|(at, _)| chosen.contains(at) == into).map(|(_, (id, _))| PoolId(*id)).collect()
    }

    /// The pools that are chosen of a field.
    pub(super) fn chosen_pools(&self, name: Name) -> Vec<PoolId> {
        match self.value_of(name) {
            Some(Value::Several { names, chosen, .. }) => {
                chosen.iter().filter_map(|at| names.get(*at)).map(|(id, _)| PoolId(*id)).collect()
            }
            _ => Vec::new(),
        }
    }
}

impl Field {
    /// Whether this one of several was chosen when the form was opened.
    fn was_chosen(&self, at: usize) -> bool {
        self.shown.trim_matches(['{', '}']).split(", ").any(|each| each.parse() == Ok(at))
    }
}
