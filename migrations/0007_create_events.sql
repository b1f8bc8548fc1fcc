-- Who did what, when and why; what happened to numbers; and the notices that wake senders and consoles.

create table audit_log (
    organization_id uuid not null
        constraint audit_entry_belongs_to_an_organization references organizations (id) on delete cascade,
    id              uuid not null default new_uuid(),
    at              timestamptz not null default clock_timestamp(),
    actor           text not null,
    instance_id     uuid,
    action          text not null,
    entity          text not null,
    entity_id       uuid not null,
    entity_name     text not null,
    reason          text not null default '',
    before          jsonb,
    after           jsonb,
    constraint audit_log_key primary key (organization_id, id)
);
comment on table audit_log is 'Every decision of operators and senders.';
create index audit_by_entity on audit_log (organization_id, entity_id, at desc);
create index audit_by_time on audit_log (organization_id, at desc);

create table failovers (
    organization_id uuid not null
        constraint failover_belongs_to_an_organization references organizations (id) on delete cascade,
    id              uuid not null,
    from_number_id  uuid not null,
    to_number_id    uuid,
    cause           text not null,
    code            text,
    words           text not null default '',
    actor           text not null,
    started_at      timestamptz not null default clock_timestamp(),
    in_flight       integer not null default 0,
    ended_at        timestamptz,
    ended_by        text,
    ended_reason    text,
    constraint failovers_key primary key (organization_id, id),
    constraint ended_iff_by_whom check ((ended_at is null) = (ended_by is null))
);
comment on table failovers is 'One readable record per switch away from a number, closed when it comes back.';
create unique index one_open_failover_per_number on failovers (organization_id, from_number_id)
    where ended_at is null;
create index failovers_by_time on failovers (organization_id, started_at desc);

create function notify_change() returns trigger language plpgsql as $$
declare
    v_row jsonb := case when tg_op = 'DELETE' then to_jsonb(old) else to_jsonb(new) end;
begin
    perform pg_notify('signalbox', jsonb_build_object(
        'table', tg_table_name, 'org', coalesce(v_row -> 'organization_id', v_row -> 'id'),
        'id', v_row -> 'id', 'revision', v_row -> 'revision')::text);
    return null;
end $$;
create trigger notify_change after insert or update or delete on organizations
    for each row execute function notify_change();
create trigger notify_change after insert or update or delete on whatsapp_numbers
    for each row execute function notify_change();
create trigger notify_change after insert or update or delete on campaigns
    for each row execute function notify_change();
create trigger notify_change after insert or update or delete on accounts
    for each row execute function notify_change();
create trigger notify_change after insert or update or delete on pools
    for each row execute function notify_change();
