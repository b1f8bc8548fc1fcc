-- How numbers did over days: read from what is kept anyway, by keys that begin with the number.

-- Days of the organisation's zone, the last p_days of them.
--
-- The beginnings are worked out first: what is asked of an index may hold nothing that changes while it runs, and nothing of
-- a column that policies do not let run before them, such as the conversion of a zone. Numbers come as an array and pages as
-- a bitmap: of a thousand numbers each page is read once, and not once for each of them. Numbers that were removed are among
-- them: what they sent was sent.
create function number_days(p_org uuid, p_days integer, p_number uuid default null)
    returns table (number_id uuid, day date, sent bigint, accepted bigint, delivered bigint, undelivered bigint,
                   refused bigint, blocked bigint)
    language sql stable set enable_seqscan = off set enable_indexscan = off set jit = off set work_mem = '16MB'
as $$
    with span as materialized (
        select t.zone, t.first, t.first::timestamp at time zone t.zone as since
          from (select o.time_zone as zone, (clock_timestamp() at time zone o.time_zone)::date - p_days + 1 as first
                  from organizations o where o.id = p_org) t
    ), numbers as materialized (
        select array(select n.id from whatsapp_numbers n
                      where n.organization_id = p_org and (p_number is null or n.id = p_number)) as ids
    ), sent as (
        select u.scope_id as number_id, u.day, u.reserved::bigint as sent
          from quota_usage u
         where u.organization_id = p_org and u.scope = 'number' and u.scope_id = any ((select ids from numbers)::uuid[])
           and u.day >= (select first from span)
    ), came as (
        select y.number_id, (y.bucket at time zone s.zone)::date as day, sum(y.accepted)::bigint as accepted,
               sum(y.delivered)::bigint as delivered, sum(y.undelivered)::bigint as undelivered,
               sum(y.refused)::bigint as refused, sum(y.blocked)::bigint as blocked
          from span s
         cross join number_pulse y
         where y.organization_id = p_org and y.number_id = any ((select ids from numbers)::uuid[])
           and y.bucket >= (select since from span)
         group by 1, 2
    ), went as (
        -- A day may stand in both: its beginning here, the rest there, and what was reported late.
        select k.number_id, k.day, sum(k.accepted)::bigint as accepted, sum(k.delivered)::bigint as delivered,
               sum(k.undelivered)::bigint as undelivered, sum(k.refused)::bigint as refused, sum(k.blocked)::bigint as blocked
          from (select * from came
                union all
                select d.number_id, d.day, d.accepted, d.delivered, d.undelivered, d.refused, d.blocked
                  from number_day_sums d
                 where d.organization_id = p_org and d.number_id = any ((select ids from numbers)::uuid[])
                   and d.day >= (select first from span)
                   and (d.accepted, d.delivered, d.undelivered, d.refused, d.blocked) is distinct from (0, 0, 0, 0, 0)) k
         group by 1, 2
    )
    select coalesce(t.number_id, c.number_id), coalesce(t.day, c.day), coalesce(t.sent, 0), coalesce(c.accepted, 0),
           coalesce(c.delivered, 0), coalesce(c.undelivered, 0), coalesce(c.refused, 0), coalesce(c.blocked, 0)
      from sent t full join went c on c.number_id = t.number_id and c.day = t.day
     order by 1, 2
$$;
comment on function number_days is 'What each number sent on each of the last days, and what became of it.';

create index failovers_by_end on failovers (organization_id, ended_at);

-- Out of service and back: how often, and for how long in all, in the last p_days days and as many before. What began in one
-- stretch and lasts into another is out in both, for as long as it was in each; taken out it was in the first.
create function number_switches(p_org uuid, p_days integer)
    returns table (number_id uuid, is_earlier boolean, switches bigint, outages bigint, seconds_out double precision,
                   causes text)
    language sql stable set enable_seqscan = off
as $$
    with stretches as materialized (
        select s.is_earlier, t.now - s.back * make_interval(days => p_days) as since,
               t.now - (s.back - 1) * make_interval(days => p_days) as until
          from (select clock_timestamp() as now) t
         cross join (values (false, 1), (true, 2)) s (is_earlier, back)
    ), outages as materialized (
        select f.from_number_id, f.started_at, coalesce(f.ended_at, 'infinity') as ended_at, f.cause
          from failovers f
         where f.organization_id = p_org
           and (f.ended_at is null or f.ended_at >= (select min(s.since) from stretches s))
    )
    select o.from_number_id, s.is_earlier, count(*) filter (where o.started_at >= s.since), count(*),
           sum(extract(epoch from least(o.ended_at, s.until) - greatest(o.started_at, s.since)))::double precision,
           string_agg(distinct o.cause, ', ' order by o.cause)
      from stretches s join outages o on o.started_at < s.until and o.ended_at >= s.since
     group by 1, 2
$$;
comment on function number_switches is 'How often each number was taken out of service, why, and for how long it was out.';

-- Tests of the last p_days days: how many there were, and how many found the number able to send. Those of more than a month
-- ago are known by their day.
create function number_tests(p_org uuid, p_days integer)
    returns table (number_id uuid, tests bigint, passed bigint) language sql stable set enable_seqscan = off
as $$
    with since as materialized (
        select t.at, (t.at at time zone o.time_zone)::date as day
          from organizations o
         cross join lateral (select clock_timestamp() - make_interval(days => p_days) as at) t
         where o.id = p_org
    )
    select n.id, c.tests + d.tests, c.passed + d.passed
      from whatsapp_numbers n
     cross join lateral (select count(*) as tests, count(*) filter (where k.state = 'sendable') as passed
                           from number_checks k
                          where k.organization_id = p_org and k.number_id = n.id
                            and k.at >= (select s.at from since s)) c
     cross join lateral (select coalesce(sum(d.tests), 0)::bigint as tests, coalesce(sum(d.tests_passed), 0)::bigint as passed
                           from number_day_sums d
                          where d.organization_id = p_org and d.number_id = n.id
                            and d.day > (select s.day from since s)) d
     where n.organization_id = p_org and c.tests + d.tests > 0
$$;
comment on function number_tests is 'How many tests of each number there were, and how many it passed.';

-- From when the provider took a message to when it was delivered, in seconds. Of the last p_most tries within p_days days: the
-- ledger is walked by its key, from the end.
create function delivery_times(p_org uuid, p_days integer, p_most integer)
    returns table (number_id uuid, messages bigint, half double precision, most double precision, nearly_all double precision)
    language sql stable set enable_seqscan = off set jit = off set work_mem = '16MB'
as $$
    select t.number_id, t.messages, t.at[1], t.at[2], t.at[3] from (
        select a.number_id, count(*) as messages,
               percentile_cont(array[0.5, 0.9, 0.99]) within group (
                   order by extract(epoch from a.delivered_at - a.finished_at)) as at
          from (select a.number_id, a.delivered_at, a.finished_at from attempts a
                 where a.organization_id = p_org
                   and a.id >= (select id_at(clock_timestamp() - make_interval(days => p_days)))
                 order by a.id desc limit p_most) a
         where a.delivered_at >= a.finished_at
         group by a.number_id) t
$$;
comment on function delivery_times is 'How long deliveries took: within so many seconds a half of them, nine in ten, and 99 in a hundred.';
