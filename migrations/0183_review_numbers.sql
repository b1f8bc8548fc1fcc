-- How numbers did over days: read from what is kept anyway, by keys that begin with the number.

-- Days of the organisation's zone, the last p_days of them.
create function number_days(p_org uuid, p_days integer, p_number uuid default null)
    returns table (number_id uuid, day date, sent bigint, accepted bigint, delivered bigint, undelivered bigint,
                   refused bigint, blocked bigint)
    language sql stable set enable_seqscan = off
as $$
    with span as (
        select o.time_zone as zone, t.today, t.today - p_days + 1 as first
          from organizations o
         cross join lateral (select (clock_timestamp() at time zone o.time_zone)::date as today) t
         where o.id = p_org
    ), numbers as (
        select n.id from whatsapp_numbers n
         where n.organization_id = p_org and n.retired_at is null and (p_number is null or n.id = p_number)
    ), sent as (
        select u.scope_id as number_id, u.day, u.reserved::bigint as sent
          from span s
         cross join numbers n
          join quota_usage u on u.organization_id = p_org and u.scope = 'number' and u.scope_id = n.id and u.day >= s.first
    ), came as (
        select y.number_id, (y.bucket at time zone s.zone)::date as day, sum(y.accepted)::bigint as accepted,
               sum(y.delivered)::bigint as delivered, sum(y.undelivered)::bigint as undelivered,
               sum(y.refused)::bigint as refused, sum(y.blocked)::bigint as blocked
          from span s
         cross join numbers n
          join number_pulse y on y.organization_id = p_org and y.number_id = n.id
                             and y.bucket >= s.first::timestamp at time zone s.zone
         group by 1, 2
    )
    select coalesce(t.number_id, c.number_id), coalesce(t.day, c.day), coalesce(t.sent, 0), coalesce(c.accepted, 0),
           coalesce(c.delivered, 0), coalesce(c.undelivered, 0), coalesce(c.refused, 0), coalesce(c.blocked, 0)
      from sent t full join came c on c.number_id = t.number_id and c.day = t.day
     order by 1, 2
$$;
comment on function number_days is 'What each number sent on each of the last days, and what became of it.';

-- Out of service and back: how often, and for how long in all, in the last p_days days and as many before.
create function number_switches(p_org uuid, p_days integer)
    returns table (number_id uuid, is_earlier boolean, switches bigint, seconds_out double precision, causes text)
    language sql stable set enable_seqscan = off
as $$
    select f.from_number_id, f.started_at < clock_timestamp() - make_interval(days => p_days), count(*),
           sum(extract(epoch from coalesce(f.ended_at, clock_timestamp()) - f.started_at))::double precision,
           string_agg(distinct f.cause, ', ' order by f.cause)
      from failovers f
     where f.organization_id = p_org and f.started_at >= clock_timestamp() - make_interval(days => 2 * p_days)
     group by 1, 2
$$;
comment on function number_switches is 'How often each number was taken out of service, why, and for how long.';

-- Tests of the last p_days days: how many there were, and how many found the number able to send.
create function number_tests(p_org uuid, p_days integer)
    returns table (number_id uuid, tests bigint, passed bigint) language sql stable set enable_seqscan = off
as $$
    select n.id, c.tests, c.passed
      from whatsapp_numbers n
     cross join lateral (select count(*) as tests, count(*) filter (where k.state = 'sendable') as passed
                           from number_checks k
                          where k.organization_id = p_org and k.number_id = n.id
                            and k.at >= clock_timestamp() - make_interval(days => p_days)) c
     where n.organization_id = p_org and n.retired_at is null and c.tests > 0
$$;
comment on function number_tests is 'How many tests of each number there were, and how many it passed.';

-- From when the provider took a message to when it was delivered, in seconds. Of the last p_most tries within p_days days: the
-- ledger is walked by its key, from the end.
create function delivery_times(p_org uuid, p_days integer, p_most integer)
    returns table (number_id uuid, messages bigint, half double precision, most double precision, nearly_all double precision)
    language sql stable set enable_seqscan = off
as $$
    select t.number_id, t.messages, t.at[1], t.at[2], t.at[3] from (
        select a.number_id, count(*) as messages,
               percentile_cont(array[0.5, 0.9, 0.99]) within group (
                   order by extract(epoch from a.delivered_at - a.finished_at)) as at
          from (select a.number_id, a.delivered_at, a.finished_at from attempts a
                 where a.organization_id = p_org
                   and a.id >= ordered_uuid((extract(epoch from clock_timestamp() - make_interval(days => p_days)) * 1000)::bigint,
                                            0, 0)
                 order by a.id desc limit p_most) a
         where a.delivered_at >= a.finished_at
         group by a.number_id) t
$$;
comment on function delivery_times is 'How long deliveries took: within so many seconds a half of them, nine in ten, and 99 in a hundred.';
