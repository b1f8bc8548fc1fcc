-- Other terms for a campaign that lives: effective with the next claim, on every sender.

-- The keys of p_change are columns; a key that is there and null sets null. Steps, audience and people stay what they are.
create function edit_campaign(
    p_org uuid, p_campaign uuid, p_expected bigint, p_actor text, p_instance uuid, p_reason text, p_change jsonb
) returns change_answer language plpgsql as $$
declare
    v_old   campaigns;
    v_new   campaigns;
    v_now   timestamptz;
    v_why   text;
    v_by    text;
    v_at    timestamptz;
begin
    -- Before the claims that come after it (migration 0009).
    perform pg_advisory_xact_lock(decision_queue(p_org));
    select * into v_old from campaigns where organization_id = p_org and id = p_campaign for update;
    if not found then
        return row ('missing', null, null, null, null, null, null)::change_answer;
    end if;
    v_now := clock_timestamp();
    v_new := jsonb_populate_record(v_old, p_change);
    if to_jsonb(v_new) = to_jsonb(v_old) then
        select actor, at into v_by, v_at from last_decision(p_org, p_campaign);
        return campaign_answer(v_old, 'already', null, v_by, v_at);
    end if;
    if p_expected is not null and p_expected <> v_old.revision then
        return campaign_answer(v_old, 'changed');
    end if;
    v_why := case
        when v_old.state in ('completed', 'cancelled') then 'is_over'
        when v_new.window_zone = 'recipient' and not v_old.zoned then 'own_clocks_unknown'
        when v_new.run_after_id is distinct from v_old.run_after_id and v_old.state not in ('draft', 'scheduled')
            then 'has_started'
        when v_old.state = 'scheduled' and v_new.run_after_id is null and v_new.starts_at is null then 'no_start'
        when v_new.only_number_id is not null and not exists (
                 select from whatsapp_numbers n where n.organization_id = p_org and n.id = v_new.only_number_id
                    and may_be_the_only(p_org, v_new.pool_id, n.id))
            then 'not_in_pool'
        when exists (with recursive before (id) as (
                         select v_new.run_after_id
                         union
                         select c.run_after_id from campaigns c join before b on c.organization_id = p_org and c.id = b.id)
                     select from before where id = p_campaign) then 'cycle' end;
    if v_why is not null then
        return campaign_answer(v_old, 'refused', nullif(v_why, 'is_over'));
    end if;
    update campaigns
       set priority = v_new.priority, weight = v_new.weight, daily_limit = v_new.daily_limit, pool_id = v_new.pool_id,
           failover = v_new.failover, window_from = v_new.window_from, window_to = v_new.window_to,
           window_days = v_new.window_days, window_zone = v_new.window_zone, run_after_id = v_new.run_after_id,
           missed = v_new.missed, expires_after = v_new.expires_after, expires_at = v_new.expires_at,
           only_number_id = v_new.only_number_id, revision = revision + 1, updated_at = v_now, changed_by = p_actor
     where organization_id = p_org and id = p_campaign
    returning * into v_new;
    -- What waits for a number that takes no part any more is freed; what is left of it by the senders' chore.
    perform free_stranded(p_org, p_campaign, v_new.pool_id);
    perform record_decision(p_org, v_now, p_actor, p_instance, 'edit campaign', 'campaign', p_campaign, v_old.name,
                            p_reason, to_jsonb(v_old), to_jsonb(v_new));
    return row ('done', v_new.revision, p_actor, v_now, v_old.name, v_new.state,
                to_jsonb(v_old) - 'source' - 'audience')::change_answer;
end $$;
comment on function edit_campaign is 'Other terms for a campaign, with who, when and why. Once it has committed, claims obey.';

-- A start that no sender was there for: put off to another time, or (none) kept until somebody decides.
create function put_off_start(
    p_org uuid, p_campaign uuid, p_instance uuid, p_missed timestamptz, p_to timestamptz
) returns boolean language plpgsql as $$
declare
    v_old campaigns;
    v_new campaigns;
begin
    perform pg_advisory_xact_lock(decision_queue(p_org));
    select * into v_old from campaigns
      where organization_id = p_org and id = p_campaign and state = 'scheduled' and starts_at = p_missed
        and missed_at is null for update;
    if not found then
        return false;
    end if;
    update campaigns
       set starts_at = coalesce(p_to, starts_at), missed_at = case when p_to is null then starts_at end,
           revision = revision + 1, updated_at = clock_timestamp(), changed_by = 'sender'
     where organization_id = p_org and id = p_campaign
    returning * into v_new;
    return record_decision(p_org, clock_timestamp(), 'sender', p_instance, 'put off start', 'campaign', p_campaign,
                           v_old.name, 'no sender was there when it was to start', to_jsonb(v_old), to_jsonb(v_new));
end $$;

-- Whether somebody is among those whom an order to try again names.
create function is_in_retry_scope(p_recipient campaign_recipients, p_scope text) returns boolean
    language sql immutable parallel safe
    return case p_scope when 'failed' then p_recipient.attention = 'failed'
                        when 'in_doubt' then p_recipient.attention = 'in_doubt'
                        when 'expired' then p_recipient.attention = 'skipped' and p_recipient.reason = 'expired'
                        when 'pending' then p_recipient.state = 'queued' end;

-- Everybody of a campaign, or those behind p_after and up to p_to, who would be tried again, or why not: which state they are
-- in, what their last try met.
create function retry_candidates(
    p_org uuid, p_campaign uuid, p_scope text, p_code text, p_after uuid default '00000000-0000-0000-0000-000000000000',
    p_to uuid default 'ffffffff-ffff-ffff-ffff-ffffffffffff'
) returns table (recipient_id uuid, verdict text) language plpgsql stable as $$
declare
    v_closed text;
begin
    select case k.why when 'subscription_ended' then k.why else 'campaign_' || k.why end into v_closed
      from campaigns c cross join lateral (select closed_because(c) as why) k
     where c.organization_id = p_org and c.id = p_campaign;
    return query
    select r.id,
           case when v_closed is not null then v_closed
                when c.expires_at <= clock_timestamp() then 'campaign_is_too_late'
                when s.since is not null then 'opted_out'
                when r.state in ('failed', 'skipped') and exists (
                         select from attempts l where l.organization_id = p_org and l.recipient_id = r.id
                            and l.step = r.step and (l.live or l.contradicted)) then 'accepted_or_in_doubt'
                when r.state = 'in_doubt' then 'in_doubt_without_verdict'
                when r.exit_reason is not null then 'has_left'
                when r.state = 'queued' and r.due_at is null then 'has_its_turn_already'
                when r.state = 'queued' and r.due_at <= clock_timestamp() then 'is_due_already'
                when r.state = 'queued' and r.tries = 0 then 'step_is_not_due'
                when r.state = 'queued' and r.is_kept then 'the_provider_asked_to_wait'
                -- Taken, and then reported with words that nobody can read: whoever names them takes it upon themselves.
                when a.state = 'undelivered' and a.class = 'unknown' and p_code is null then 'may_have_arrived'
                when a.class in ('opted_out', 'recipient_blocked') then 'refused_by_the_person'
                else 'retry' end
      from campaigns c
      join campaign_recipients r on r.organization_id = p_org and r.campaign_id = c.id
      left join suppressions s on s.organization_id = p_org and s.phone = r.phone
      left join attempts a on a.organization_id = p_org and a.id = r.last_attempt_id
     where c.organization_id = p_org and c.id = p_campaign
       and r.id > p_after and r.id <= p_to and is_in_retry_scope(r, p_scope)
       and (p_code is null or p_code in (a.code, a.class, r.reason));
end $$;

-- Tries them again: queued at once, with all tries before them. Answers how many by verdict. Whose message was too late gave up
-- their place in an audience with a limit: no more of them come back than it leaves room for.
--
-- A piece at a time: p_most of those whom the order names, behind p_after in the order of their enrolment; last_id is the last
-- one looked at, null when there are no more. The campaign's row is held only while those of the piece are queued: a pause
-- that waits for it has everybody behind it. A dry run looks at all of them at once.
create function retry_recipients(
    p_org uuid, p_campaign uuid, p_scope text, p_code text, p_dry boolean, p_actor text, p_instance uuid, p_reason text,
    p_after uuid default '00000000-0000-0000-0000-000000000000', p_most integer default 5000
) returns table (verdict text, people bigint, last_id uuid) language plpgsql
    set jit = off set enable_seqscan = off set enable_bitmapscan = off set enable_sort = off
    set plan_cache_mode = force_custom_plan
as $$
#variable_conflict use_column
declare
    v_last     uuid;
    v_to       uuid;
    v_ids      uuid[];
    v_verdicts text[];
    v_locked   uuid[];
    v_name     text;
    v_count    bigint := 0;
    v_room     bigint;
    v_over     bigint := 0;
    v_now      timestamptz;
begin
    if p_dry then
        if p_scope = 'expired' then
            v_room := room_within_limit(p_org, p_campaign);
        end if;
        return query
        select t.verdict, t.people, null::uuid
          from (select k.verdict, count(*) as people
                  from retry_candidates(p_org, p_campaign, p_scope, p_code) k group by 1) a
         cross join lateral (select case when a.verdict = 'retry' then least(a.people, v_room) else a.people end) m (many)
         cross join lateral (values (a.verdict, m.many), ('over_limit', a.people - m.many)) t (verdict, people)
         where t.people > 0;
        return;
    end if;
    select r.id into v_last from campaign_recipients r
     where r.organization_id = p_org and r.campaign_id = p_campaign and r.id > p_after and is_in_retry_scope(r, p_scope)
     order by r.id offset p_most - 1 limit 1;
    v_to := coalesce(v_last, 'ffffffff-ffff-ffff-ffff-ffffffffffff');
    select array_agg(k.recipient_id), array_agg(k.verdict) into v_ids, v_verdicts
      from retry_candidates(p_org, p_campaign, p_scope, p_code, p_after, v_to) k;
    if 'retry' = any (v_verdicts) then
        v_ids := array(select t.id from unnest(v_ids, v_verdicts) as t (id, verdict) where t.verdict = 'retry');
        perform queue_for_slots(p_org, p_campaign);
        if p_scope = 'expired' then
            perform pg_advisory_xact_lock(decision_queue(p_org));
        end if;
        v_name := (lock_for_again(p_org, p_campaign)).name;
        -- Their rows first; only then it is asked what may be: an outcome or an opt-out that comes meanwhile waits, or is seen.
        v_locked := array(select r.id from campaign_recipients r
                           where r.organization_id = p_org and r.campaign_id = p_campaign and r.id = any (v_ids)
                           order by r.id for update);
        select array_agg(k.recipient_id), array_agg(k.verdict) into v_ids, v_verdicts
          from retry_candidates(p_org, p_campaign, p_scope, p_code, p_after, v_to) k;
        v_locked := array(select t.id from unnest(v_ids, v_verdicts) as t (id, verdict) where t.verdict = 'retry'
                          intersect select t.id from unnest(v_locked) as t (id) order by 1);
        if p_scope = 'expired' then
            v_room := room_within_limit(p_org, p_campaign);
            if v_room < cardinality(v_locked) then
                v_over := cardinality(v_locked) - v_room;
                v_locked := v_locked[1 : v_room::integer];
            end if;
        end if;
        v_now := clock_timestamp();
        update campaign_recipients r
           set state = 'queued', attention = null, reason = null, tries = 0,
               -- Whoever failed or expired before the step was due still waits for it.
               due_at = due_again(p_org, p_campaign, r.id, r.step, v_now),
               is_kept = keeper_of(p_org, r.last_attempt_id, r.is_kept) is not null,
               bound_number_id = coalesce(keeper_of(p_org, r.last_attempt_id, r.is_kept), r.sticky_number_id),
               updated_at = v_now
         where r.organization_id = p_org and r.campaign_id = p_campaign
           and r.id = any (v_locked);
        get diagnostics v_count = row_count;
        perform reopen_campaign(p_org, p_campaign, p_actor, p_instance, p_reason) where v_count > 0;
        perform give_slots_again(p_org, p_campaign, v_locked);
    end if;
    if v_count > 0 then
        perform record_decision(p_org, clock_timestamp(), p_actor, p_instance, 'retry recipients', 'campaign',
                                p_campaign, v_name, p_reason, null,
                                jsonb_build_object('scope', p_scope, 'code', p_code, 'retried', v_count));
    end if;
    -- Who came to it since the rows were locked is not among those who are tried again.
    return query select 'retry', v_count, v_last
                 union all
                 select 'over_limit', v_over, v_last where v_over > 0
                 union all
                 select t.verdict, count(*), v_last from unnest(v_verdicts) as t (verdict) where t.verdict <> 'retry' group by 1;
end $$;
comment on function retry_recipients is 'Tries a campaign''s failed, put-back or expired messages again, and says who is not.';
