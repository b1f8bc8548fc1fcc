-- Who is alive, and who may send through what.

create table instances (
    organization_id uuid not null
        constraint instance_belongs_to_an_organization references organizations (id) on delete cascade,
    id              uuid not null,
    operator        text not null,
    host            text not null,
    pid             integer not null,
    version         text not null,
    kind            text not null,
    started_at      timestamptz not null default clock_timestamp(),
    seen_at         timestamptz not null default clock_timestamp(),
    closed_at       timestamptz,
    in_flight       integer not null default 0,
    phase           text not null default 'starting',
    oldest_open     uuid,
    constraint instances_key primary key (organization_id, id),
    constraint instance_kind_is_known check (kind in ('console', 'sender', 'watch'))
) with (fillfactor = 50);
comment on table instances is 'One running program.';
comment on column instances.oldest_open is 'No attempt of this instance with a smaller id is still open: where a sweep begins.';
comment on column instances.closed_at is 'It left, or nothing of it is open any more.';

create table number_leases (
    organization_id uuid not null,
    number_id       uuid not null,
    holder          uuid,
    epoch           bigint not null default 0,
    renewed_at      timestamptz not null default '-infinity',
    expires_at      timestamptz not null default '-infinity',
    unusable        text,
    constraint number_leases_key primary key (organization_id, number_id),
    constraint lease_is_for_a_number foreign key (organization_id, number_id)
        references whatsapp_numbers (organization_id, id) on delete cascade
) with (fillfactor = 50);
comment on table number_leases is 'The right of one instance to send through one number, for a while. The epoch fences old holders.';
comment on column number_leases.unusable is
    'Why its holder cannot send through the number at all, as with a token that does not open; null: it can, or does not know yet.';

create function number_gets_a_lease_row() returns trigger language plpgsql as $$
begin
    insert into number_leases (organization_id, number_id) values (new.organization_id, new.id);
    insert into number_pacing (organization_id, number_id) values (new.organization_id, new.id);
    return null;
end $$;
create trigger number_gets_a_lease_row after insert on whatsapp_numbers
    for each row execute function number_gets_a_lease_row();

create table chores (
    organization_id uuid not null
        constraint chore_belongs_to_an_organization references organizations (id) on delete cascade,
    name            text not null,
    next_run_at     timestamptz not null default '-infinity',
    taken_by        uuid,
    constraint chores_key primary key (organization_id, name)
);
comment on table chores is 'Work that one instance does for all: taken by a conditional update; every pass is idempotent.';
