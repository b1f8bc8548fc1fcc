-- People, and those who must not be written to.

-- No foreign key here nor on the other tables that are filled a million rows at a time: a check per row would cost
-- more than the row. The statements that fill them read the parent they name.
create table contacts (
    organization_id uuid not null,
    id              uuid not null,
    phone           e164 not null,
    name            text,
    locale          text,
    time_zone       text,
    country         text,
    gender          text,
    profession      text,
    birth_date      date,
    registered_at   timestamptz,
    referrer_name   text,
    tags            text[] not null default '{}',
    attributes      jsonb not null default '{}',
    consent         boolean,
    consent_method  text,
    consent_at      timestamptz,
    last_campaign_sent_at timestamptz,
    created_at      timestamptz not null default now(),
    updated_at      timestamptz not null default now(),
    constraint contacts_key primary key (organization_id, id),
    constraint contact_phone_is_taken_once unique (organization_id, phone),
    constraint attributes_are_an_object check (jsonb_typeof(attributes) = 'object'),
    constraint consent_has_a_time check (consent is null or consent_at is not null)
);
comment on table contacts is 'A person: phone in E.164, name, locale, attributes, consent.';

create table suppressions (
    organization_id uuid not null
        constraint suppression_belongs_to_an_organization references organizations (id) on delete cascade,
    phone           e164 not null,
    since           timestamptz not null default clock_timestamp(),
    source          text not null,
    reason          text not null,
    constraint suppressions_key primary key (organization_id, phone)
);
comment on table suppressions is 'Phones that no campaign of the organisation writes to; checked inside every claim.';

create table contact_imports (
    organization_id uuid not null
        constraint contact_import_belongs_to_an_organization references organizations (id) on delete cascade,
    id              uuid not null,
    file_name       text not null,
    operator        text not null,
    lines           bigint not null,
    accepted        bigint not null,
    updated         bigint not null,
    duplicate       bigint not null,
    rejected        bigint not null,
    started_at      timestamptz not null,
    finished_at     timestamptz not null default clock_timestamp(),
    constraint contact_imports_key primary key (organization_id, id),
    constraint every_line_is_accounted_for check (lines = accepted + updated + duplicate + rejected)
);
comment on table contact_imports is 'One account per imported file: every line is in exactly one column.';
