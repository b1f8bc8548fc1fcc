-- What senders decide and what is done for all.

-- The number that does the work of another one: the first by priority in its pools that may send, else the
-- organisation's default number.
create function next_number(p_org uuid, p_number uuid, p_not_account uuid default null) returns uuid
    language sql stable
as $$
    select n.id
      from whatsapp_numbers n
     where n.organization_id = p_org and n.id <> p_number and n.is_active
       and n.account_id is distinct from p_not_account
       and (n.suspended_at is null or n.suspended_until <= clock_timestamp())
       and (exists (select from pool_numbers mine join pool_numbers other
                        on other.organization_id = p_org and other.pool_id = mine.pool_id
                     where mine.organization_id = p_org and mine.number_id = p_number and other.number_id = n.id)
            or n.id = (select default_number_id from organizations where id = p_org))
     order by (n.limited_until > clock_timestamp()) nulls first, n.priority, n.phone
     limit 1
$$;

-- Since when a scheduled campaign has waited for nothing but somebody to start it: since its time, since the campaign before it
-- ended, since everybody was in it, whichever came last. Null: something else keeps it.
create function ready_since(p_campaign campaigns, p_now timestamptz) returns timestamptz language plpgsql stable as $$
declare
    v_before campaigns;
begin
    if p_campaign.state <> 'scheduled' or p_campaign.starts_at > p_now
        or exists (select from campaign_enrolments e
                    where e.organization_id = p_campaign.organization_id and e.campaign_id = p_campaign.id)
    then
        return null;
    end if;
    if p_campaign.run_after_id is not null then
        select * into v_before from campaigns b
          where b.organization_id = p_campaign.organization_id and b.id = p_campaign.run_after_id and b.state = 'completed';
        if not found then
            return null;
        end if;
    end if;
    return coalesce(
        greatest(p_campaign.starts_at, v_before.finished_at,
                 (select l.at from audit_log l
                   where l.organization_id = p_campaign.organization_id and l.entity_id = p_campaign.id
                     and l.action = 'enrol' order by l.at desc limit 1)),
        p_now);
end $$;
comment on function ready_since is 'Since when a campaign could have been started by a sender; null: it is not its turn.';

-- Whether a campaign has nobody left to send to. A standing one goes on enrolling, and ends when somebody ends it. One that
-- a sender paused waits for an operator to see why. One that nobody is in has a minute: who wrote it may be about to write
-- its people.
create function is_done(p_campaign campaigns, p_now timestamptz) returns boolean language plpgsql stable as $$
begin
    return (p_campaign.state = 'active' or p_campaign.state = 'paused' and p_campaign.changed_by <> 'sender')
        and p_campaign.standing is null
        and (select coalesce(sum(k.queued + k.sending + k.in_doubt), 0) = 0
                    and (coalesce(sum(k.planned), 0) > 0 or p_campaign.started_at <= p_now - interval '1 minute')
               from campaign_counts k
              where k.organization_id = p_campaign.organization_id and k.campaign_id = p_campaign.id)
        and not exists (select from campaign_enrolments e
                         where e.organization_id = p_campaign.organization_id and e.campaign_id = p_campaign.id);
end $$;

create function run_lifecycle(p_org uuid, p_instance uuid, p_now timestamptz default null) returns bigint
    language plpgsql
as $$
declare
    v_now     timestamptz := coalesce(p_now, clock_timestamp());
    v_changed bigint := 0;
    v_count   bigint;
begin
    -- Numbers before campaigns: claims take their locks in this order.
    with over as materialized (
        select id, phone::text as phone from whatsapp_numbers
         where organization_id = p_org and suspended_until <= clock_timestamp() order by id for update
    ), lifted as (
        update whatsapp_numbers n
           set suspended_at = null, suspension_reason = null, suspended_until = null, suspended_by = null,
               revision = n.revision + 1, updated_at = clock_timestamp()
          from over o where n.organization_id = p_org and n.id = o.id
    ), closed as (
        update failovers f set ended_at = clock_timestamp(), ended_by = 'sender', ended_reason = 'the suspension ended'
          from over o where f.organization_id = p_org and f.from_number_id = o.id and f.ended_at is null
    ), audited as (
        insert into audit_log (organization_id, actor, instance_id, action, entity, entity_id, entity_name, reason)
        select p_org, 'sender', p_instance, 'resume', 'number', o.id, o.phone, 'the suspension ended' from over o
    )
    select count(*) into v_count from over;
    v_changed := v_changed + v_count;

    update whatsapp_numbers set limited_until = null, limited_reason = null, revision = revision + 1
     where organization_id = p_org and limited_until <= clock_timestamp();
    get diagnostics v_count = row_count;
    v_changed := v_changed + v_count;

    with due as materialized (
        select c.id, c.name, c.run_after_id is not null and c.starts_at is null as follows from campaigns c
         where c.organization_id = p_org and c.state = 'scheduled' and ready_since(c, v_now) is not null
           -- What missed its time by more than this, and is not to start at once then, waits for a decision.
           and (c.missed = 'send' or c.starts_at is null or ready_since(c, v_now) > v_now - interval '10 minutes')
         order by c.id for update
    ), started as (
        update campaigns c set state = 'active', started_at = v_now, changed_by = 'sender', missed_at = null,
                               revision = c.revision + 1, updated_at = clock_timestamp()
          from due d where c.organization_id = p_org and c.id = d.id
    ), audited as (
        insert into audit_log (organization_id, actor, instance_id, action, entity, entity_id, entity_name, reason)
        select p_org, 'sender', p_instance, 'start', 'campaign', d.id, d.name,
               case when d.follows then 'the campaign before it is completed' else 'its time has come' end from due d
    )
    select count(*) into v_count from due;
    v_changed := v_changed + v_count;

    -- Locked by a statement of its own: whom somebody queues again at this very moment is counted by the next one.
    perform 1 from campaigns c
      where c.organization_id = p_org and c.state in ('active', 'paused') and is_done(c, v_now) order by c.id for update;
    with done as materialized (
        select c.id, c.name, exists (select from campaign_counts k where k.organization_id = p_org
                                        and k.campaign_id = c.id having sum(k.planned) > 0) as has_people
          from campaigns c
         where c.organization_id = p_org and c.state in ('active', 'paused') and is_done(c, v_now)
         order by c.id for update
    ), completed as (
        update campaigns c set state = 'completed', finished_at = v_now, paused_at = null, hold_reason = null,
                               changed_by = 'sender', revision = c.revision + 1, updated_at = clock_timestamp()
          from done d where c.organization_id = p_org and c.id = d.id
    ), audited as (
        insert into audit_log (organization_id, actor, instance_id, action, entity, entity_id, entity_name, reason)
        select p_org, 'sender', p_instance, 'complete', 'campaign', d.id, d.name,
               case when d.has_people then 'every recipient has a final state' else 'nobody is in it' end
          from done d
    )
    select count(*) into v_count from done;
    v_changed := v_changed + v_count;

    v_changed := v_changed + end_expired(p_org, v_now);
    return v_changed;
end $$;

-- Ends queued work that it is too late for, a piece at a time. Answers how much.
create function end_expired(p_org uuid, p_now timestamptz) returns bigint language plpgsql
    set enable_seqscan = off set enable_sort = off set jit = off
as $$
declare
    v_campaign record;
    v_places   tid[];
    v_ended    bigint := 0;
begin
    for v_campaign in
        select c.id, coalesce(c.expires_at <= p_now, false) as is_over,
               p_now - make_interval(secs => c.expires_after) as due_until,
               coalesce(c.started_at <= p_now - make_interval(secs => c.expires_after), false) as is_late
          from campaigns c
         where c.organization_id = p_org and c.state in ('active', 'paused')
           and (c.expires_after is not null or c.expires_at is not null)
           -- Whose time is being changed (0104) may have more of it.
           and not exists (select from due_shifts h where h.organization_id = p_org and h.campaign_id = c.id)
    loop
        v_places := '{}';
        if v_campaign.is_over or v_campaign.is_late then
            -- Who was due as soon as the campaign began: the walk from the start finds them.
            v_places := array(
                select r.ctid from campaign_recipients r
                 where r.organization_id = p_org and r.campaign_id = v_campaign.id and r.state = 'queued'
                   and r.due_at is null
                   and (select sum(k.fresh) > 0 from campaign_counts k
                         where k.organization_id = p_org and k.campaign_id = v_campaign.id)
                 order by r.id limit 10000 for update of r skip locked);
            v_places := v_places || array(
                select r.ctid from campaign_recipients r
                 where r.organization_id = p_org and r.campaign_id = v_campaign.id and r.due_at is not null
                   and (v_campaign.is_over or r.due_at <= v_campaign.due_until) and r.state = 'queued'
                 order by r.due_at limit 10000 for update of r skip locked);
        end if;
        if cardinality(v_places) > 0 then
            update campaign_recipients r
               set state = 'skipped', attention = 'skipped', reason = 'expired', due_at = null, bound_number_id = null,
                   updated_at = clock_timestamp()
             where r.ctid = any (v_places) and r.organization_id = p_org and r.state = 'queued';
            v_ended := v_ended + cardinality(v_places);
        end if;
    end loop;
    return v_ended;
end $$;

-- Queued work that nobody would ever send: its number left the campaign's pool, or was only the organisation's default
-- while the pool had none in service. It is freed for the numbers that are there.
create function free_stranded(p_org uuid, p_campaign uuid, p_pool uuid) returns void language plpgsql
    set enable_seqscan = off set enable_sort = off
as $$
declare
    v_number uuid := '00000000-0000-0000-0000-000000000000';
begin
    -- From one bound number to the next: as many looks as there are numbers, however many recipients.
    loop
        select r.bound_number_id into v_number from campaign_recipients r
         where r.organization_id = p_org and r.campaign_id = p_campaign and r.due_at is not null
           and r.bound_number_id > v_number
         order by r.bound_number_id limit 1;
        exit when not found;
        continue when exists (select from pool_numbers p where p.organization_id = p_org and p.pool_id = p_pool
                                 and p.number_id = v_number)
                  and not exists (select from campaigns c where c.organization_id = p_org and c.id = p_campaign
                                     and c.only_number_id <> v_number);
        -- What the provider refused because of the person goes to no other number: it ends with its own.
        update campaign_recipients r
           set bound_number_id = null, sticky_number_id = null,
               state = case when r.is_kept then 'failed' else r.state end,
               attention = case when r.is_kept then 'failed'::recipient_state end,
               due_at = case when not r.is_kept then r.due_at end,
               reason = case when r.is_kept then coalesce(r.reason, 'its_number_is_gone') else r.reason end,
               updated_at = case when r.is_kept then clock_timestamp() else r.updated_at end
         where r.organization_id = p_org and r.campaign_id = p_campaign
           and r.id = any (array(
               select b.id from campaign_recipients b
                where b.organization_id = p_org and b.campaign_id = p_campaign and b.due_at is not null
                  and b.bound_number_id = v_number
                limit 10000 for update skip locked));
    end loop;
end $$;
comment on function free_stranded is 'Frees work that is bound to a number outside the campaign''s pool, or ends it if no other may.';

-- Queued work whose campaign was cancelled, or whose person opted out, at the very moment it was put back; and work
-- that is bound to a number outside its pool.
create function end_stranded(p_org uuid) returns void language plpgsql as $$
declare
    v_campaign uuid;
    v_pool     uuid;
    v_since    timestamptz;
    v_phones   text[];
begin
    perform heed_opt_outs(p_org);
    for v_campaign in
        select c.id from campaigns c
         where c.organization_id = p_org and c.state in ('cancelled', 'completed')
           and c.finished_at > clock_timestamp() - interval '1 day'
           and (select coalesce(sum(k.queued), 0) > 0 from campaign_counts k
                 where k.organization_id = p_org and k.campaign_id = c.id)
    loop
        perform skip_stranded(p_org, array(
            select r.ctid from campaign_recipients r where r.organization_id = p_org and r.campaign_id = v_campaign
               and r.state = 'queued' limit 10000 for update skip locked), clock_timestamp());
    end loop;
    -- Who opted out is known first, and their rows are found by their key: of a join the planner would read every campaign.
    v_since := clock_timestamp() - interval '10 minutes';
    select array_agg(s.phone::text) into v_phones from suppressions s
      where s.organization_id = p_org and s.since > v_since;
    for v_campaign in
        select c.id from campaigns c
         where c.organization_id = p_org and c.state not in ('completed', 'cancelled') and v_phones is not null
         order by c.id
    loop
        perform skip_suppressed(p_org, v_campaign, v_phones);
    end loop;
    perform end_leaving(p_org);
    perform end_replies(p_org);
    for v_campaign, v_pool in
        select c.id, c.pool_id from campaigns c where c.organization_id = p_org and c.state = 'active' order by c.id
    loop
        perform free_stranded(p_org, v_campaign, v_pool);
    end loop;
end $$;
