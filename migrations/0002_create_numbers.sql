-- Accounts, the numbers they own, and the pools that campaigns send through.

create table accounts (
    organization_id uuid not null
        constraint account_belongs_to_an_organization references organizations (id) on delete cascade,
    id              uuid not null,
    name            text not null,
    provider        provider_kind not null,
    external_id     text not null default '',
    sealed_token    text not null,
    base_url        text,
    rolling_limit   integer,
    unreachable_since  timestamptz,
    unreachable_reason text,
    revision        bigint not null default 1,
    created_at      timestamptz not null default clock_timestamp(),
    constraint accounts_key primary key (organization_id, id),
    constraint account_name_is_taken_once unique (organization_id, name),
    constraint account_name_is_not_empty check (name <> ''),
    constraint account_rolling_limit_is_positive check (rolling_limit > 0),
    constraint unreachable_says_why check ((unreachable_since is null) = (unreachable_reason is null))
);
comment on table accounts is 'A credential and limit group at a provider; owns numbers.';
comment on column accounts.external_id is 'WABA id (Meta) or Account SID (Twilio).';
comment on column accounts.sealed_token is 'Sealed: version, key id, nonce, ciphertext; bound to this row.';
comment on column accounts.base_url is 'Overrides where the provider is reached.';
comment on column accounts.unreachable_since is 'The provider does not answer; its numbers are not to blame.';
comment on column accounts.rolling_limit is 'Unique recipients in a moving 24 h, over all numbers of the account.';

create table whatsapp_numbers (
    organization_id   uuid not null
        constraint number_belongs_to_an_organization references organizations (id) on delete cascade,
    id                uuid not null,
    account_id        uuid not null,
    phone             e164 not null,
    instance_id       text not null default '',
    display_name      text not null default '',
    notes             text not null default '',
    priority          integer not null default 100,
    daily_limit       integer,
    interval_ms       integer not null default 0,
    per_second        integer not null default 0,
    in_flight         integer not null default 40,
    is_active         boolean not null default true,
    suspended_at      timestamptz,
    suspension_reason text,
    suspended_until   timestamptz,
    suspended_by      text,
    limited_until     timestamptz,
    limited_reason    text,
    warm_up_started_at timestamptz,
    revision          bigint not null default 1,
    created_at        timestamptz not null default clock_timestamp(),
    updated_at        timestamptz not null default clock_timestamp(),
    constraint whatsapp_numbers_key primary key (organization_id, id),
    constraint number_phone_is_taken_once unique (organization_id, phone),
    constraint number_belongs_to_an_account
        foreign key (organization_id, account_id) references accounts (organization_id, id),
    constraint number_daily_limit_is_not_negative check (daily_limit >= 0),
    constraint number_priority_is_between_0_and_9999 check (priority between 0 and 9999),
    constraint number_interval_is_at_most_a_day check (interval_ms between 0 and 86400000),
    constraint number_rate_is_at_most_1000_a_second check (per_second between 0 and 1000),
    constraint number_in_flight_is_between_1_and_1000 check (in_flight between 1 and 1000),
    constraint suspension_has_a_reason
        check ((suspended_at is null) = (suspension_reason is null) and (suspended_at is null) = (suspended_by is null)),
    constraint only_a_suspension_has_an_end check (suspended_until is null or suspended_at is not null),
    constraint limited_iff_reason check ((limited_until is null) = (limited_reason is null))
);
comment on table whatsapp_numbers is 'One sending identity: a phone number at an account.';
comment on column whatsapp_numbers.instance_id is 'The provider''s id of the sender: phone-number-id, instance id; empty at Twilio.';
comment on column whatsapp_numbers.priority is 'Lower goes first.';
comment on column whatsapp_numbers.daily_limit is 'Messages per day of the organisation''s zone; null: no limit of our own; 0: sends nothing.';
comment on column whatsapp_numbers.interval_ms is 'Least time between two messages, in milliseconds.';
comment on column whatsapp_numbers.per_second is 'Most messages in one second; 0: no limit of our own.';
comment on column whatsapp_numbers.in_flight is 'Most requests on the wire at once.';
comment on column whatsapp_numbers.warm_up_started_at is
    'Its first day on the organisation''s warm-up ladder begins then; null: it is on none.';
comment on column whatsapp_numbers.limited_until is 'It rests until then, by itself: throttled or breaker open.';

-- Most messages of a number on a day: its own limit, and on the first days of its warm-up no more than the ladder's rung.
-- The sender's plan asks the same of domain::warm_up; a test compares the two.
create function limit_of_day(p_limit integer, p_ladder integer[], p_started date, p_day date) returns integer
    language sql immutable parallel safe
    return case when p_started is null or p_day >= p_started + cardinality(p_ladder) then p_limit
                else least(p_limit, p_ladder[greatest(p_day - p_started, 0) + 1]) end;

-- The day of a warm-up, 1 being the first, if its rung makes the limit of the day.
create function warm_up_day(p_ladder integer[], p_started date, p_day date, p_limit integer) returns integer
    language sql immutable parallel safe
    return case when p_day < p_started + cardinality(p_ladder)
                     and p_limit = p_ladder[greatest(p_day - p_started, 0) + 1]
                then greatest(p_day - p_started, 0) + 1 end;

create table number_pacing (
    organization_id uuid not null,
    number_id       uuid not null,
    next_send_at    timestamptz not null default '-infinity',
    last_sent_at    timestamptz,
    constraint number_pacing_key primary key (organization_id, number_id),
    constraint pacing_belongs_to_a_number foreign key (organization_id, number_id)
        references whatsapp_numbers (organization_id, id) on delete cascade
) with (fillfactor = 50);
comment on table number_pacing is 'When a number may send next; set inside the claim, so that a takeover cannot shorten a gap.';

create table pools (
    organization_id uuid not null
        constraint pool_belongs_to_an_organization references organizations (id) on delete cascade,
    id              uuid not null,
    name            text not null,
    strategy        text not null default 'priority',
    sticky          boolean not null default true,
    revision        bigint not null default 1,
    created_at      timestamptz not null default clock_timestamp(),
    constraint pools_key primary key (organization_id, id),
    constraint pool_name_is_taken_once unique (organization_id, name),
    constraint pool_strategy_is_known check (strategy in ('priority', 'least_used', 'weighted'))
);
comment on table pools is 'A named set of numbers and the rule that picks among them.';
comment on column pools.sticky is 'A recipient keeps the number of its first message.';

create table pool_numbers (
    organization_id uuid not null,
    pool_id         uuid not null,
    number_id       uuid not null,
    weight          integer not null default 1,
    constraint number_is_in_a_pool_once primary key (organization_id, pool_id, number_id),
    constraint pool_member_belongs_to_a_pool foreign key (organization_id, pool_id)
        references pools (organization_id, id) on delete cascade,
    constraint pool_member_is_a_number foreign key (organization_id, number_id)
        references whatsapp_numbers (organization_id, id) on delete cascade,
    constraint pool_weight_is_positive check (weight > 0)
);

alter table organizations add constraint default_number_is_a_number
    foreign key (id, default_number_id) references whatsapp_numbers (organization_id, id);
