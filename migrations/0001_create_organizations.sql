-- Organisations, operators, and the words that several tables share.

create type provider_kind as enum ('meta', 'ultramsg', 'twilio');
create type operator_role as enum ('viewer', 'manager', 'admin');
create type campaign_state as enum ('draft', 'scheduled', 'active', 'paused', 'completed', 'cancelled');
create type recipient_state as enum
    ('queued', 'sending', 'accepted', 'delivered', 'read', 'failed', 'in_doubt', 'skipped');
create type attempt_state as enum
    ('sending', 'accepted', 'rejected', 'not_sent', 'in_doubt', 'waived', 'undelivered');

-- A phone number in E.164 form.
create domain e164 as text
    constraint phone_is_e164 check (value ~ '^\+[1-9][0-9]{6,14}$');

-- Ids that ascend with n within one call: 48 bits of milliseconds, 24 of salt, 48 of n. The form is that of UUID version 7.
-- The salt keeps apart what is made in the same millisecond: an id of two campaigns stops every claim that comes upon it.
create function ordered_uuid(ms bigint, salt integer, n bigint) returns uuid
    language sql immutable strict parallel safe
    return (lpad(to_hex(ms), 12, '0') || '7' || lpad(to_hex((salt >> 12) & 4095), 3, '0')
            || '8' || lpad(to_hex(salt & 4095), 3, '0') || lpad(to_hex(n & 281474976710655), 12, '0'))::uuid;

create function new_uuid() returns uuid
    language sql volatile parallel safe
    return ordered_uuid((extract(epoch from clock_timestamp()) * 1000)::bigint, (random() * 16777215)::integer,
                        (random() * 281474976710655)::bigint);

create table organizations (
    id              uuid constraint organizations_key primary key,
    slug            text not null,
    name            text not null,
    time_zone       text not null,
    default_locale  text not null default 'en',
    daily_limit     integer,
    warm_up         integer[] not null default '{20,50,100,200}',
    rehearsal       boolean not null default false,
    default_number_id uuid,
    stopped_at      timestamptz,
    stopped_by      text,
    stopped_reason  text,
    revision        bigint not null default 1,
    created_at      timestamptz not null default clock_timestamp(),
    constraint slug_is_a_short_word check (slug ~ '^[a-z0-9][a-z0-9-]{0,39}$'),
    constraint organization_slug_is_taken_once unique (slug),
    constraint organization_daily_limit_is_positive check (daily_limit > 0),
    constraint warm_up_has_at_most_90_positive_days check (0 < all (warm_up) and cardinality(warm_up) <= 90),
    constraint stop_names_who_and_why
        check ((stopped_at is null) = (stopped_by is null) and (stopped_at is null) = (stopped_reason is null))
);
comment on table organizations is 'The tenant; everything belongs to one.';
comment on column organizations.time_zone is 'IANA name; the day of every limit begins at midnight here.';
comment on column organizations.daily_limit is 'Most messages a day over all campaigns; null: none of our own.';
comment on column organizations.warm_up is
    'Most messages of a new number on its first days, one after the other; then its own limit. Empty: no ladder.';
comment on column organizations.rehearsal is 'Only ever reaches loopback addresses and may run on an accelerated clock.';
comment on column organizations.stopped_at is 'Set by the stop-everything key: no sender claims while it is set.';
comment on column organizations.revision is 'Raised by every change; actions name the revision they saw.';

create table operators (
    organization_id uuid not null
        constraint operator_belongs_to_an_organization references organizations (id) on delete cascade,
    role_name       text not null,
    role            operator_role not null,
    created_at      timestamptz not null default clock_timestamp(),
    constraint operator_is_named_once_per_organization primary key (organization_id, role_name)
);
comment on table operators is 'Postgres login role to organisation and rights.';
