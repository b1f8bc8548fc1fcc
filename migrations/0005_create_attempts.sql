-- The ledger: one row per try, committed before the wire.

-- live is a column of its own, not an expression over state: a row that goes from sending to accepted changes no
-- indexed column and stays on its page. The check keeps the two in step.
create table attempts (
    organization_id uuid not null,
    id              uuid not null,
    campaign_id     uuid,
    recipient_id    uuid not null,
    step            smallint not null,
    number_id       uuid not null,
    instance_id     uuid not null,
    epoch           bigint not null,
    state           attempt_state not null default 'sending',
    live            boolean not null default true,
    charged         boolean not null default true,
    quota_day       date not null,
    started_at      timestamptz not null,
    deadline_at     timestamptz not null,
    finished_at     timestamptz,
    duration_ms     integer,
    in_doubt_since  timestamptz,
    checked_at      timestamptz,
    checks          smallint not null default 0,
    absences        smallint not null default 0,
    evidence        text,
    provider_message_id text,
    class           text,
    blame           text,
    code            text,
    words           text,
    resolved_by     text,
    resolved_reason text,
    contradicted    boolean not null default false,
    constraint attempts_key primary key (organization_id, id),
    constraint live_iff_sending_in_doubt_or_accepted
        check (live = (state in ('sending', 'in_doubt', 'accepted'))),
    constraint finished_iff_not_sending check ((state = 'sending') = (finished_at is null)),
    constraint accepted_has_a_provider_id_or_an_operators_word
        check (state <> 'accepted' or provider_message_id is not null or resolved_by is not null),
    constraint in_doubt_says_since_when check ((state = 'in_doubt') = (in_doubt_since is not null)),
    constraint waived_names_operator_and_reason
        check (state <> 'waived' or (resolved_by is not null and resolved_reason is not null)),
    constraint failure_has_a_class
        check (state not in ('rejected', 'not_sent', 'in_doubt') or class is not null)
) with (fillfactor = 50, autovacuum_vacuum_scale_factor = 0.05);
comment on table attempts is 'One try to put one step for one recipient on the wire through one number.';
comment on column attempts.campaign_id is 'None: the attempt is of a reply, and recipient_id names the reply.';
comment on column attempts.epoch is 'Of the number''s lease at the claim.';
comment on column attempts.charged is 'Counts against the limits of quota_day.';
comment on column attempts.words is 'The provider''s own words, cleaned.';
comment on column attempts.checks is 'How often the provider was asked about it.';
comment on column attempts.absences is 'How often the provider did not know it.';
comment on column attempts.evidence is 'What the provider said last.';
comment on column attempts.contradicted is 'Settled one way, and evidence for acceptance came later.';

-- Rule B: this index, not any lock or lease, is what makes "at most once" true.
create unique index one_live_attempt on attempts (organization_id, recipient_id, step) where live;
create index ended_attempts_by_recipient on attempts (organization_id, recipient_id) where not live;
create index attempts_in_doubt on attempts (organization_id, in_doubt_since) where in_doubt_since is not null;

-- Every message adds a row, nobody orders by the id, and ids are long and come in no order: the index keeps eight bytes of
-- each. An id given twice is kept twice, so that nothing has to be looked for before a row is added.
create table provider_messages (
    organization_id     uuid not null,
    provider_message_id text not null,
    attempt_id          uuid not null
);
create index provider_messages_by_hash
    on provider_messages (organization_id, hashtextextended(provider_message_id, 0));
comment on table provider_messages is 'Finds the attempt that a provider''s report names. An id given twice is kept twice.';

create table quota_usage (
    organization_id uuid not null
        constraint usage_belongs_to_an_organization references organizations (id) on delete cascade,
    scope           text not null,
    scope_id        uuid not null,
    day             date not null,
    cap             integer,
    reserved        integer not null,
    constraint quota_usage_key primary key (organization_id, scope, scope_id, day),
    constraint scope_is_known check (scope in ('organization', 'number', 'campaign', 'replies')),
    constraint usage_is_within_cap check (reserved >= 0 and (cap is null or reserved <= cap))
) with (fillfactor = 50);
comment on table quota_usage is 'Messages charged per scope and local day. A new day is a new key: there is no reset job.';
comment on column quota_usage.scope is 'replies: of what a number was charged for, the part that were replies.';
comment on column quota_usage.cap is 'The largest cap in force that day; the claim compares with the current one.';

create table number_campaign_usage (
    organization_id uuid not null
        constraint campaign_usage_belongs_to_an_organization references organizations (id) on delete cascade,
    number_id       uuid not null,
    campaign_id     uuid not null,
    day             date not null,
    used            integer not null,
    constraint number_campaign_usage_key primary key (organization_id, day, number_id, campaign_id),
    constraint used_is_not_negative check (used >= 0)
) with (fillfactor = 50);
comment on table number_campaign_usage is 'What each campaign sent through each number on a day; fair sharing reads it.';

create table number_activity (
    organization_id uuid not null
        constraint activity_belongs_to_an_organization references organizations (id) on delete cascade,
    number_id       uuid not null,
    minute          timestamptz not null,
    accepted        integer not null default 0,
    rejected        integer not null default 0,
    not_sent        integer not null default 0,
    in_doubt        integer not null default 0,
    constraint number_activity_key primary key (organization_id, number_id, minute)
) with (fillfactor = 50);
comment on table number_activity is 'Outcomes per number and minute, for rates and charts.';
