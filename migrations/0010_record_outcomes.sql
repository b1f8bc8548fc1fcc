-- Outcomes: what became of attempts, a batch in one statement, always by attempt id (rule D: evidence is accepted
-- from anyone at any time, and only moves forward).
--
-- p_next says what becomes of the recipient, decided by the sender's pure core:
--   'advance'  accepted: the next step is queued if there is one
--   'retry'    queued again after p_delay_ms, through the number it is stuck to if the pool is sticky
--   'switch'   queued again at once for any number: the binding is broken
--   'keep'     queued again after p_delay_ms for the same number only; if the person is why, then for the whole step
--   'fail'     ends here, p_reason says why
--   'skip'     ends here without the provider's word, p_reason says why
--   'doubt'    waits for evidence or an operator

create function record_outcomes(
    p_org uuid, p_ids uuid[], p_states attempt_state[], p_provider_ids text[], p_classes text[], p_blames text[],
    p_codes text[], p_words text[], p_durations_ms integer[], p_next text[], p_delay_ms bigint[], p_reasons text[],
    p_now timestamptz default null
) returns table (attempt_id uuid, state attempt_state, contradicted boolean)
    language plpgsql
    set enable_seqscan = off set enable_bitmapscan = off set enable_sort = off
    set enable_hashjoin = off set enable_mergejoin = off set enable_material = off set jit = off
    set plan_cache_mode = force_generic_plan
as $$
#variable_conflict use_column
declare
    v_now     timestamptz := coalesce(p_now, clock_timestamp());
    v_bucket  timestamptz := pulse_bucket(p_org, v_now);
    v_changed  bigint;
    v_requeued bigint;
    v_attempts   tid[];
    v_recipients tid[];
    v_replies    tid[];
begin
    -- With the owner's rights from 0172 on.
    perform must_run(p_org);

    -- Quota goes back first, so that locks are always taken in the order of the claim: usage before recipients. Attempts are
    -- locked before it, and by id: one piece of evidence after the other, and in line with an operator's verdict.
    if 'not_sent' = any (p_states) or 'rejected' = any (p_states) then
        perform give_back_quota(p_org, array(
            select o.id from (select i.id, i.state from unnest(p_ids, p_states) as i (id, state) order by i.id) o
             cross join lateral (select a.id from attempts a
                                  where a.organization_id = p_org and a.id = o.id and a.charged
                                    and a.state in ('sending', 'in_doubt') limit 1 for update) a
             where o.state in ('not_sent', 'rejected')));
    end if;

    -- Rows are found one by one through their key and then addressed by their place (ctid): whatever size the tables had
    -- when the plan was made, it never scans them. They and whom they are for are locked first, by a statement of its own:
    -- what changes at this very moment (a person who leaves while being written to) has moved when the lock is ours, to a
    -- place that only a later statement sees.
    select array_agg(a.place order by o.nth), array_agg(r.place order by o.nth), array_agg(y.place order by o.nth)
      into v_attempts, v_recipients, v_replies
      from (select i.id, i.nth from unnest(p_ids) with ordinality as i (id, nth) order by i.id) o
      left join lateral (select a.ctid as place, a.campaign_id, a.recipient_id from attempts a
                          where a.organization_id = p_org and a.id = o.id limit 1 for update) a on true
      left join lateral (
        -- An equation would leave the choice of the index open: to a planner without figures the one by phone looks as
        -- good, and walks the campaign up to each recipient. Only the key answers a range in this order.
        select r.ctid as place from campaign_recipients r
         where r.organization_id = p_org and r.campaign_id = a.campaign_id
           and r.id >= a.recipient_id and r.id <= a.recipient_id
           and r.last_attempt_id = o.id and r.state in ('sending', 'in_doubt')
         order by r.id limit 1 for update) r on true
      left join lateral (
        select y.ctid as place from replies y
         where a.campaign_id is null and y.organization_id = p_org and y.id = a.recipient_id
           and y.last_attempt_id = o.id and y.state in ('sending', 'in_doubt') limit 1 for update) y on true;

    with found as (
        select o.* from unnest(p_ids, p_states, p_provider_ids, p_classes, p_blames, p_codes, p_words, p_durations_ms,
                               p_next, p_delay_ms, p_reasons, v_attempts, v_recipients, v_replies)
            as o (id, state, provider_id, class, blame, code, words, duration_ms, next, delay_ms, reason, place,
                  their_place, reply_place)
    ), settled as (
        update attempts a
           set state = o.state, live = o.state in ('accepted', 'in_doubt'),
               finished_at = v_now, duration_ms = coalesce(o.duration_ms, a.duration_ms),
               provider_message_id = o.provider_id, class = o.class, blame = o.blame, code = o.code, words = o.words,
               in_doubt_since = case when o.state = 'in_doubt' then v_now end
          from found o
         where a.ctid = o.place and a.id = o.id and (a.state = 'sending' or (a.state = 'in_doubt' and o.state <> 'in_doubt'))
        returning a.id, a.campaign_id, a.recipient_id, a.step, a.number_id, a.state, a.provider_message_id,
                  a.class, a.blame, o.next, o.delay_ms, o.reason, o.their_place, o.reply_place
    ), known as (
        insert into provider_messages (organization_id, provider_message_id, attempt_id)
        select p_org, s.provider_message_id, s.id from settled s where s.provider_message_id is not null
    ), theirs as materialized (
        select s.*, f.next_step, f.after_seconds
          from settled s
          left join lateral (
            select c.step as next_step, c.after_seconds from campaign_steps c
             where c.organization_id = p_org and c.campaign_id = s.campaign_id and c.step = s.step + 1
               and s.next = 'advance' limit 1) f on true
         where s.their_place is not null
    ), moved as (
        update campaign_recipients r
           set state = case
                   when s.next in ('retry', 'switch', 'keep') or s.next_step is not null then 'queued'::recipient_state
                   when s.next = 'advance' then 'accepted'
                   when s.next = 'doubt' then 'in_doubt'
                   when s.next = 'skip' then 'skipped'
                   else 'failed' end,
               attention = case
                   when s.next in ('retry', 'switch', 'keep', 'advance') then null
                   when s.next = 'doubt' then 'in_doubt'::recipient_state
                   when s.next = 'skip' then 'skipped'
                   else 'failed' end,
               reason = case when s.next = 'advance' then null else coalesce(s.reason, 'unknown') end,
               step = coalesce(s.next_step, r.step),
               tries = case when s.next_step is null then r.tries else 0 end,
               due_at = case
                   when s.next in ('retry', 'keep') then v_now + make_interval(secs => s.delay_ms / 1000.0)
                   -- Its number is out, and no other one may: looked at again.
                   when s.next = 'switch' then v_now + case when r.is_kept then interval '1 minute' else interval '0' end
                   when s.next_step is not null then v_now + make_interval(secs => s.after_seconds) end,
               is_kept = s.next_step is null and (r.is_kept or s.next = 'keep' and s.blame is not distinct from 'recipient'),
               bound_number_id = case
                   when s.next = 'keep' or s.next in ('retry', 'switch') and r.is_kept then s.number_id
                   when s.next = 'retry' or s.next_step is not null then r.sticky_number_id end,
               sticky_number_id = case when s.next = 'switch' then null else r.sticky_number_id end,
               updated_at = v_now
          from theirs s
         where r.ctid = s.their_place
    ), replied as (
        update replies y
           set state = case when s.next in ('retry', 'switch', 'keep') then 'queued'::recipient_state
                            when s.next = 'advance' then 'accepted'
                            when s.next = 'doubt' then 'in_doubt'
                            when s.next = 'skip' then 'skipped'
                            else 'failed' end,
               reason = case when s.next = 'advance' then null else coalesce(s.reason, 'unknown') end,
               due_at = case when s.next in ('retry', 'keep') then v_now + make_interval(secs => s.delay_ms / 1000.0)
                             when s.next = 'switch' then v_now end,
               updated_at = v_now
          from settled s where y.ctid = s.reply_place
    ), activity as (
        insert into number_activity as n (organization_id, number_id, minute, accepted, rejected, not_sent, in_doubt)
        select p_org, s.number_id, date_trunc('minute', v_now),
               count(*) filter (where s.state = 'accepted'), count(*) filter (where s.state = 'rejected'),
               count(*) filter (where s.state = 'not_sent'), count(*) filter (where s.state = 'in_doubt')
          from settled s group by s.number_id order by s.number_id
        on conflict on constraint number_activity_key do update
           set accepted = n.accepted + excluded.accepted, rejected = n.rejected + excluded.rejected,
               not_sent = n.not_sent + excluded.not_sent, in_doubt = n.in_doubt + excluded.in_doubt
    ), pulse as (
        -- Refused for good: a throttle or a fault says nothing of how people take what the number sends.
        insert into number_pulse as n (organization_id, number_id, bucket, accepted, refused, blocked)
        select p_org, k.* from (
            select s.number_id, v_bucket, count(*) filter (where s.state = 'accepted') as accepted,
                   count(*) filter (where s.state = 'rejected' and s.class not in (
                       'throttled', 'transient', 'number_limited', 'account_limited', 'recipient_deferred')) as refused,
                   count(*) filter (where s.state = 'rejected' and s.class in ('recipient_blocked', 'opted_out')) as blocked
              from settled s group by s.number_id) k
         where k.accepted + k.refused > 0 order by k.number_id
        on conflict on constraint number_pulse_key do update
           set accepted = n.accepted + excluded.accepted, refused = n.refused + excluded.refused,
               blocked = n.blocked + excluded.blocked
    )
    select (select count(*) from settled),
           (select count(*) from theirs t where t.next in ('retry', 'switch', 'keep') or t.next_step is not null)
      into v_changed, v_requeued;

    -- What was queued again and may not be sent any more ends here.
    if v_requeued > 0 then
        perform end_requeued(p_org, p_ids, v_now);
        -- Nothing is queued again that was taken before: while this try was on the wire, proof came of an earlier one.
        perform late_evidence(p_org, array_agg(e.id), array_agg('accepted'::attempt_state), array_agg(e.provider_message_id))
           from (select i.id from unnest(p_ids, p_next) as i (id, next) where i.next in ('retry', 'switch', 'keep')) o
          cross join lateral (select a.recipient_id, a.step from attempts a
                               where a.organization_id = p_org and a.id >= o.id and a.id <= o.id and not a.live
                               order by a.id limit 1) a
          -- Ranges in the order of the index that is meant: for one value a planner without figures takes the index over ended
          -- attempts for the key, and passes by all of them, or the key for that index, and walks the ledger.
          cross join lateral (select (array_agg(k.id order by k.id))[1] as id,
                                     (array_agg(k.provider_message_id order by k.id))[1] as provider_message_id
                                from (select e.id, e.provider_message_id from attempts e
                                       where e.organization_id = p_org and e.recipient_id >= a.recipient_id
                                         and e.recipient_id <= a.recipient_id and not e.live
                                         and e.step = a.step and e.contradicted and e.provider_message_id is not null
                                         and e.state in ('not_sent', 'rejected', 'waived')
                                       order by e.recipient_id limit 100) k) e
         where e.id is not null
        having count(*) > 0;
    end if;

    if v_changed < cardinality(p_ids) then
        return query select * from late_evidence(p_org, p_ids, p_states, p_provider_ids);
    end if;
end $$;
comment on function record_outcomes is
    'Records what became of attempts. Answers only those that were settled before, with the state they have.';

-- Evidence for attempts that were settled before. Acceptance of what was settled as not sent, refused or waived:
-- if nothing else was put on the wire for that step meanwhile, the fact simply stands, and nothing is sent again.
-- Otherwise the person got it twice: a contradiction, kept, shown and counted, never hidden.
create function late_evidence(p_org uuid, p_ids uuid[], p_states attempt_state[], p_provider_ids text[])
    returns table (attempt_id uuid, state attempt_state, contradicted boolean)
    language plpgsql
as $$
#variable_conflict use_column
declare
    v_late record;
begin
    for v_late in
        select a.id, a.campaign_id, a.recipient_id, a.step, o.provider_id
          from unnest(p_ids, p_states, p_provider_ids) as o (id, state, provider_id)
          join attempts a on a.organization_id = p_org and a.id = o.id
         where o.state = 'accepted' and o.provider_id is not null and a.state in ('not_sent', 'rejected', 'waived')
           -- What contradicted another try stands by itself once that one came to nothing.
           and (not a.contradicted or not exists (select from attempts l where l.organization_id = p_org
                                                     and l.recipient_id = a.recipient_id and l.step = a.step and l.live))
         order by a.id
    loop
        -- The recipient's row lock orders this against claims of the same step; a reply's against claims of it.
        perform 1 from campaign_recipients r
          where r.organization_id = p_org and r.campaign_id = v_late.campaign_id and r.id = v_late.recipient_id
            for update;
        perform 1 from replies y
          where v_late.campaign_id is null and y.organization_id = p_org and y.id = v_late.recipient_id for update;
        if exists (select from attempts l where l.organization_id = p_org and l.recipient_id = v_late.recipient_id
                      and l.step = v_late.step and l.live)
        then
            update attempts a set contradicted = true, provider_message_id = v_late.provider_id
             where a.organization_id = p_org and a.id = v_late.id;
            insert into provider_messages (organization_id, provider_message_id, attempt_id)
            values (p_org, v_late.provider_id, v_late.id);
        else
            -- It becomes a doubt again, and the doubt is settled by the evidence. What was kept of it while another try
            -- seemed to contradict it is written anew with that.
            update attempts a
               set state = 'in_doubt', live = true, in_doubt_since = clock_timestamp(), contradicted = false
             where a.organization_id = p_org and a.id = v_late.id;
            delete from provider_messages m
             where m.organization_id = p_org and m.attempt_id = v_late.id and m.provider_message_id = v_late.provider_id
               and hashtextextended(m.provider_message_id, 0) = hashtextextended(v_late.provider_id, 0);
            update campaign_recipients r
               set state = 'in_doubt', attention = 'in_doubt', reason = 'in_doubt', due_at = null,
                   bound_number_id = null, last_attempt_id = v_late.id, updated_at = clock_timestamp(),
                   -- Whoever was taken out meanwhile gets nothing after it.
                   exit_reason = case when r.state = 'skipped' then coalesce(r.exit_reason, r.reason) else r.exit_reason end
             where r.organization_id = p_org and r.campaign_id = v_late.campaign_id and r.id = v_late.recipient_id
               and r.step = v_late.step and r.state in ('queued', 'failed', 'skipped');
            update replies y
               set state = 'in_doubt', reason = 'in_doubt', due_at = null, last_attempt_id = v_late.id,
                   updated_at = clock_timestamp()
             where v_late.campaign_id is null and y.organization_id = p_org and y.id = v_late.recipient_id
               and y.state in ('queued', 'failed', 'skipped');
            perform record_outcomes(p_org, array[v_late.id], array['accepted'::attempt_state],
                array[v_late.provider_id], array[null::text], array[null::text], array[null::text], array[null::text],
                array[null::integer], array['advance'::text], array[0::bigint], array[null::text]);
        end if;
    end loop;
    return query
    select a.id, a.state, a.contradicted
      from unnest(p_ids, p_states, p_provider_ids) as o (id, state, provider_id)
      join attempts a on a.organization_id = p_org and a.id = o.id
     where a.contradicted or a.state <> o.state;
end $$;

-- Takes attempts off the limits of the day they were charged to, once.
create function give_back_quota(p_org uuid, p_attempts uuid[]) returns void language plpgsql
    set enable_seqscan = off set enable_bitmapscan = off
    set enable_hashjoin = off set enable_mergejoin = off set enable_material = off set jit = off
    set plan_cache_mode = force_generic_plan
as $$
declare
    v_numbers   uuid[];
    v_campaigns uuid[];
    v_days      date[];
    v_row       record;
begin
    if cardinality(p_attempts) = 0 then
        return;
    end if;
    -- One by one through the key: a plan for "id = any" that was made while the ledger was small reads all of it.
    with found as materialized (
        select a.place from unnest(p_attempts) as o (id)
         cross join lateral (select a.ctid as place from attempts a
                              where a.organization_id = p_org and a.id = o.id and a.charged
                              limit 1 for update) a
    ), freed as (
        update attempts a set charged = false from found f where a.ctid = f.place
        returning a.number_id, a.campaign_id, a.quota_day
    )
    select array_agg(number_id), array_agg(campaign_id), array_agg(quota_day)
      into v_numbers, v_campaigns, v_days from freed;
    -- One row at a time, in the order of the claim: what the parts of one statement lock first is nobody's promise, and
    -- each of these looks at the row as it is after the wait for it.
    for v_row in
        select s.scope, s.scope_id, s.day, count(*)::integer as freed
          from unnest(v_numbers, v_campaigns, v_days) as f (number_id, campaign_id, day)
         cross join lateral (values ('number', f.number_id, f.day), ('campaign', f.campaign_id, f.day),
                                    ('organization', p_org, f.day),
                                    ('replies', case when f.campaign_id is null then f.number_id end, f.day))
               as s (scope, scope_id, day)
         where s.scope_id is not null group by s.scope, s.scope_id, s.day order by s.scope, s.scope_id, s.day
    loop
        update quota_usage u set reserved = u.reserved - v_row.freed
         where u.organization_id = p_org and u.scope = v_row.scope and u.scope_id = v_row.scope_id
           and u.day = v_row.day;
    end loop;
    perform uncharge_accounts(p_org, p_attempts, v_numbers);
    for v_row in
        select f.number_id, f.campaign_id, f.day, count(*)::integer as freed
          from unnest(v_numbers, v_campaigns, v_days) as f (number_id, campaign_id, day)
         where f.campaign_id is not null group by f.number_id, f.campaign_id, f.day order by f.number_id, f.campaign_id, f.day
    loop
        update number_campaign_usage u set used = u.used - v_row.freed
         where u.organization_id = p_org and u.day = v_row.day and u.number_id = v_row.number_id
           and u.campaign_id = v_row.campaign_id;
    end loop;
end $$;

-- The number that a message stays with when it is tried again, because the provider refused it on account of the person:
-- the same refusal from another number would harm that one too. Null: any number may.
create function keeper_of(p_org uuid, p_attempt uuid, p_is_kept boolean) returns uuid language sql stable as $$
    select a.number_id from attempts a
     where a.organization_id = p_org and a.id = p_attempt and (p_is_kept or a.blame = 'recipient')
$$;
comment on function keeper_of is 'The only number that may try again what was refused because of the person.';

-- Ends what these attempts left queued and may not be sent any more: the person left or opted out meanwhile, or the campaign
-- is over.
create function end_requeued(p_org uuid, p_attempts uuid[], p_now timestamptz) returns void language plpgsql
    set enable_seqscan = off set enable_bitmapscan = off set enable_sort = off
    set enable_hashjoin = off set enable_mergejoin = off set enable_material = off set jit = off
    set plan_cache_mode = force_generic_plan
as $$
declare
    v_stranded tid[];
begin
    v_stranded := array(
        select r.place from unnest(p_attempts) as o (id)
         cross join lateral (select a.campaign_id, a.recipient_id from attempts a
                              where a.organization_id = p_org and a.id = o.id limit 1) a
         cross join lateral (select q.ctid as place, q.phone, q.exit_reason from campaign_recipients q
                              where q.organization_id = p_org and q.campaign_id = a.campaign_id
                                and q.id >= a.recipient_id and q.id <= a.recipient_id and q.state = 'queued'
                              order by q.id limit 1 for update) r
         where r.exit_reason is not null
            or exists (select from campaigns c where c.organization_id = p_org and c.id = a.campaign_id
                          and c.state in ('cancelled', 'completed'))
            or exists (select from suppressions s where s.organization_id = p_org and s.phone = r.phone));
    -- Hardly ever anybody: then nothing is looked for.
    if cardinality(v_stranded) > 0 then
        perform skip_stranded(p_org, v_stranded, p_now);
    end if;
end $$;

-- Ends queued work that nobody may send any more: of campaigns that are over, and of people who opted out. The caller holds
-- the locks of these rows, so that their places cannot change.
create function skip_stranded(p_org uuid, p_places tid[], p_now timestamptz) returns void language plpgsql
    set enable_seqscan = off set jit = off
as $$
begin
    update campaign_recipients r
       set state = 'skipped', attention = 'skipped', due_at = null, bound_number_id = null, updated_at = p_now,
           reason = coalesce(
               (select case when s.source = 'rule' then 'suppressed' else 'opted_out' end from suppressions s
                 where s.organization_id = p_org and s.phone = r.phone),
               r.exit_reason,
               (select case when c.state = 'completed' then 'campaign_completed' else 'campaign_cancelled' end
                  from campaigns c where c.organization_id = p_org and c.id = r.campaign_id))
     where r.ctid = any (p_places) and r.organization_id = p_org and r.state = 'queued';
end $$;
