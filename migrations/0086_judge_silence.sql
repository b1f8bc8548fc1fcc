-- Whether what a number sends arrives, against its own past. What is judged how is decided by the sender's pure core
-- (domain::pulse); here it is counted, kept and done.

create table number_vitals (
    organization_id    uuid not null,
    number_id          uuid not null,
    state              text not null default 'unknown',
    since              timestamptz not null default clock_timestamp(),
    words              text not null default 'nothing was sent yet',
    judged_from        timestamptz not null default '-infinity',
    judged_at          timestamptz,
    accepted           integer not null default 0,
    delivered          integer not null default 0,
    baseline_accepted  integer not null default 0,
    baseline_delivered integer not null default 0,
    baseline_at        timestamptz not null default '-infinity',
    tried              integer not null default 0,
    failed             integer not null default 0,
    blocked            integer not null default 0,
    ratios_at          timestamptz,
    failed_warned_at   timestamptz,
    blocked_warned_at  timestamptz,
    constraint number_vitals_key primary key (organization_id, number_id),
    constraint vitals_belong_to_a_number foreign key (organization_id, number_id)
        references whatsapp_numbers (organization_id, id) on delete cascade,
    constraint vital_state_is_known check (state in ('unknown', 'well', 'amber', 'red'))
) with (fillfactor = 50);
comment on table number_vitals is 'How a number does by its own past: whether what it sends arrives, how much fails, who blocks it.';
comment on column number_vitals.words is 'What was seen, or why nothing can be said.';
comment on column number_vitals.judged_from is 'What was sent before says nothing any more: a canary arrived, or an operator decided.';
comment on column number_vitals.baseline_at is 'When its usual share was counted last; not while it is in question.';
comment on column number_vitals.failed_warned_at is 'It fails more than it should since then; none: it does not.';

create function number_gets_a_vitals_row() returns trigger language plpgsql as $$
begin
    insert into number_vitals (organization_id, number_id) values (new.organization_id, new.id);
    return null;
end $$;
create trigger number_gets_a_vitals_row after insert on whatsapp_numbers
    for each row execute function number_gets_a_vitals_row();
insert into number_vitals (organization_id, number_id) select organization_id, id from whatsapp_numbers;

-- Counts for every number that is judged: three stretches that end when the last message had time to arrive, each longer
-- than the one before, so that a slow number has a sample too; its usual share; and whether its account reports at all.
create function look_at_pulses(p_org uuid) returns table (
    number_id uuid, state text, age double precision, words text, is_in_service boolean, is_slowed boolean,
    is_silenced boolean, accepted integer[], delivered integer[], baseline_accepted integer, baseline_delivered integer,
    reports bigint
) language plpgsql
    set enable_seqscan = off set jit = off
as $$
#variable_conflict use_column
declare
    v_now   timestamptz := clock_timestamp();
    v_rules vital_rules;
    v_end   timestamptz;
begin
    select * into v_rules from vital_rules where organization_id = p_org;
    if not found then
        return;
    end if;
    v_end := v_now - v_rules.settle;
    -- The usual share of those that sent something since it was counted, a few at each look. Not of one in question: what is
    -- to be compared with its past must not become its past.
    update number_vitals v
       set baseline_at = v_now, baseline_accepted = coalesce(b.accepted, 0), baseline_delivered = coalesce(b.delivered, 0)
      from (select w.number_id from number_vitals w
             where w.organization_id = p_org and w.state in ('unknown', 'well')
               and w.baseline_at < v_now - case when w.baseline_accepted < v_rules.baseline_least then v_rules.bucket
                                                else v_rules.span end
               and exists (select from number_pulse y
                            where y.organization_id = p_org and y.number_id = w.number_id
                              and y.bucket > v_now - v_rules.span - v_rules.settle and y.accepted > 0)
             order by w.baseline_at limit 50) s
     cross join lateral (
            select sum(y.accepted)::integer as accepted, sum(least(y.delivered, y.accepted))::integer as delivered
              from number_pulse y
             where y.organization_id = p_org and y.number_id = s.number_id
               and y.bucket >= v_now - v_rules.baseline and y.bucket < v_end - v_rules.span) b
     where v.organization_id = p_org and v.number_id = s.number_id;
    return query
    with recent as materialized (
        select y.number_id,
               array[coalesce(sum(y.accepted) filter (where y.bucket >= v_end - v_rules.span), 0),
                     coalesce(sum(y.accepted) filter (where y.bucket >= v_end - 4 * v_rules.span), 0),
                     sum(y.accepted)]::integer[] as accepted,
               array[coalesce(sum(least(y.delivered, y.accepted)) filter (where y.bucket >= v_end - v_rules.span), 0),
                     coalesce(sum(least(y.delivered, y.accepted)) filter (where y.bucket >= v_end - 4 * v_rules.span), 0),
                     sum(least(y.delivered, y.accepted))]::integer[] as delivered
          from number_pulse y
          join number_vitals v on v.organization_id = p_org and v.number_id = y.number_id
         where y.organization_id = p_org and y.bucket >= v_end - 12 * v_rules.span and y.bucket >= v.judged_from
           and y.bucket + v_rules.bucket <= v_end
         group by y.number_id
    ), heard as materialized (
        select n.account_id, sum(y.reports) as reports
          from number_pulse y join whatsapp_numbers n on n.organization_id = p_org and n.id = y.number_id
         -- Since the last message that counts was sent: where reports end altogether, that comes first.
         where y.organization_id = p_org and y.bucket >= v_end
         group by n.account_id
    )
    select n.id, v.state, extract(epoch from v_now - v.since)::double precision, v.words,
           n.is_active and n.suspended_at is null, n.slowed_since is not null,
           n.suspended_at is not null and n.suspended_by = 'sender'
               and exists (select from failovers f where f.organization_id = p_org and f.from_number_id = n.id
                              and f.ended_at is null and f.cause = 'silent_death'),
           coalesce(r.accepted, '{0,0,0}'), coalesce(r.delivered, '{0,0,0}'), v.baseline_accepted,
           v.baseline_delivered, coalesce(h.reports, 0)::bigint
      from number_vitals v
      join whatsapp_numbers n on n.organization_id = p_org and n.id = v.number_id
      left join recent r on r.number_id = n.id
      left join heard h on h.account_id = n.account_id
     where v.organization_id = p_org and (r.number_id is not null or v.state <> 'unknown')
     order by n.id;
end $$;
comment on function look_at_pulses is 'Counts for the judgement of every number that sent something lately or is in question.';

-- Moves a number to what was judged of it, and does what follows: amber halves its rate, red takes it out of service, well
-- gives back what was taken. Fenced by the state that the judgement saw. Answers whether it was still so.
create function move_vitals(
    p_org uuid, p_instance uuid, p_number uuid, p_seen text, p_state text, p_words text, p_accepted integer,
    p_delivered integer
) returns boolean language plpgsql as $$
declare
    v_number whatsapp_numbers;
    v_vitals number_vitals;
    v_now    timestamptz;
begin
    select * into v_number from whatsapp_numbers where organization_id = p_org and id = p_number for update;
    select * into v_vitals from number_vitals where organization_id = p_org and number_id = p_number for update;
    if not found or v_vitals.state <> p_seen then
        return false;
    end if;
    v_now := clock_timestamp();
    update number_vitals
       set state = p_state, words = p_words, accepted = p_accepted, delivered = p_delivered, judged_at = v_now,
           since = case when p_state = p_seen then since else v_now end,
           judged_from = case when p_seen in ('amber', 'red') and p_state in ('unknown', 'well') then v_now
                              else judged_from end
     where organization_id = p_org and number_id = p_number;
    if p_state = p_seen then
        return true;
    end if;
    if p_state = 'amber' and v_number.slowed_since is null then
        update whatsapp_numbers set slowed_since = v_now, slowed_reason = p_words, revision = revision + 1, updated_at = v_now
         where organization_id = p_org and id = p_number;
        perform log_vitals(p_org, p_instance, v_number, 'slow', p_words);
    elsif p_state = 'red' and v_number.suspended_at is null then
        update whatsapp_numbers
           set slowed_since = null, slowed_reason = null, suspended_at = v_now, suspended_by = 'sender',
               suspension_reason = p_words, suspended_until = null, revision = revision + 1, updated_at = v_now
         where organization_id = p_org and id = p_number;
        insert into failovers (organization_id, id, from_number_id, to_number_id, cause, words, actor)
        values (p_org, new_uuid(), p_number, next_number(p_org, p_number), 'silent_death', p_words, 'sender')
        on conflict do nothing;
        perform log_vitals(p_org, p_instance, v_number, 'suspend', p_words);
    elsif p_state in ('unknown', 'well') and v_number.slowed_since is not null then
        update whatsapp_numbers set slowed_since = null, slowed_reason = null, revision = revision + 1, updated_at = v_now
         where organization_id = p_org and id = p_number;
        perform log_vitals(p_org, p_instance, v_number, 'restore', p_words);
    elsif p_state = 'well' and p_seen = 'red' and v_number.suspended_by = 'sender' then
        perform resume_silenced(p_org, p_instance, v_number, p_words);
    end if;
    return true;
end $$;
comment on function move_vitals is 'Slows, rests or restores a number by what was judged of it, with reason and record.';

create function log_vitals(p_org uuid, p_instance uuid, p_number whatsapp_numbers, p_action text, p_words text)
    returns void language sql as $$
    insert into audit_log (organization_id, actor, instance_id, action, entity, entity_id, entity_name, reason)
    values (p_org, 'sender', p_instance, p_action, 'number', p_number.id, p_number.phone, p_words)
$$;

-- Brings back a number that was taken out for silence, and only for that. Twice a day by itself; then an operator looks.
create function resume_silenced(p_org uuid, p_instance uuid, p_number whatsapp_numbers, p_words text)
    returns void language plpgsql as $$
begin
    if not exists (select from failovers f where f.organization_id = p_org and f.from_number_id = p_number.id
                      and f.ended_at is null and f.cause = 'silent_death')
       or (select count(*) from failovers f where f.organization_id = p_org and f.from_number_id = p_number.id
              and f.cause = 'silent_death' and f.ended_by = 'sender'
              and f.ended_at > clock_timestamp() - interval '1 day') >= 2
    then
        update number_vitals set words = p_words || '; it went silent too often today and waits for an operator'
         where organization_id = p_org and number_id = p_number.id;
        return;
    end if;
    update whatsapp_numbers
       set suspended_at = null, suspension_reason = null, suspended_by = null, suspended_until = null,
           revision = revision + 1, updated_at = clock_timestamp()
     where organization_id = p_org and id = p_number.id;
    update failovers set ended_at = clock_timestamp(), ended_by = 'sender', ended_reason = p_words
     where organization_id = p_org and from_number_id = p_number.id and ended_at is null;
    perform log_vitals(p_org, p_instance, p_number, 'resume', p_words);
end $$;

-- How much failed lately and who wants no more, for every number that sent something; and which warnings are on.
create index stops_by_time on inbound_messages (organization_id, received_at) where consent = 'stop';
create function look_at_ratios(p_org uuid) returns table (
    number_id uuid, tried bigint, failed bigint, blocked bigint, failed_on boolean, blocked_on boolean
) language sql stable
    set enable_seqscan = off set jit = off
as $$
    with lately as (
        select clock_timestamp() - r.ratio_span as since from vital_rules r where r.organization_id = p_org
    ), sums as (
        select y.number_id, sum(y.accepted + y.refused) as tried, sum(y.refused + greatest(y.undelivered, 0)) as failed,
               sum(y.blocked) as blocked
          from number_pulse y, lately l where y.organization_id = p_org and y.bucket >= l.since group by y.number_id
    ), stops as (
        -- People, however often they say it.
        select m.number_id, count(distinct coalesce(m.phone, m.from_id, m.id::text)) as stopped
          from inbound_messages m, lately l
         where m.organization_id = p_org and m.received_at >= l.since and m.consent = 'stop' group by m.number_id
    )
    select v.number_id, coalesce(s.tried, 0)::bigint, coalesce(s.failed, 0)::bigint,
           (coalesce(s.blocked, 0) + coalesce(t.stopped, 0))::bigint, v.failed_warned_at is not null,
           v.blocked_warned_at is not null
      from number_vitals v
      left join sums s on s.number_id = v.number_id
      left join stops t on t.number_id = v.number_id
     where v.organization_id = p_org
       and (s.tried is not null or v.tried > 0 or v.failed_warned_at is not null or v.blocked_warned_at is not null)
$$;

-- Keeps ratios and which warnings are on; says it aloud once, when one comes on.
create function note_ratios(
    p_org uuid, p_instance uuid, p_numbers uuid[], p_tried integer[], p_failed integer[], p_blocked integer[],
    p_failed_on boolean[], p_blocked_on boolean[], p_failed_words text[], p_blocked_words text[]
) returns integer language plpgsql as $$
declare
    v_told integer;
begin
    with noted as materialized (
        select k.*, v.failed_warned_at is null and k.failed_on as failed_now,
               v.blocked_warned_at is null and k.blocked_on as blocked_now
          from unnest(p_numbers, p_tried, p_failed, p_blocked, p_failed_on, p_blocked_on, p_failed_words, p_blocked_words)
               as k (number_id, tried, failed, blocked, failed_on, blocked_on, failed_words, blocked_words)
          join number_vitals v on v.organization_id = p_org and v.number_id = k.number_id
         order by k.number_id for update of v
    ), kept as (
        update number_vitals v
           set tried = n.tried, failed = n.failed, blocked = n.blocked, ratios_at = clock_timestamp(),
               failed_warned_at = case when n.failed_on then coalesce(v.failed_warned_at, clock_timestamp()) end,
               blocked_warned_at = case when n.blocked_on then coalesce(v.blocked_warned_at, clock_timestamp()) end
          from noted n where v.organization_id = p_org and v.number_id = n.number_id
    ), told as (
        insert into audit_log (organization_id, actor, instance_id, action, entity, entity_id, entity_name, reason)
        select p_org, 'sender', p_instance, 'warn', 'number', w.id, w.phone, t.words
          from noted n
          join whatsapp_numbers w on w.organization_id = p_org and w.id = n.number_id
         cross join lateral (values (n.failed_now, n.failed_words), (n.blocked_now, n.blocked_words)) as t (is_new, words)
         where t.is_new
        returning entity_id
    ), moved as (
        -- Consoles hear of it as of any change.
        update whatsapp_numbers w set revision = w.revision + 1
          from (select distinct entity_id from told) t where w.organization_id = p_org and w.id = t.entity_id
    )
    select count(*) into v_told from told;
    return v_told;
end $$;

-- Stretches that are older than the longest memory of vital signs become sums of their days, and those are kept for as long as
-- anybody can ask for them. Taken out of one table and put into the other by one statement: whoever does it at the same time
-- finds other rows or none. A stretch that a late report counts in at this moment waits for the next time, and nothing here
-- waits for it; one that a late report makes anew is added then.
create function forget_pulses(p_org uuid) returns void language sql
    set enable_seqscan = off set jit = off
as $$
    with old as materialized (
        select y.ctid as place from number_pulse y
         where y.organization_id = p_org
           and y.bucket < (select clock_timestamp() - greatest(r.baseline, r.ratio_span) - interval '1 day'
                             from vital_rules r where r.organization_id = p_org)
           for update of y skip locked
    ), forgotten as (
        delete from number_pulse y using old o where y.ctid = o.place
        returning y.number_id, y.bucket, y.accepted, y.delivered, y.undelivered, y.refused, y.blocked
    )
    insert into number_day_sums as d (organization_id, number_id, day, accepted, delivered, undelivered, refused, blocked)
    select p_org, f.number_id, (f.bucket at time zone o.time_zone)::date, sum(f.accepted), sum(f.delivered),
           sum(f.undelivered), sum(f.refused), sum(f.blocked)
      from forgotten f join organizations o on o.id = p_org
     group by 2, 3 order by 2, 3
    on conflict on constraint number_day_sums_key do update
       set accepted = d.accepted + excluded.accepted, delivered = d.delivered + excluded.delivered,
           undelivered = d.undelivered + excluded.undelivered, refused = d.refused + excluded.refused,
           blocked = d.blocked + excluded.blocked;
    delete from number_day_sums d where d.organization_id = p_org and d.day < clock_timestamp()::date - 95;
$$;
comment on function forget_pulses is 'Turns stretches that nothing judges by any more into sums of their days.';
