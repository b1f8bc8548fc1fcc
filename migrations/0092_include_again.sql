-- People who were skipped, and are to be sent to after all because the reason has passed.

-- How many people may still be queued of an audience with a limit, in place of those who are skipped; null: it has none.
-- Whoever goes by it stands in the line of decisions: of two who ask at once the second sees what the first took.
create function room_within_limit(p_org uuid, p_campaign uuid) returns bigint language sql stable as $$
    select case when c.audience ->> 'limit' is not null
                then greatest((c.audience ->> 'limit')::bigint
                              - (select coalesce(sum(k.planned - k.skipped), 0) from campaign_counts k
                                  where k.organization_id = p_org and k.campaign_id = p_campaign), 0) end::bigint
      from campaigns c where c.organization_id = p_org and c.id = p_campaign
$$;
comment on function room_within_limit is 'How many more people the limit of a campaign''s audience leaves room for.';
-- Whether somebody is skipped for this reason, by its code: found before anything was sent, or by the sender that was about to,
-- which says that the content was rejected and then why.
create function is_skipped_for(p_reason text, p_code text) returns boolean
    language sql immutable parallel safe
    return p_code is null or split_part(p_reason, ':', 1) = p_code
           or split_part(p_reason, ': ', 1) = 'content_rejected' and split_part(p_reason, ': ', 2) = p_code;

-- Why nobody of a campaign can be queued again; null: somebody can. A completed one is opened again by that, because it ends by
-- itself within seconds of its last message. A standing one ended by somebody's word, and would take people in again.
create function closed_because(p_campaign campaigns) returns text language plpgsql stable as $$
begin
    if p_campaign.state = 'cancelled' or p_campaign.state = 'completed' and p_campaign.standing is not null then
        return p_campaign.state::text;
    end if;
    if p_campaign.state = 'completed' and exists (
           select from organizations o
            where o.id = p_campaign.organization_id and o.subscription_ends_at <= clock_timestamp()) then
        return 'subscription_ended';
    end if;
    return null;
end $$;

-- The campaign that somebody is queued in again, locked for that until the end of the transaction: shared with others if it
-- runs, and behind those who decide if it is completed.
create function lock_for_again(p_org uuid, p_campaign uuid) returns campaigns language plpgsql as $$
declare
    v_campaign campaigns;
begin
    if exists (select from campaigns where organization_id = p_org and id = p_campaign and state = 'completed') then
        perform pg_advisory_xact_lock(decision_queue(p_org));
        select * into v_campaign from campaigns where organization_id = p_org and id = p_campaign for update;
    else
        select * into v_campaign from campaigns where organization_id = p_org and id = p_campaign for share;
    end if;
    return v_campaign;
end $$;

-- Lets a completed campaign run again, because people of it were queued again by the same transaction. What followed it has
-- begun, and is not undone; its end is told again when it comes.
create function reopen_campaign(
    p_org uuid, p_campaign uuid, p_actor text, p_instance uuid, p_reason text
) returns boolean language plpgsql as $$
declare
    v_old campaigns;
    v_new campaigns;
    v_now timestamptz;
begin
    select * into v_old from campaigns where organization_id = p_org and id = p_campaign and state = 'completed' for update;
    if not found then
        return false;
    end if;
    v_now := clock_timestamp();
    update campaigns set state = 'active', finished_at = null, revision = revision + 1, updated_at = v_now, changed_by = p_actor
     where organization_id = p_org and id = p_campaign returning * into v_new;
    perform record_decision(p_org, v_now, p_actor, p_instance, 'reopen campaign', 'campaign', p_campaign, v_old.name,
                            p_reason, to_jsonb(v_old), to_jsonb(v_new));
    return true;
end $$;
comment on function reopen_campaign is 'Lets a completed campaign run again, for people of it who were queued again.';

-- Since when a recipient waits for a step: for the first one since the enrolment, or since the stage of a rollout; for a later
-- one since the one before it was taken.
create function waits_since(p_org uuid, p_campaign uuid, p_recipient uuid, p_step smallint)
    returns timestamptz language plpgsql stable
    set enable_seqscan = off
as $$
begin
    if p_step = 1 then
        -- Ids begin with the moment of the enrolment, in milliseconds.
        return coalesce(
            (select w.since from campaign_rollouts w where w.organization_id = p_org and w.campaign_id = p_campaign),
            to_timestamp(('x' || left(replace(p_recipient::text, '-', ''), 12))::bit(48)::bigint / 1000.0));
    end if;
    -- Taken, though it may have been reported as undelivered since: each of the two has an index of its own.
    return greatest(
        (select max(a.finished_at) from attempts a
          where a.organization_id = p_org and a.recipient_id = p_recipient and a.step = p_step - 1 and a.live),
        (select max(a.finished_at) from attempts a
          where a.organization_id = p_org and a.recipient_id = p_recipient and a.step = p_step - 1 and not a.live
            and a.state = 'undelivered'));
end $$;

-- When somebody is due who was queued again at p_queued_at and waits since p_since: never before they were queued.
create function due_by(p_queued_at timestamptz, p_since timestamptz, p_after_seconds bigint) returns timestamptz
    language sql stable
    return greatest(p_queued_at, p_since + make_interval(secs => p_after_seconds));

-- When a recipient who is queued again is due: when the step would have been due had nothing come between, and never before
-- now.
create function due_again(p_org uuid, p_campaign uuid, p_recipient uuid, p_step smallint, p_now timestamptz)
    returns timestamptz language plpgsql stable
    set enable_seqscan = off
as $$
declare
    v_after bigint;
begin
    select s.after_seconds into v_after from campaign_steps s
      where s.organization_id = p_org and s.campaign_id = p_campaign and s.step = p_step;
    if coalesce(v_after, 0) = 0 then
        return p_now;
    end if;
    return due_by(p_now, waits_since(p_org, p_campaign, p_recipient, p_step), v_after);
end $$;
comment on function due_again is 'When somebody who is queued again is due: as if nothing had come between, never before now.';

-- Queues skipped people of a campaign again, if nothing stands against them any more: all of them, those of one reason, or one
-- phone. Answers how many, and how many of those looked at are still left out. Whoever opted out or is suppressed, and
-- whoever left the audience, stays skipped, because the audience is asked again. Of an audience with a limit no more come
-- back than have left room: p_over_limit of those who are left out found none.
--
-- A piece at a time: p_most of them behind p_after, in the order of their enrolment; p_last is the last one looked at, null
-- when there are no more. The audience is asked before anybody has to wait: claims and decisions wait for as long only as it
-- takes to queue the people of one piece.
create function include_again(
    p_org uuid, p_campaign uuid, p_reason text, p_phone text, p_variables text[], p_required jsonb, p_actor text,
    p_instance uuid, p_why text, p_after uuid default '00000000-0000-0000-0000-000000000000', p_most integer default 5000,
    out p_included bigint, out p_kept bigint, out p_last uuid, out p_over_limit bigint
) language plpgsql
    set jit = off set enable_seqscan = off set enable_bitmapscan = off set enable_sort = off
    set plan_cache_mode = force_custom_plan
as $$
declare
    v_campaign   campaigns;
    v_now        timestamptz := clock_timestamp();
    v_looked     uuid[];
    v_phones     text[];
    v_from       uuid;
    v_to         uuid;
    v_ids        uuid[];
    v_locales    text[];
    v_parameters jsonb[];
    v_room       bigint;
    v_queued     uuid[];
    v_kept_back  bigint;
begin
    select * into v_campaign from campaigns where organization_id = p_org and id = p_campaign;
    select array_agg(t.id order by t.id), array_agg(t.phone order by t.id) into v_looked, v_phones
      from (select r.id, r.phone::text as phone from campaign_recipients r
             where r.organization_id = p_org and r.campaign_id = p_campaign and r.attention = 'skipped' and r.id > p_after
               and (p_phone is null or r.phone = p_phone)
               and is_skipped_for(r.reason, p_reason)
             order by r.id limit p_most) t;
    if cardinality(v_looked) = p_most then
        p_last := v_looked[p_most];
    end if;
    -- Contacts are asked about from the first to the last of the piece: people are enrolled in their order.
    select (array_agg(k.id order by k.id))[1], (array_agg(k.id order by k.id desc))[1] into v_from, v_to
      from contacts k where k.organization_id = p_org and k.phone = any (v_phones);
    select k.id into v_from from contacts k
      where k.organization_id = p_org and k.id < v_from order by k.id desc limit 1;
    select array_agg(a.id), array_agg(a.locale), array_agg(a.parameters) into v_ids, v_locales, v_parameters
      from (select r.id, a.locale,
                   coalesce(jsonb_strip_nulls((select jsonb_object_agg(v, value_of(a.contact, v))
                                                 from unnest(p_variables) v)), '{}') as parameters
              from unnest(v_looked, v_phones) as r (id, phone)
              join audience_of(p_org, p_campaign, v_campaign.audience, p_required, v_now, null,
                               case when p_phone is not null then array[p_phone] end,
                               coalesce(v_from, '00000000-0000-0000-0000-000000000000'), v_to) a
                on a.phone = r.phone
             where a.reason is null) a;

    if cardinality(v_ids) > 0 or closed_because(v_campaign) is not null then
        -- In line with claims and decisions, and with people who opt out; before that with those who change slots, so that
        -- nobody waits for their turn there.
        if 'campaign_number' = any (p_variables) then
            perform pg_advisory_xact_lock(slot_queue(p_org));
        end if;
        perform pg_advisory_xact_lock(decision_queue(p_org));
        v_campaign := lock_for_again(p_org, p_campaign);
        if closed_because(v_campaign) is not null then
            raise exception 'the campaign cannot go on: %', closed_because(v_campaign)
                using errcode = 'check_violation', constraint = 'only_an_unfinished_campaign_takes_people_back';
        end if;
        perform 1 from campaign_recipients r
          where r.organization_id = p_org and r.campaign_id = p_campaign and r.id = any (v_ids) order by r.id for update;
        v_now := clock_timestamp();
        v_queued := array(
            select r.id from campaign_recipients r
             where r.organization_id = p_org and r.campaign_id = p_campaign and r.id = any (v_ids)
               and r.attention = 'skipped' and is_skipped_for(r.reason, p_reason)
               -- Since the audience was asked, somebody may have opted out, and evidence may have come.
               and not exists (select from suppressions s where s.organization_id = p_org and s.phone = r.phone)
               and not exists (select from attempts t where t.organization_id = p_org and t.recipient_id = r.id
                                  and t.step = r.step and (t.live or t.contradicted))
             order by r.id);
        v_room := room_within_limit(p_org, p_campaign);
        if v_room < cardinality(v_queued) then
            p_over_limit := cardinality(v_queued) - v_room;
            v_queued := v_queued[1 : v_room::integer];
        end if;
        with back as (
            update campaign_recipients r
               set state = 'queued', attention = null, reason = null, exit_reason = null, tries = 0,
                   -- Whoever a rollout has not come to yet waits for that.
                   due_at = case when exists (select from campaign_rollouts w
                                               where w.organization_id = p_org and w.campaign_id = p_campaign
                                                 and w.stage < cardinality(w.stages) and r.id > w.released_to)
                                 then not_let_go() else due_again(p_org, p_campaign, r.id, r.step, v_now) end,
                   is_kept = keeper_of(p_org, r.last_attempt_id, r.is_kept) is not null,
                   bound_number_id = coalesce(keeper_of(p_org, r.last_attempt_id, r.is_kept), r.sticky_number_id),
                   updated_at = v_now
             where r.organization_id = p_org and r.campaign_id = p_campaign and r.id = any (v_queued)
            returning r.id, r.due_at
        ), frozen as (
            insert into recipient_parameters as p (organization_id, campaign_id, recipient_id, locale, parameters)
            select p_org, p_campaign, a.id, a.locale, a.parameters
              from unnest(v_ids, v_locales, v_parameters) as a (id, locale, parameters) join back b on b.id = a.id
            -- What was frozen stays; what the texts ask for since is added, and the slot is the one they hold now.
            on conflict on constraint recipient_parameters_key do update
               set parameters = (excluded.parameters || p.parameters)
                                - case when 'campaign_number' = any (p_variables) then 'campaign_number' else '' end
        )
        select array_agg(b.id), count(*) filter (where b.due_at = not_let_go()) into v_queued, v_kept_back from back b;
        -- Whom the rollout has not come to yet is one of its people: its later stages count on them.
        perform count_rollout(p_org, p_campaign) where v_kept_back > 0;
        perform reopen_campaign(p_org, p_campaign, p_actor, p_instance, p_why) where cardinality(v_queued) > 0;
        -- As at enrolment: who has left since stays out, and who needs a slot gets one.
        perform settle_enrolled(p_org, p_campaign, p_variables, v_now, v_queued) where cardinality(v_queued) > 0;
    end if;
    p_included := coalesce(cardinality(v_queued), 0);
    p_over_limit := coalesce(p_over_limit, 0);
    p_kept := coalesce(cardinality(v_looked), 0) - p_included;
    -- An entry for every piece that changed something; and for the order itself, whatever came of it.
    if p_included > 0 or p_after = '00000000-0000-0000-0000-000000000000' then
        perform record_decision(p_org, v_now, p_actor, p_instance, 'include again', 'campaign', p_campaign, v_campaign.name,
                                p_why, jsonb_build_object('reason', p_reason, 'phone', p_phone),
                                jsonb_build_object('included', p_included, 'kept', p_kept));
    end if;
end $$;
comment on function include_again is 'Queues skipped people again whose reason has passed; never one who opted out.';
