-- What providers report, kept byte for byte before anything is made of it: the answer to the provider waits for this row
-- and for nothing else. Applied afterwards, by whichever sender comes to it.

create table webhooks (
    organization_id uuid not null
        constraint webhook_belongs_to_an_organization references organizations (id) on delete cascade,
    id              uuid not null,
    account_id      uuid not null,
    digest          bytea not null,
    query           text not null,
    body            bytea not null,
    received_at     timestamptz not null,
    taken_until     timestamptz,
    tries           smallint not null default 0,
    applied_at      timestamptz,
    problem         text,
    constraint webhooks_key primary key (organization_id, id),
    constraint webhook_belongs_to_an_account foreign key (organization_id, account_id)
        references accounts (organization_id, id) on delete cascade,
    constraint webhook_is_kept_once unique (organization_id, account_id, digest),
    constraint webhook_digest_is_a_sha256 check (octet_length(digest) = 32)
);
comment on table webhooks is 'Requests of providers as they arrived, believed and kept; applied afterwards.';
comment on column webhooks.digest is 'SHA-256 of query and body: the same report again is kept once.';
comment on column webhooks.taken_until is 'Somebody applies it; if nothing came of that by then, somebody else does.';
comment on column webhooks.problem is 'What could not be read of it, or why applying it failed last.';
create index webhooks_to_apply on webhooks (organization_id, id) where applied_at is null;
create index webhooks_by_age on webhooks (organization_id, applied_at) where applied_at is not null;

-- Refused before they were believed, by cause and day: nothing of them is kept but the count.
create table webhook_refusals (
    organization_id uuid not null
        constraint refusal_belongs_to_an_organization references organizations (id) on delete cascade,
    account_id      uuid not null,
    day             date not null,
    cause           text not null,
    count           bigint not null,
    last_at         timestamptz not null,
    constraint webhook_refusals_key primary key (organization_id, account_id, day, cause),
    constraint refusal_of_an_account foreign key (organization_id, account_id)
        references accounts (organization_id, id) on delete cascade
);
comment on table webhook_refusals is 'How many requests to an account''s webhook were not believed, and why.';

create function take_webhooks(p_org uuid, p_most integer) returns setof webhooks language sql
    set enable_seqscan = off set enable_bitmapscan = off set enable_sort = off set jit = off
as $$
    update webhooks w
       set taken_until = clock_timestamp() + interval '30 s', tries = w.tries + 1
      from (select due.ctid as place from webhooks due
             where due.organization_id = p_org and due.applied_at is null
               and (due.taken_until is null or due.taken_until <= clock_timestamp())
             order by due.organization_id, due.id limit p_most for update skip locked) due
     where w.ctid = due.place
    returning w.*
$$;
comment on function take_webhooks is 'The oldest reports that nobody applies, for the caller to apply within half a minute.';
