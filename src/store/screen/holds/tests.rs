use super::*;

fn at(text: &str) -> DateTime<Utc> {
    text.parse().unwrap()
}

fn scene() -> Scene {
    Scene {
        at: at("2026-05-04T12:00:00Z"),
        midnight: at("2026-05-04T23:00:00Z"),
        zone: chrono_tz::Africa::Douala,
        stopped_by: None,
        subscription_ends: None,
        senders: 1,
        daily_limit: None,
        used_today: 0,
    }
}

fn number() -> NumberFacts {
    NumberFacts {
        number: NumberId::new(),
        priority: 1,
        standing: NumberStanding::Active,
        daily_limit: Some(250),
        warm_up: None,
        account: None,
        counted_by: AccountId(uuid::Uuid::nil()),
        used_today: 0,
        next_send_at: None,
        queue: None,
        leased: true,
        unusable: None,
        has_work: true,
    }
}

fn pool(numbers: &[NumberFacts]) -> PoolFacts {
    PoolFacts::of(&scene(), &"default".into(), Strategy::Priority, numbers.iter(), None)
}

fn campaign() -> CampaignFacts {
    CampaignFacts {
        standing: CampaignStanding::Active,
        changed_by: "ana".into(),
        yields_to: None,
        starts_at: None,
        terms: Terms::default(),
        daily_limit: None,
        used_today: 0,
        queued: 10,
        due_later: None,
        unsendable: None,
    }
}

fn code(hold: Option<&Hold>) -> &'static str {
    hold.map_or("none", Hold::code)
}

#[test]
fn a_number_says_the_first_gate_that_is_closed() {
    let suspended = NumberStanding::Suspended {
        reason: "quality".into(),
        since: scene().at,
        until: None,
        by: "bea".into(),
    };
    let limited = NumberStanding::Limited { until: at("2026-05-04T12:05:00Z"), reason: "throttled".into() };
    let soon = Some(at("2026-05-04T12:00:00.500Z"));
    let later = Some(at("2026-05-04T12:01:40Z"));
    let stopped = Scene { stopped_by: Some("bea".into()), ..scene() };
    let nobody = Scene { senders: 0, ..scene() };
    let full = Scene { daily_limit: Some(5), used_today: 5, ..scene() };
    let cases = [
        ("may send", scene(), number(), "none"),
        (
            "disabled",
            scene(),
            NumberFacts { standing: NumberStanding::Disabled, ..number() },
            "number_disabled",
        ),
        ("suspended", scene(), NumberFacts { standing: suspended, ..number() }, "number_suspended"),
        (
            "its token does not open",
            scene(),
            NumberFacts { unusable: Some("the token does not open".into()), ..number() },
            "number_unusable",
        ),
        ("limited", scene(), NumberFacts { standing: limited, ..number() }, "number_limited"),
        ("full", scene(), NumberFacts { used_today: 250, ..number() }, "cap_reached"),
        ("nobody took it", scene(), NumberFacts { leased: false, ..number() }, "no_lease"),
        ("between two messages", scene(), NumberFacts { next_send_at: soon, ..number() }, "none"),
        ("paced", scene(), NumberFacts { next_send_at: later, ..number() }, "paced"),
        ("stopped", stopped, NumberFacts { used_today: 250, ..number() }, "sending_stopped"),
        ("no sender", nobody.clone(), NumberFacts { leased: false, ..number() }, "no_sender"),
        ("no work", nobody, NumberFacts { leased: false, has_work: false, ..number() }, "none"),
        ("organisation full", full, number(), "cap_reached"),
    ];
    for (name, scene, number, expected) in cases {
        assert_eq!(code(binding_number(&scene, &number).as_ref()), expected, "{name}");
    }
}

#[test]
fn a_full_number_opens_at_midnight_in_the_organisations_zone() {
    let hold = binding_number(&scene(), &NumberFacts { used_today: 250, ..number() }).unwrap();
    let shown = shown(&hold, scene().zone);
    assert_eq!(&*shown.sentence, "cap reached, opens at midnight Africa/Douala");
    assert_eq!(&*shown.short, "cap reached");
    assert_eq!(shown.until, Some(scene().midnight));
    let none = binding_number(&scene(), &NumberFacts { daily_limit: Some(0), ..number() }).unwrap();
    assert_eq!(none.until(), None, "a limit of nothing opens when somebody raises it");
}

#[test]
fn a_campaign_waits_for_the_number_that_goes_on_first() {
    let full = NumberFacts { used_today: 250, ..number() };
    let paced = NumberFacts { next_send_at: Some(at("2026-05-04T12:01:00Z")), ..number() };
    let disabled = NumberFacts { standing: NumberStanding::Disabled, ..number() };
    let cases = [
        ("one may send", vec![full.clone(), number()], "none"),
        ("the paced one is first", vec![full.clone(), paced, disabled.clone()], "paced"),
        ("both full", vec![full.clone(), full.clone()], "cap_reached"),
        ("the full one opens by itself", vec![disabled.clone(), full], "cap_reached"),
        ("the only one is off", vec![disabled.clone()], "number_disabled"),
        ("somebody must act", vec![disabled.clone(), disabled.clone()], "no_number"),
        ("nobody", vec![], "no_number"),
    ];
    for (name, numbers, expected) in cases {
        assert_eq!(
            code(binding_campaign(&scene(), &campaign(), &pool(&numbers)).as_ref()),
            expected,
            "{name}"
        );
    }
}

#[test]
fn a_campaign_says_its_own_state_before_anything_else() {
    let stopped = Scene { stopped_by: Some("bea".into()), ..scene() };
    let of = |standing| CampaignFacts { standing, ..campaign() };
    let later = CampaignFacts { due_later: Some(scene().midnight), ..campaign() };
    let full = CampaignFacts { daily_limit: Some(3), used_today: 3, ..campaign() };
    let cases = [
        ("draft", stopped.clone(), of(CampaignStanding::Draft), "campaign_draft"),
        ("scheduled", stopped.clone(), of(CampaignStanding::Scheduled), "campaign_scheduled"),
        ("paused", stopped.clone(), of(CampaignStanding::Paused), "campaign_paused"),
        ("runs", stopped.clone(), of(CampaignStanding::Active), "sending_stopped"),
        ("done", stopped, of(CampaignStanding::Completed), "none"),
        ("nothing left", scene(), CampaignFacts { queued: 0, ..campaign() }, "none"),
        ("later", scene(), later, "not_due"),
        ("full", scene(), full, "cap_reached"),
    ];
    for (name, scene, campaign, expected) in cases {
        let hold = binding_campaign(&scene, &campaign, &pool(&[number()]));
        assert_eq!(code(hold.as_ref()), expected, "{name}");
    }
}

#[test]
fn gates_stand_in_order_and_one_binds() {
    let full = NumberFacts { used_today: 250, next_send_at: Some(at("2026-05-04T12:01:00Z")), ..number() };
    let asked = [GateName::Pace, GateName::Switch, GateName::Number, GateName::NumberCap, GateName::Lease];
    let known =
        [hold::room(GateName::NumberCap, Some(250), 250), (GateName::Lease, "held by web-1".to_owned())];
    let gates = gates(&asked, &of_number(&scene(), &full), &known, scene().zone);
    let lines: Vec<String> = gates
        .iter()
        .map(|gate| format!("{} {} {} {}", gate.name, gate.open, gate.binds, gate.found))
        .collect();
    assert_eq!(
        lines,
        [
            "stop switch true false nobody stopped sending",
            "number true false in service",
            "lease true false held by web-1",
            "number cap false true cap reached, opens at midnight Africa/Douala",
            "pace false false paced, next slot at 13:01 Africa/Douala",
        ]
    );
}

#[test]
fn a_free_backup_does_not_send_while_a_better_number_waits_for_its_slot() {
    let until = at("2026-05-04T12:01:40Z");
    let paced = NumberFacts { next_send_at: Some(until), ..number() };
    let backup = NumberFacts { priority: 2, ..number() };
    let hold = binding_campaign(&scene(), &campaign(), &pool(&[paced.clone(), backup.clone()]));
    assert_eq!(hold, Some(Hold::Paced { until }));
    // A number whose day is over is no better number: the backup steps in.
    let full = NumberFacts { used_today: 250, ..number() };
    assert_eq!(binding_campaign(&scene(), &campaign(), &pool(&[full, backup])), None);
    let equal = NumberFacts { ..number() };
    assert_eq!(binding_campaign(&scene(), &campaign(), &pool(&[paced, equal])), None);
}

#[test]
fn the_default_number_stands_in_while_the_pool_has_none_in_service() {
    let until = at("2026-05-04T12:01:40Z");
    let disabled = [NumberFacts { standing: NumberStanding::Disabled, ..number() }];
    let binding = |pool: &[NumberFacts], default: &NumberFacts| {
        let facts = PoolFacts::of(&scene(), &"vip".into(), Strategy::Priority, pool.iter(), Some(default));
        binding_campaign(&scene(), &campaign(), &facts)
    };
    assert_eq!(binding(&disabled, &number()), None, "it sends");
    let paced = NumberFacts { next_send_at: Some(until), ..number() };
    assert_eq!(binding(&disabled, &paced), Some(Hold::Paced { until }), "its own slot is waited for");
    assert_eq!(binding(&[paced], &number()), Some(Hold::Paced { until }), "a pool in service needs nobody");
    let rest = NumberStanding::Limited { until, reason: "throttled".into() };
    let limited = NumberFacts { standing: rest, ..number() };
    assert_eq!(code(binding(&disabled, &limited).as_ref()), "number_limited", "the first to be back");
}
