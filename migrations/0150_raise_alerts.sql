-- What operators are told: each cause once, however many programs look, in the console, by e-mail and by webhook.
--
-- Nobody calls out when something happens. One look compares what is wrong now with what was told already, so that nothing is
-- missed by a program that was not there, and nothing is told twice by two that were.

alter table accounts add column token_since timestamptz not null default clock_timestamp();
update accounts set token_since = created_at;
comment on column accounts.token_since is 'When its token was given; sealing it with another key does not make it younger.';
alter table accounts
    add column app_secret_since timestamptz,
    add column verify_token_since timestamptz;
comment on column accounts.app_secret_since is 'When its app secret was given; null: when it was made. That of the webhook is as old as the account.';
comment on column accounts.verify_token_since is 'When its verify token was given; null: when it was made.';

create table alert_rules (
    organization_id uuid
        constraint alert_rules_belong_to_an_organization references organizations (id) on delete cascade,
    quiet_from      smallint,
    quiet_to        smallint,
    doubts_after    interval not null default '30 minutes',
    credential_days integer default 90,
    report_at       smallint,
    revision        bigint not null default 1,
    constraint alert_rules_key primary key (organization_id),
    constraint quiet_hours_are_whole check ((quiet_from is null) = (quiet_to is null)),
    constraint quiet_hours_are_minutes_of_a_day
        check (quiet_from between 0 and 1439 and quiet_to between 1 and 1440 and quiet_from <> quiet_to),
    constraint doubts_wait_for_some_time check (doubts_after > '0 s'),
    constraint credentials_may_be_some_days_old check (credential_days > 0),
    constraint report_is_at_a_minute_of_the_day check (report_at between 0 and 1439)
);
comment on table alert_rules is 'When the operators of an organisation are told, and of what.';
comment on column alert_rules.quiet_from is
    'From this minute of the day to quiet_to, in the organisation''s zone, only what is critical goes out; the rest waits. null: always.';
comment on column alert_rules.doubts_after is 'Messages that are in doubt for longer are told.';
comment on column alert_rules.credential_days is 'Tokens that are older are told; none: never.';
comment on column alert_rules.report_at is 'The minute of the day at which the report of the day before goes out; none: no report.';

create function organization_gets_alert_rules() returns trigger language plpgsql as $$
begin
    insert into alert_rules (organization_id, doubts_after)
    values (new.id, case when new.rehearsal then interval '30 seconds' else interval '30 minutes' end);
    return null;
end $$;
create trigger organization_gets_alert_rules after insert on organizations
    for each row execute function organization_gets_alert_rules();
insert into alert_rules (organization_id, doubts_after)
select id, case when rehearsal then interval '30 seconds' else interval '30 minutes' end from organizations;

create table alerts (
    organization_id uuid not null
        constraint alert_belongs_to_an_organization references organizations (id) on delete cascade,
    id              uuid not null default new_uuid(),
    kind            text not null,
    cause           text not null,
    severity        text not null,
    subject         text not null,
    subject_id      uuid not null,
    subject_name    text not null,
    words           text not null,
    is_event        boolean not null,
    raised_at       timestamptz not null,
    ended_at        timestamptz,
    acknowledged_at timestamptz,
    acknowledged_by text,
    constraint alerts_key primary key (organization_id, id),
    constraint alert_is_raised_once_for_its_cause unique (organization_id, kind, cause),
    constraint alert_kind_is_known
        check (kind in ('suspension', 'silent_death', 'ban_risk', 'connection', 'limit', 'paused', 'missed_start',
                        'finished', 'doubts', 'duplicate', 'credentials')),
    constraint alert_severity_is_known check (severity in ('info', 'warning', 'critical')),
    constraint alert_is_about_something check (subject in ('number', 'account', 'campaign', 'organization')),
    constraint acknowledged_names_who check ((acknowledged_at is null) = (acknowledged_by is null))
);
comment on table alerts is 'What operators were told, and who has taken note of it.';
comment on column alerts.cause is 'Names the one occurrence: the number and since when, the account and the day.';
comment on column alerts.is_event is 'Something that happened and is over, such as the end of a campaign; the others last until ended_at.';
create index alerts_that_last on alerts (organization_id) where ended_at is null;
create index alerts_to_acknowledge on alerts (organization_id, raised_at desc) where acknowledged_at is null;
create index alerts_by_time on alerts (organization_id, raised_at desc);

-- Every look asks for these, which are few among many.
create index duplicates_by_time on audit_log (organization_id, at) where action = 'duplicate';

-- A phone as lists and logs show it: `domain::phone::mask`.
create function masked(p_phone text) returns text
    language sql immutable strict parallel safe
    return left(p_phone, 5) || repeat('*', greatest(length(p_phone) - 8, 0))
           || right(p_phone, least(3, greatest(length(p_phone) - 5, 0)));

create function exact_time(p_at timestamptz) returns text
    language sql immutable strict parallel safe
    return extract(epoch from p_at)::text;

create type alert_cause as (
    kind text, cause text, severity text, subject text, subject_id uuid, subject_name text, words text, is_event boolean
);

-- The cause of what comes and goes without a moment of its own to be named by: as long as it is told, it is what it was told
-- as; when it was over, what comes is another one, of its own beginning. p_of: what it is about, and the day.
create function spell(p_org uuid, p_kind text, p_of text, p_since timestamptz) returns text
    language sql stable
as $$
    select coalesce((select k.cause from alerts k
                      where k.organization_id = p_org and k.ended_at is null and k.kind = p_kind
                        and starts_with(k.cause, p_of || ' ')
                      order by k.raised_at desc limit 1),
                    p_of || ' ' || exact_time(p_since))
$$;
comment on function spell is 'Names one occurrence of what has no row that says since when it is so.';

-- A limit that is near, in a few words. One that is changed is another limit: it is told anew, as it is then.
create function limit_near(p_used bigint, p_limit bigint) returns table (share integer, cause text, words text)
    language sql immutable
as $$
    select s.share, s.share || ' of ' || p_limit,
           case when p_used >= p_limit then ': the limit is reached' else format(' (%s %%)', s.share) end
      from (select case when p_used * 100 >= p_limit * 95 then 95 when p_used * 100 >= p_limit * 80 then 80 end as share) s
     where p_limit > 0 and s.share is not null
$$;
comment on function limit_near is 'Whether so much of a limit is used that operators are told, 80 or 95 percent, and how that is said.';

-- What is wrong with numbers.
create function alert_causes_of_numbers(p_org uuid) returns setof alert_cause
    language sql stable
    set jit = off
as $$
    with numbers as materialized (
        select n.id, n.suspended_at, n.suspended_by, n.suspension_reason,
               coalesce(nullif(n.display_name, ''), masked(n.phone::text)) as called
          from whatsapp_numbers n where n.organization_id = p_org and n.is_active
    )
    -- What an operator suspends, operators know.
    select case when exists (select from failovers f where f.organization_id = p_org and f.from_number_id = n.id
                                and f.ended_at is null and f.cause = 'silent_death')
                then 'silent_death' else 'suspension' end,
           n.id || ' ' || exact_time(n.suspended_at), 'critical', 'number', n.id, n.called,
           format('%s is suspended: %s', n.called, n.suspension_reason), false
      from numbers n where n.suspended_at is not null and n.suspended_by = 'sender'
    union all
    select 'silent_death', n.id || ' amber ' || exact_time(v.since), 'warning', 'number', n.id, n.called,
           format('%s goes on at half its rate: %s', n.called, v.words), false
      from numbers n join number_vitals v on v.organization_id = p_org and v.number_id = n.id
     where v.state = 'amber' and n.suspended_at is null
    union all
    -- Failures and blocks come and go by themselves: each is told when it begins.
    select 'ban_risk', n.id || ' ' || w.what || ' ' || exact_time(w.since), 'warning', 'number', n.id, n.called, w.words, false
      from numbers n join number_vitals v on v.organization_id = p_org and v.number_id = n.id
     cross join lateral (values
         ('failed', v.failed_warned_at, format('%s is at risk: of %s messages %s failed', n.called, v.tried, v.failed)),
         ('blocked', v.blocked_warned_at,
          format('%s is at risk: after %s messages %s people blocked it or asked for no more', n.called, v.tried, v.blocked))
     ) w (what, since, words)
     where w.since is not null
    union all
    select 'limit', u.number_id || ' ' || u.day || ' ' || p.cause, case when p.share = 95 then 'warning' else 'info' end,
           'number', n.id, n.called,
           format('%s has sent %s of its %s messages of the day%s', n.called, u.sent_today, u.limit_today, p.words), false
      from number_usage_today u
      join numbers n on n.id = u.number_id
     cross join lateral limit_near(u.sent_today, u.limit_today) p
     where u.organization_id = p_org
    union all
    -- For each number, the first of each hour by the clock: told at once, and the others of that hour with it. A day back,
    -- so that one that looks again after a while has missed none.
    (select distinct on (l.entity_id, h.hour) 'duplicate', l.entity_id || ' ' || h.hour, 'critical', 'number', l.entity_id,
            n.called, format('through %s, %s', n.called, l.reason), true
      from audit_log l
      join numbers n on n.id = l.entity_id
     cross join lateral (select floor(extract(epoch from l.at) / 3600)::bigint as hour) h
     where l.organization_id = p_org and l.at > clock_timestamp() - interval '1 day' and l.action = 'duplicate'
     order by l.entity_id, h.hour, l.at, l.id)
$$;

-- What is wrong with accounts and with the organisation as a whole.
create function alert_causes_of_accounts(p_org uuid) returns setof alert_cause
    language sql stable
    set jit = off
as $$
    with org as materialized (
        select o.id, o.name, o.daily_limit, r.doubts_after, r.credential_days,
               (clock_timestamp() at time zone o.time_zone)::date as day
          from organizations o join alert_rules r on r.organization_id = o.id where o.id = p_org
    )
    select 'connection', a.id || ' ' || exact_time(a.unreachable_since), 'critical', 'account', a.id, a.name,
           format('the provider of account %s does not answer: %s', a.name, a.unreachable_reason), false
      from accounts a where a.organization_id = p_org and a.unreachable_since is not null
    union all
    -- Asked again and again how a number is, without an answer that could be read.
    select 'connection', spell(p_org, 'connection', a.id || ' unclear ' || o.day, min(h.since)), 'warning', 'account', a.id, a.name,
           format('the provider of account %s cannot be asked how %s of its numbers are: %s', a.name, count(*),
                  min(h.words)), false
      from org o
      join accounts a on a.organization_id = p_org and a.unreachable_since is null
      join whatsapp_numbers n on n.organization_id = p_org and n.account_id = a.id and n.is_active
      join number_health h on h.organization_id = p_org and h.number_id = n.id
     where h.state = 'unclear' and h.since < clock_timestamp() - interval '30 minutes'
     group by a.id, a.name, o.day
    union all
    select 'limit', a.id || ' ' || o.day || ' ' || p.cause, case when p.share = 95 then 'warning' else 'info' end,
           'account', a.id, a.name,
           format('account %s has reached %s of the %s people of its 24 hours%s', a.name, r.reached, a.rolling_cap,
                  p.words), false
      from org o
      join accounts a on a.organization_id = p_org and a.rolling_cap > 0
      join account_reach r on r.organization_id = p_org and r.account_id = a.id
     cross join lateral limit_near(r.reached, a.rolling_cap) p
    union all
    select 'credentials', a.id || ' ' || exact_time(a.token_since), 'warning', 'account', a.id, a.name,
           format('the token of account %s is %s days old', a.name,
                  extract(day from clock_timestamp() - a.token_since)), false
      from org o join accounts a on a.organization_id = p_org
     where a.token_since < clock_timestamp() - make_interval(days => o.credential_days)
    union all
    select 'limit', o.id || ' ' || o.day || ' ' || p.cause, case when p.share = 95 then 'warning' else 'info' end,
           'organization', o.id, o.name,
           format('%s of the organisation''s %s messages of the day are sent%s', u.reserved, o.daily_limit, p.words),
           false
      from org o
      join quota_usage u on u.organization_id = p_org and u.scope = 'organization' and u.scope_id = o.id and u.day = o.day
     cross join lateral limit_near(u.reserved, o.daily_limit) p
    union all
    select 'doubts', spell(p_org, 'doubts', o.day::text, d.since), 'warning', 'organization', o.id, o.name,
           format('%s in doubt for longer than %s',
                  case when d.count = 1 then '1 message is' when d.count > 10000 then 'more than 10000 messages are'
                       else d.count || ' messages are' end,
                  case when o.doubts_after < interval '2 minutes' then extract(epoch from o.doubts_after)::integer || ' s'
                       else (extract(epoch from o.doubts_after) / 60)::integer || ' minutes' end), false
      from org o
     cross join lateral (select count(*) as count, min(a.in_doubt_since) as since
                           from (select a.in_doubt_since from attempts a where a.organization_id = p_org and a.in_doubt_since is not null
                                    and a.in_doubt_since < clock_timestamp() - o.doubts_after limit 10001) a) d
     where d.count > 0
$$;

-- What became of campaigns by themselves.
create function alert_causes_of_campaigns(p_org uuid) returns setof alert_cause
    language sql stable
    set jit = off
as $$
    select 'paused', c.id || ' ' || exact_time(c.paused_at), 'critical', 'campaign', c.id, c.name,
           format('campaign %s paused itself: %s', c.name, c.hold_reason), false
      from campaigns c
     where c.organization_id = p_org and c.state = 'paused' and c.paused_at is not null
       -- Who paused it, whoever has edited it since.
       and 'sender' = (select d.actor from last_decision(p_org, c.id, 'state', 'paused') d)
    union all
    select 'missed_start', c.id || ' ' || exact_time(c.missed_at), 'warning', 'campaign', c.id, c.name,
           format('campaign %s missed its start and waits for a decision', c.name), false
      from campaigns c
     where c.organization_id = p_org and c.state = 'scheduled' and c.missed_at is not null and c.missed = 'ask'
    union all
    select 'finished', c.id || ' ' || exact_time(c.finished_at), 'info', 'campaign', c.id, c.name,
           format('campaign %s is finished: %s of %s people got it, %s failed, %s were skipped', c.name,
                  s.accepted + s.delivered + s.read, s.planned, s.failed, s.skipped), true
      from campaigns c
      join campaign_stats s on s.organization_id = p_org and s.campaign_id = c.id
     where c.organization_id = p_org and c.state = 'completed'
       and c.updated_at > clock_timestamp() - interval '1 hour'
$$;

create function alert_rank(p_severity text) returns integer
    language sql immutable strict parallel safe
    return case p_severity when 'info' then 1 when 'warning' then 2 else 3 end;

-- Compares what is wrong with what was told: tells what is new, and notes what is over. Answers how much is new.
create function raise_alerts(p_org uuid) returns integer language plpgsql as $$
declare
    v_now   timestamptz;
    v_fresh uuid[];
    v_count integer;
    v_id    uuid;
begin
    -- One looks at a time; a second one has nothing to add.
    perform from alert_rules where organization_id = p_org for update skip locked;
    if not found then
        return 0;
    end if;
    v_now := clock_timestamp();
    with causes as materialized (
        select * from alert_causes_of_numbers(p_org)
        union all select * from alert_causes_of_accounts(p_org)
        union all select * from alert_causes_of_campaigns(p_org)
    ), raised as (
        insert into alerts as a (organization_id, id, kind, cause, severity, subject, subject_id, subject_name, words,
                                 is_event, raised_at, ended_at)
        select p_org, new_uuid(), c.kind, c.cause, c.severity, c.subject, c.subject_id, c.subject_name, c.words, c.is_event,
               v_now, case when c.is_event then v_now end
          from causes c
         -- What lasts is not touched: a look that finds nothing new writes nothing.
         where not exists (select from alerts k
                            where k.organization_id = p_org and k.kind = c.kind and k.cause = c.cause
                              and (k.ended_at is null or k.is_event))
        -- The same cause is back: it lasts on, and is not told again.
        on conflict on constraint alert_is_raised_once_for_its_cause do update set ended_at = null
         where a.ended_at is not null and not a.is_event
        returning a.id, a.kind, a.severity, a.raised_at
    ), ended as (
        update alerts a set ended_at = v_now
         where a.organization_id = p_org and a.ended_at is null
           and not exists (select from causes c where c.kind = a.kind and c.cause = a.cause)
    )
    select array_agg(r.id) filter (where r.raised_at = v_now),
           count(*) filter (where r.raised_at = v_now)
      into v_fresh, v_count
      from raised r;
    -- To every console. That somebody got something twice is told by the change of its own row.
    for v_id in
        select a.id from alerts a
         where a.organization_id = p_org and a.id = any (v_fresh) and a.severity <> 'info'
           and a.kind <> 'duplicate'
         order by a.id limit 20
    loop
        perform tell(p_org, 'alerts', v_id, 0);
    end loop;
    return v_count;
end $$;
comment on function raise_alerts is 'Tells what is new of what is wrong, once for each cause: select raise_alerts($1).';

-- Somebody has taken note. None named: of all that nobody has taken note of. Answers of how many.
create function acknowledge_alerts(p_org uuid, p_ids uuid[], p_actor text, p_instance uuid, p_reason text) returns integer
    language sql
as $$
    with locked as materialized (
        select a.id from alerts a
         where a.organization_id = p_org and a.acknowledged_at is null and (p_ids is null or a.id = any (p_ids))
         order by a.id for update
    ), acknowledged as (
        update alerts a set acknowledged_at = clock_timestamp(), acknowledged_by = p_actor
          from locked l where a.organization_id = p_org and a.id = l.id
        returning a.id, a.words
    )
    select count(record_decision(p_org, clock_timestamp(), p_actor, p_instance, 'acknowledge alert', 'alert', k.id, k.words,
                                 p_reason, null, null))::integer
      from acknowledged k
$$;
comment on function acknowledge_alerts is 'Notes that an operator has taken note of alerts.';
