-- Numbers that a provider told to go slower. They rest first, go on at half their pace, and come back step by step: so all
-- senders see it the same, and a takeover forgets nothing. Kept beside whatsapp_numbers: a claim holds those rows.

create table number_throttles (
    organization_id uuid not null,
    number_id       uuid not null,
    percent         integer not null,
    rest_until      timestamptz not null,
    reason          text not null,
    at              timestamptz not null default clock_timestamp(),
    constraint number_throttles_key primary key (organization_id, number_id),
    constraint throttle_is_of_a_number foreign key (organization_id, number_id)
        references whatsapp_numbers (organization_id, id) on delete cascade,
    constraint throttle_leaves_5_to_50_percent check (percent between 5 and 50)
) with (fillfactor = 50);
comment on table number_throttles is 'The last time that a provider told a number to go slower.';
comment on column number_throttles.percent is 'Of its own pace, when the rest is over; pace_percent() says how it grows.';

-- Ten points more every thirty seconds.
create function pace_percent(p_percent integer, p_until timestamptz, p_at timestamptz) returns integer
    language sql immutable parallel safe
    return case when p_percent is null then 100
                else least(100, p_percent + 10 * greatest(0, floor(extract(epoch from p_at - p_until) / 30)::integer)) end;

-- When it is back at its own pace.
create function full_pace_at(p_percent integer, p_until timestamptz) returns timestamptz
    language sql immutable parallel safe
    return p_until + ceil((100 - p_percent) / 10.0)::integer * interval '30 seconds';

-- Lets numbers rest that were told to go slower, and halves their pace for when they go on. Answers that were in the air
-- when the first one came find them resting, and halve nothing again; a shorter rest never replaces a longer one.
create function throttle_numbers(
    p_org uuid, p_instance uuid, p_numbers uuid[], p_rest interval, p_reason text
) returns integer language plpgsql as $$
declare
    v_now    timestamptz;
    v_count  integer;
begin
    perform 1 from whatsapp_numbers where organization_id = p_org and id = any (p_numbers) order by id for update;
    v_now := clock_timestamp();
    with rested as (
        update whatsapp_numbers n
           set limited_until = v_now + p_rest, limited_reason = p_reason, revision = n.revision + 1, updated_at = v_now
         where n.organization_id = p_org and n.id = any (p_numbers)
           and coalesce(n.limited_until, '-infinity') < v_now + p_rest - interval '500 milliseconds'
        returning n.id, n.phone::text as phone
    ), slowed as (
        insert into number_throttles as t (organization_id, number_id, percent, rest_until, reason, at)
        select p_org, r.id, 50, v_now + p_rest, p_reason, v_now from rested r order by r.id
        on conflict on constraint number_throttles_key do update
           set percent = case when t.rest_until > v_now then t.percent
                              else greatest(5, pace_percent(t.percent, t.rest_until, v_now) / 2) end,
               rest_until = greatest(t.rest_until, excluded.rest_until), reason = excluded.reason, at = excluded.at
        returning t.number_id, t.percent
    ), audited as (
        insert into audit_log (organization_id, at, actor, instance_id, action, entity, entity_id, entity_name, reason, after)
        select p_org, v_now, 'sender', p_instance, 'throttle', 'number', r.id, r.phone, p_reason,
               jsonb_build_object('pace_percent', s.percent, 'limited_until', v_now + p_rest)
          from rested r join slowed s on s.number_id = r.id
    )
    select count(*) into v_count from rested;
    return v_count;
end $$;
comment on function throttle_numbers is 'Rests numbers and slows them down because their provider asked for it.';
