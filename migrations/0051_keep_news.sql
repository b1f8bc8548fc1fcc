-- What providers tell of accounts and numbers without being asked: kept, shown, and done at once where something follows.

create table number_events (
    organization_id    uuid not null
        constraint number_event_belongs_to_an_organization references organizations (id) on delete cascade,
    id                 uuid not null,
    at                 timestamptz not null default clock_timestamp(),
    account_id         uuid not null,
    number_id          uuid,
    change             text not null,
    code               text not null,
    words              text not null,
    until              timestamptz,
    quality            text,
    provider_limit     integer,
    provider_unlimited boolean not null default false,
    webhook_id         uuid not null,
    place              integer not null,
    constraint number_events_key primary key (organization_id, id),
    constraint number_event_belongs_to_an_account foreign key (organization_id, account_id)
        references accounts (organization_id, id) on delete cascade,
    constraint number_event_is_of_a_number foreign key (organization_id, number_id)
        references whatsapp_numbers (organization_id, id) on delete cascade,
    constraint number_event_is_kept_once unique (organization_id, webhook_id, place),
    constraint event_change_is_known
        check (change in ('restricted', 'reinstated', 'quality', 'limit', 'template', 'notice'))
);
comment on table number_events is 'What providers told of accounts and numbers by themselves, in their words.';
comment on column number_events.number_id is 'The number that it concerns; none: the account, or a number that is none of ours.';
comment on column number_events.place is 'Which piece of news of its request it was.';
create index number_events_by_time on number_events (organization_id, at desc, id desc);
create index number_events_by_number on number_events (organization_id, number_id, at desc);

-- Takes numbers out because their provider restricted them, until the restriction ends where it has an end. One that is
-- out for a restriction that ends earlier stays out longer; who was suspended for something else stays as it is.
create function restrict_numbers(
    p_org uuid, p_instance uuid, p_numbers uuid[], p_until timestamptz, p_code text, p_words text
) returns integer language plpgsql as $$
declare
    v_reason text := 'restricted, ' || p_code || ': ' || p_words;
    v_count  integer;
begin
    with locked as materialized (
        select n.id, n.account_id, n.phone::text as phone from whatsapp_numbers n
         where n.organization_id = p_org and n.id = any (p_numbers)
           and (n.suspended_at is null
                or n.suspended_by = 'sender' and (n.suspended_until < p_until or p_until is null)
                   and n.suspended_until is not null)
         order by n.id for update
    ), suspended as (
        update whatsapp_numbers n
           set suspended_at = coalesce(n.suspended_at, clock_timestamp()), suspension_reason = v_reason, suspended_by = 'sender',
               suspended_until = p_until, revision = n.revision + 1, updated_at = clock_timestamp()
          from locked l where n.organization_id = p_org and n.id = l.id
    ), recorded as (
        insert into failovers (organization_id, id, from_number_id, to_number_id, cause, code, words, actor)
        select p_org, new_uuid(), l.id, next_number(p_org, l.id, l.account_id), 'restricted', p_code, p_words, 'sender'
          from locked l
        on conflict do nothing
    ), audited as (
        insert into audit_log (organization_id, actor, instance_id, action, entity, entity_id, entity_name, reason)
        select p_org, 'sender', p_instance, 'suspend', 'number', l.id, l.phone, v_reason from locked l
    )
    select count(*) into v_count from locked;
    return v_count;
end $$;
comment on function restrict_numbers is 'Suspends numbers that their provider restricted.';

-- Keeps news, each piece once, and does what follows from it. Answers how many numbers were taken out.
create function hear_news(
    p_org uuid, p_instance uuid, p_ids uuid[], p_webhooks uuid[], p_places integer[], p_accounts uuid[],
    p_sender_ids text[], p_sender_phones text[], p_changes text[], p_codes text[], p_words text[],
    p_until timestamptz[], p_qualities text[], p_limits integer[], p_unlimited boolean[]
) returns integer language plpgsql as $$
#variable_conflict use_column
declare
    v_row     record;
    v_numbers uuid[];
    v_out     integer := 0;
begin
    for v_row in
        with heard as (
            insert into number_events (organization_id, id, account_id, number_id, change, code, words, until, quality,
                                       provider_limit, provider_unlimited, webhook_id, place)
            select p_org, k.id, k.account_id, n.id, k.change, k.code, k.words, k.until, k.quality, k.provider_limit,
                   k.provider_unlimited, k.webhook_id, k.place
              from unnest(p_ids, p_webhooks, p_places, p_accounts, p_sender_ids, p_sender_phones, p_changes, p_codes,
                          p_words, p_until, p_qualities, p_limits, p_unlimited)
                as k (id, webhook_id, place, account_id, sender_id, sender_phone, change, code, words, until, quality,
                      provider_limit, provider_unlimited)
              join accounts a on a.organization_id = p_org and a.id = k.account_id
              left join lateral (
                select n.id from whatsapp_numbers n
                 where n.organization_id = p_org and n.account_id = k.account_id
                   and (n.instance_id = k.sender_id or n.phone = k.sender_phone) limit 1) n on true
            on conflict do nothing
            returning *
        )
        select h.*, k.sender_id is not null or k.sender_phone is not null as is_of_one
          from heard h join unnest(p_ids, p_sender_ids, p_sender_phones) as k (id, sender_id, sender_phone) using (id)
         order by h.webhook_id, h.place
    loop
        -- News of a number that is none of ours concerns none of ours.
        v_numbers := array(select n.id from whatsapp_numbers n
                            where n.organization_id = p_org and n.account_id = v_row.account_id
                              and (n.id = v_row.number_id or not v_row.is_of_one) order by n.id);
        if v_row.change = 'restricted' and (v_row.until is null or v_row.until > clock_timestamp()) then
            update number_health h set reinstated_at = null
             where h.organization_id = p_org and h.number_id = any (v_numbers);
            v_out := v_out
                     + restrict_numbers(p_org, p_instance, v_numbers, v_row.until, v_row.code, v_row.words);
        elsif v_row.change = 'reinstated' then
            -- A check brings them back; what was to end by itself later need not.
            update whatsapp_numbers n
               set suspended_until = null, revision = n.revision + 1, updated_at = clock_timestamp()
              from failovers f
             where n.organization_id = p_org and n.id = any (v_numbers) and n.suspended_by = 'sender'
               and n.suspended_until is not null and f.organization_id = p_org and f.from_number_id = n.id
               and f.ended_at is null and f.cause = 'restricted';
            update number_health h set reinstated_at = clock_timestamp(), next_check_at = clock_timestamp()
             where h.organization_id = p_org and h.number_id = any (v_numbers);
        elsif v_row.change = 'quality' then
            update number_health h set quality = v_row.quality
             where h.organization_id = p_org and h.number_id = any (v_numbers);
        elsif v_row.change = 'limit' then
            update number_health h
               set provider_limit = v_row.provider_limit, provider_unlimited = v_row.provider_unlimited
             where h.organization_id = p_org and h.number_id = any (v_numbers);
        end if;
    end loop;
    return v_out;
end $$;
comment on function hear_news is 'Keeps what providers tell of accounts and numbers, and does at once what follows.';
