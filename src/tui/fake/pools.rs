//! Two pools: one that goes by priority and is used, one with shares that nothing uses.

use super::{number_id, pool_id};
use crate::domain::action::Version;
use crate::domain::selection::Strategy;
use crate::domain::text::Shown;
use crate::store::view::{PoolMember, PoolView};

pub fn pool_views(rows: u64) -> Vec<PoolView> {
    let member = |(at, weight): (u64, u32)| PoolMember { number: number_id(at), weight };
    let pool = |nth: u64, name: &str, strategy, members: &[(u64, u32)]| PoolView {
        id: pool_id(nth),
        version: Version(4),
        name: Shown::new(name),
        strategy,
        sticky: nth == 1,
        members: members.iter().copied().map(member).collect(),
        default: None,
        campaigns: 0,
        named: 0,
    };
    let all: Vec<(u64, u32)> = (1..=6).map(|at| (at, 1)).collect();
    match rows {
        0 => Vec::new(),
        1 => vec![pool(1, "default", Strategy::Priority, &all[..1])],
        _ => {
            let mut default = pool(1, "default", Strategy::Priority, &all);
            (default.campaigns, default.named) = (3, 5);
            let hostile = "vip \u{1b}[31m\u{202e}pool";
            let vip = pool(2, hostile, Strategy::Weighted, &[(1, 3), (2, 1)]);
            vec![default, pool(3, "reserve", Strategy::LeastUsed, &[]), vip]
        }
    }
}
