//! What an operator may do in an organisation. The database decides by the same rule (`organizations_of_login`); here it
//! stands for those who act for an operator while somebody else is logged in.

use std::{fmt, str::FromStr};

/// What stands in the place of a role where somebody was an operator and is none any more.
pub const NO_OPERATOR: &str = "no operator";

/// As what somebody is an operator.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Role {
    /// Looks.
    Viewer,
    /// Runs campaigns and numbers.
    Manager,
    /// A headless sender: what a manager does.
    Service,
    /// Everything, accounts and operators too.
    Admin,
}

/// What somebody wants to do.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Right {
    /// Look.
    Sees,
    /// Change what campaigns and numbers do.
    Runs,
    /// Decide about accounts and operators.
    Administers,
}

impl Role {
    /// All there are.
    pub const ALL: [Self; 4] = [Self::Viewer, Self::Manager, Self::Service, Self::Admin];

    /// The database's word.
    #[must_use]
    pub fn name(self) -> &'static str {
        match self {
            Self::Viewer => "viewer",
            Self::Manager => "manager",
            Self::Service => "service",
            Self::Admin => "admin",
        }
    }

    /// Whether it has a right.
    #[must_use]
    pub fn may(self, right: Right) -> bool {
        match right {
            Right::Sees => true,
            Right::Runs => self != Self::Viewer,
            Right::Administers => self == Self::Admin,
        }
    }
}

impl Right {
    /// All there are.
    pub const ALL: [Self; 3] = [Self::Sees, Self::Runs, Self::Administers];

    /// The database's word.
    #[must_use]
    pub fn name(self) -> &'static str {
        match self {
            Self::Sees => "sees",
            Self::Runs => "runs",
            Self::Administers => "administers",
        }
    }
}

impl fmt::Display for Role {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.name())
    }
}

/// A word that is no role.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("is viewer, manager, service or admin")]
pub struct NoRole;

impl FromStr for Role {
    type Err = NoRole;

    fn from_str(text: &str) -> Result<Self, NoRole> {
        Self::ALL.into_iter().find(|role| role.name() == text).ok_or(NoRole)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn rights_grow_with_roles() {
        let may = |role: Role| Right::ALL.map(|right| role.may(right));
        assert_eq!(may(Role::Viewer), [true, false, false]);
        assert_eq!(may(Role::Manager), [true, true, false]);
        assert_eq!(may(Role::Service), [true, true, false]);
        assert_eq!(may(Role::Admin), [true, true, true]);
        for role in Role::ALL {
            assert_eq!(role.name().parse(), Ok(role));
        }
        assert_eq!("owner".parse::<Role>(), Err(NoRole));
    }
}
