-- The SQL face for other systems on this database: views and functions whose names and columns stay.
--
--   select * from campaign_stats where name = 'summer-sale';
--   select phone, sent_today, remaining_today from number_usage_today order by phone;
--   select campaign, count(*) from pending_today group by campaign;
--   select * from recipient_history where phone = '+237600000001' order by started_at;
--   select * from get_available_whatsapp_number((select id from organizations where slug = 'acme'));

-- What other systems sent through our numbers counts against their limits, and is told apart from our own attempts.
alter table quota_usage add column elsewhere integer not null default 0;
alter table quota_usage add constraint elsewhere_is_a_part_of_reserved check (elsewhere between 0 and reserved);
comment on column quota_usage.elsewhere is 'Of reserved: counted by increment_message_count, without an attempt of ours.';

create view campaign_stats with (security_invoker = true) as
select c.organization_id, c.id as campaign_id, c.name, c.state::text as state, c.priority, c.starts_at, c.started_at,
       c.finished_at, c.hold_reason, k.planned, k.queued, k.sending, k.accepted, k.delivered, k.read, k.failed,
       k.in_doubt, k.skipped, k.opted_out, k.attempts,
       case when k.accepted + k.delivered + k.read > 0
            then (k.delivered + k.read)::double precision / (k.accepted + k.delivered + k.read) end as delivery_rate,
       case when k.delivered + k.read > 0
            then k.read::double precision / (k.delivered + k.read) end as read_rate,
       coalesce(u.reserved, 0) as sent_today,
       k.planned = k.queued + k.sending + k.accepted + k.delivered + k.read + k.failed + k.in_doubt + k.skipped
           as sums_hold
  from campaigns c
  join organizations o on o.id = c.organization_id
 cross join lateral (
           select coalesce(sum(planned), 0)::bigint as planned, coalesce(sum(queued), 0)::bigint as queued,
                  coalesce(sum(sending), 0)::bigint as sending, coalesce(sum(accepted), 0)::bigint as accepted,
                  coalesce(sum(delivered), 0)::bigint as delivered, coalesce(sum(read), 0)::bigint as read,
                  coalesce(sum(failed), 0)::bigint as failed, coalesce(sum(in_doubt), 0)::bigint as in_doubt,
                  coalesce(sum(skipped), 0)::bigint as skipped, coalesce(sum(opted_out), 0)::bigint as opted_out,
                  coalesce(sum(attempts), 0)::bigint as attempts
             from campaign_counts k
            where k.organization_id = c.organization_id and k.campaign_id = c.id) k
  left join quota_usage u on u.organization_id = c.organization_id and u.scope = 'campaign' and u.scope_id = c.id
                         and u.day = (clock_timestamp() at time zone o.time_zone)::date;
comment on view campaign_stats is 'Recipients of every campaign by the furthest state they reached, and its rates.';

create view number_usage_today with (security_invoker = true) as
select n.organization_id, n.id as number_id, n.phone::text as phone, n.display_name as name,
       a.provider::text as provider, a.name as account, t.day, n.daily_limit, coalesce(u.reserved, 0) as sent_today,
       case when w.limit_today is not null
            then greatest(w.limit_today - coalesce(u.reserved, 0), 0) end as remaining_today,
       case when not n.is_active then 'disabled'
            when n.suspended_at is not null and (n.suspended_until is null or n.suspended_until > t.at) then 'suspended'
            when n.limited_until > t.at then 'limited' else 'active' end as state, w.limit_today
  from whatsapp_numbers n
  join accounts a on a.organization_id = n.organization_id and a.id = n.account_id
  join organizations o on o.id = n.organization_id
 cross join lateral (select clock_timestamp() as at, (clock_timestamp() at time zone o.time_zone)::date as day) t
 cross join lateral (select limit_of_day(n.daily_limit, o.warm_up, (n.warm_up_started_at at time zone o.time_zone)::date,
                                         t.day) as limit_today) w
  left join quota_usage u on u.organization_id = n.organization_id and u.scope = 'number' and u.scope_id = n.id
                         and u.day = t.day;
comment on view number_usage_today is 'What every number sent on the organisation''s day, and what is left of its limit, warm-up included.';

create view pending_today with (security_invoker = true) as
select r.organization_id, c.name as campaign, r.campaign_id, r.id as recipient_id, r.phone::text as phone, r.step,
       coalesce(r.due_at, c.started_at) as due_at, n.phone::text as number
  from campaigns c
  join organizations o on o.id = c.organization_id
  join campaign_recipients r on r.organization_id = c.organization_id and r.campaign_id = c.id
  left join whatsapp_numbers n on n.organization_id = r.organization_id and n.id = r.bound_number_id
 where c.state = 'active' and r.state = 'queued'
   and (r.due_at is null
        or r.due_at < (((clock_timestamp() at time zone o.time_zone)::date + 1)::timestamp at time zone o.time_zone));
comment on view pending_today is 'Who of the running campaigns is due before the organisation''s midnight. Limits may still hold them back.';

create view recipient_history with (security_invoker = true) as
select a.organization_id, r.phone::text as phone, c.name as campaign, r.id as recipient_id, r.state::text as recipient_state,
       r.reason, a.step, a.id as attempt_id, a.state::text as attempt_state, n.phone::text as number,
       a.started_at, a.finished_at, a.duration_ms, a.provider_message_id, a.class, a.code, a.words,
       a.resolved_by, a.resolved_reason, a.contradicted
  from attempts a
  join campaign_recipients r on r.organization_id = a.organization_id and r.campaign_id = a.campaign_id
                            and r.id = a.recipient_id
  join campaigns c on c.organization_id = a.organization_id and c.id = a.campaign_id
  left join whatsapp_numbers n on n.organization_id = a.organization_id and n.id = a.number_id;
comment on view recipient_history is 'Who got what through which number, and what became of every try.';

create function get_available_whatsapp_number(org_id uuid)
    returns table (number_id uuid, phone text, display_name text, provider text, instance_id text, priority integer,
                   daily_limit integer, sent_today integer)
    language sql stable
as $$
    select n.id, n.phone::text, n.display_name, t.provider, n.instance_id, n.priority, n.daily_limit, t.sent_today
      from number_usage_today t
      join whatsapp_numbers n on n.organization_id = t.organization_id and n.id = t.number_id
     where t.organization_id = $1 and t.state = 'active' and (t.remaining_today is null or t.remaining_today > 0)
     order by n.priority, n.phone limit 1
$$;
comment on function get_available_whatsapp_number is
    'The first number by priority that may send now: select phone from get_available_whatsapp_number($1).';

create function increment_message_count(number_id uuid) returns void language plpgsql as $$
declare
    v_number whatsapp_numbers;
    v_day    date;
    v_limit  integer;
begin
    select n.* into v_number from whatsapp_numbers n where n.id = $1 for share;
    if not found then
        raise exception 'there is no number %', $1 using errcode = 'no_data_found';
    end if;
    select d.day, limit_of_day(v_number.daily_limit, o.warm_up,
                               (v_number.warm_up_started_at at time zone o.time_zone)::date, d.day)
      into v_day, v_limit
      from organizations o
     cross join lateral (select (clock_timestamp() at time zone o.time_zone)::date as day) d
     where o.id = v_number.organization_id;
    insert into quota_usage as u (organization_id, scope, scope_id, day, cap, reserved, elsewhere)
    select v_number.organization_id, 'number', v_number.id, v_day, v_limit, 1, 1
     where v_limit is null or v_limit > 0
    on conflict on constraint quota_usage_key do update
       set reserved = u.reserved + 1, elsewhere = u.elsewhere + 1,
           cap = case when excluded.cap is null then null else greatest(u.cap, excluded.cap, u.reserved) end
     where v_limit is null or u.reserved < v_limit;
    if not found then
        raise exception 'number % has reached its daily limit of %', v_number.phone, v_limit
            using errcode = 'check_violation', constraint = 'usage_is_within_cap';
    end if;
end $$;
comment on function increment_message_count is
    'Counts a message that another system sent through a number; refused when the day is full: select increment_message_count($1).';

create function reset_daily_message_counts() returns void language sql as $$ select $$;
comment on function reset_daily_message_counts is
    'Does nothing, and never needs to be called: usage is keyed by the local day, so a new day begins at zero by itself.';
