-- Gradual rollout: a campaign is sent to a part of its people first, in the order of their enrolment, and to more stage by
-- stage. Who is not let go yet is due at a time that never comes: no claim, of whatever sender and however old its picture,
-- finds them. Letting go is the only way to change that, and it counts under the row's lock.

-- When somebody is due who is not let go yet: later than anything else, and a time that every program can read.
create function not_let_go() returns timestamptz
    language sql immutable parallel safe
    return timestamptz '9999-12-31 00:00:00+00';

create table campaign_rollouts (
    organization_id uuid not null,
    campaign_id     uuid not null,
    stages          integer[] not null,
    stage           integer not null default 1,
    people          bigint not null,
    target          bigint not null,
    released        bigint not null default 0,
    released_to     uuid not null default '00000000-0000-0000-0000-000000000000',
    stage_people    bigint not null,
    since           timestamptz not null,
    began_at        timestamptz not null,
    sent_before     bigint not null default 0,
    failed_before   bigint not null default 0,
    why             text not null default 'has just begun',
    until           timestamptz,
    constraint campaign_rollouts_key primary key (organization_id, campaign_id),
    constraint rollout_is_of_a_campaign foreign key (organization_id, campaign_id)
        references campaigns (organization_id, id) on delete cascade,
    constraint rollout_stage_exists check (stage between 1 and cardinality(stages)),
    constraint no_more_are_let_go_than_the_stage_allows check (released between 0 and target and target <= people)
) with (fillfactor = 50);
comment on table campaign_rollouts is 'How far a campaign is rolled out: who may be sent to, and what the stage waits for.';
comment on column campaign_rollouts.people is 'Those who were let go and those who are kept back: what the percentages are of.';
comment on column campaign_rollouts.target is 'How many of them the stage allows; released: how many were let go, up to released_to.';
comment on column campaign_rollouts.since is 'On the campaign''s clock; began_at: the same moment on the database''s.';
comment on column campaign_rollouts.sent_before is 'What the campaign had sent when the stage began.';
comment on column campaign_rollouts.why is 'What the stage waits for, as it was seen last.';

-- How many of so many people a stage allows, rounded up: the rule of the program too (domain/campaign/rollout.rs).
create function rollout_target(p_people bigint, p_percent integer) returns bigint
    language sql immutable parallel safe
    return (p_people * p_percent + 99) / 100;

-- Counts again who is a rollout's: who was let go, each once however often they were queued since, and who is kept back now.
-- Whoever left before their stage is neither. At least as many as the open stage allows already.
create function count_rollout(p_org uuid, p_campaign uuid) returns void language sql as $$
    update campaign_rollouts w
       set people = greatest(w.target, w.released + (select coalesce(sum(k.kept_back), 0) from campaign_counts k
                                                      where k.organization_id = p_org and k.campaign_id = p_campaign))
     where w.organization_id = p_org and w.campaign_id = p_campaign
$$;

-- Begins the rollout of a campaign whose people are all enrolled and kept back, if it has one.
create function open_rollout(p_org uuid, p_campaign uuid, p_now timestamptz) returns void language plpgsql as $$
declare
    v_stages integer[];
    v_people bigint;
begin
    select array(select s.stage::integer from jsonb_array_elements_text(c.conduct #> '{rollout,stages}') with ordinality
                        as s (stage, place) order by s.place)
      into v_stages from campaigns c
     where c.organization_id = p_org and c.id = p_campaign and c.conduct ? 'rollout' and c.standing is null;
    if not found then
        return;
    end if;
    select coalesce(sum(k.queued), 0) into v_people from campaign_counts k
     where k.organization_id = p_org and k.campaign_id = p_campaign;
    -- Without anybody there is nothing to take a part of: whoever is enrolled later begins it.
    if v_people = 0 then
        return;
    end if;
    insert into campaign_rollouts (organization_id, campaign_id, stages, people, target, stage_people, since, began_at)
    select p_org, p_campaign, v_stages, v_people, t.target, t.target, p_now, clock_timestamp()
      from (select rollout_target(v_people, v_stages[1]) as target) t
    on conflict on constraint campaign_rollouts_key do nothing;
    -- Nobody else knows of the rollout yet: there is nobody to wait for.
    perform let_next_go(p_org, p_campaign, p_now, 10000);
end $$;

-- Lets up to p_most people of the open stage go, in the order of their enrolment. Answers how many of the stage are left.
-- Called by those who keep others from deciding: let_go is for everybody else.
create function let_next_go(p_org uuid, p_campaign uuid, p_now timestamptz, p_most bigint) returns bigint
    language plpgsql
    set enable_seqscan = off set enable_bitmapscan = off set enable_sort = off set jit = off
as $$
declare
    v_rollout campaign_rollouts;
    v_due_in  interval;
    v_count   bigint;
    v_last    uuid;
    v_now     timestamptz := coalesce(p_now, clock_timestamp());
begin
    select * into v_rollout from campaign_rollouts where organization_id = p_org and campaign_id = p_campaign for update;
    if not found or v_rollout.released >= v_rollout.target then
        return 0;
    end if;
    -- Who has to wait for a first step, for a clock of their own, or may come too late, is due from now on; all others as
    -- soon as it is their turn.
    select case when s.after_seconds > 0 or c.zoned or c.expires_after is not null
                then make_interval(secs => s.after_seconds) end
      into v_due_in
      from campaigns c
      join campaign_steps s on s.organization_id = p_org and s.campaign_id = c.id and s.step = 1
     where c.organization_id = p_org and c.id = p_campaign;
    -- A range, and no join: of people who were enrolled a moment ago the planner knows nothing, and would read them all for
    -- each one.
    with gone as (
        update campaign_recipients r set due_at = v_now + v_due_in, updated_at = v_now
         where r.organization_id = p_org and r.campaign_id = p_campaign and r.id > v_rollout.released_to
           and r.id <= (select max(n.id::text)::uuid from (
               select k.id from campaign_recipients k
                where k.organization_id = p_org and k.campaign_id = p_campaign and k.id > v_rollout.released_to
                  and k.state = 'queued' and k.due_at = not_let_go()
                order by k.id limit least(p_most, v_rollout.target - v_rollout.released)) n)
           and r.state = 'queued' and r.due_at = not_let_go()
        returning r.id
    )
    select count(*), (array_agg(g.id order by g.id desc))[1] into v_count, v_last from gone g;
    if v_count = 0 then
        -- Whoever was to be next left before: there is nobody else to let go.
        update campaign_rollouts set target = released
         where organization_id = p_org and campaign_id = p_campaign;
        return 0;
    end if;
    update campaign_rollouts set released = released + v_count, released_to = v_last
     where organization_id = p_org and campaign_id = p_campaign
    returning target - released into v_count;
    -- Senders that found nothing look again.
    update campaigns set revision = revision + 1 where organization_id = p_org and id = p_campaign;
    return v_count;
end $$;
comment on function let_next_go is 'Lets people of the open stage go; what let_go does behind its locks.';

-- The same for those who hold nothing yet. In line with decisions, and its locks in their order: the campaign, then its
-- rollout. People who are taken back meanwhile (0092) would be kept back behind the last who was let go, for ever.
create function let_go(p_org uuid, p_campaign uuid, p_now timestamptz, p_most bigint) returns bigint language plpgsql as $$
begin
    perform pg_advisory_xact_lock(decision_queue(p_org));
    perform 1 from campaigns where organization_id = p_org and id = p_campaign for no key update;
    return let_next_go(p_org, p_campaign, p_now, p_most);
end $$;
comment on function let_go is 'Lets people of the open stage of a rollout be sent to: never more than the stage allows.';

-- Opens the next stage, or the one that p_percent names. p_expected: the stage that was judged.
create function widen_rollout(
    p_org uuid, p_campaign uuid, p_expected integer, p_percent integer, p_actor text, p_instance uuid, p_reason text,
    p_now timestamptz
) returns change_answer language plpgsql as $$
declare
    v_campaign campaigns;
    v_rollout  campaign_rollouts;
    v_new      campaign_rollouts;
    v_stage    integer;
    v_now      timestamptz;
begin
    perform pg_advisory_xact_lock(decision_queue(p_org));
    select * into v_campaign from campaigns where organization_id = p_org and id = p_campaign for update;
    if not found then
        return row ('missing', null, null, null, null, null, null)::change_answer;
    end if;
    v_now := coalesce(p_now, clock_timestamp());
    select * into v_rollout from campaign_rollouts where organization_id = p_org and campaign_id = p_campaign for update;
    v_stage := case when p_percent is null then v_rollout.stage + 1 else array_position(v_rollout.stages, p_percent) end;
    if v_campaign.state in ('completed', 'cancelled') or v_rollout.campaign_id is null or v_stage is null
        or p_expected is not null and p_expected <> v_rollout.stage then
        return campaign_answer(v_campaign, 'refused',
                               case when v_campaign.state in ('completed', 'cancelled') then v_campaign.state::text
                                    when v_rollout.campaign_id is null then 'no rollout'
                                    when v_stage is null then 'stages ' || array_to_string(v_rollout.stages, ', ')
                                    else 'stage' end);
    end if;
    if v_stage <= v_rollout.stage or v_stage > cardinality(v_rollout.stages) then
        return campaign_answer(v_campaign, 'already', v_rollout.stages[v_rollout.stage]::text, null, v_rollout.since);
    end if;
    perform count_rollout(p_org, p_campaign);
    select * into v_rollout from campaign_rollouts where organization_id = p_org and campaign_id = p_campaign;
    update campaign_rollouts w
       set stage = v_stage, target = t.target, stage_people = t.target - w.released, since = v_now,
           began_at = clock_timestamp(), sent_before = k.sent, failed_before = k.failed, why = 'has just begun', until = null
      -- Many may have left since: nobody who was let go is counted out again.
      from (select greatest(v_rollout.released, rollout_target(v_rollout.people, v_rollout.stages[v_stage])) as target) t,
           (select coalesce(sum(c.sent), 0) as sent, coalesce(sum(c.failed), 0) as failed from campaign_counts c
             where c.organization_id = p_org and c.campaign_id = p_campaign) k
     where w.organization_id = p_org and w.campaign_id = p_campaign
    returning w.* into v_new;
    update campaigns set revision = revision + 1, changed_by = p_actor, updated_at = clock_timestamp()
     where organization_id = p_org and id = p_campaign returning * into v_campaign;
    perform record_decision(p_org, clock_timestamp(), p_actor, p_instance, 'widen rollout', 'campaign', p_campaign,
                            v_campaign.name, p_reason,
                            jsonb_build_object('percent', v_rollout.stages[v_rollout.stage], 'people', v_rollout.released),
                            jsonb_build_object('percent', v_new.stages[v_new.stage], 'people', v_new.target));
    perform let_next_go(p_org, p_campaign, v_now, 10000);
    return row ('done', v_campaign.revision, p_actor, v_now, v_campaign.name, v_new.stages[v_new.stage]::text,
                null)::change_answer;
end $$;
comment on function widen_rollout is 'Opens the next stage of a campaign''s rollout, with who, when and why.';

-- Whether nobody who was let go waits: whoever is queued is kept back.
create function nobody_is_let_go(p_org uuid, p_campaign uuid) returns boolean
    language sql stable
    set enable_seqscan = off
as $$
    select (select coalesce(sum(k.fresh), 0) = 0 from campaign_counts k
             where k.organization_id = p_org and k.campaign_id = p_campaign)
       and not exists (select from campaign_recipients r
                        where r.organization_id = p_org and r.campaign_id = p_campaign and r.due_at < not_let_go())
$$;

-- What is seen of the rollouts that go on: those of running campaigns whose last stage is not open or not let go in full.
create function look_at_rollouts(p_org uuid)
    returns table (campaign_id uuid, stage integer, is_last boolean, rollout jsonb, since timestamptz, people bigint,
                   owed bigint, is_done boolean, sent bigint, failed bigint, stops bigint)
    language sql stable
    set enable_seqscan = off set jit = off
as $$
    select c.id, w.stage, w.stage = cardinality(w.stages), c.conduct -> 'rollout',
           case when w.stage = 1 then c.started_at else w.since end,
           w.stage_people, w.target - w.released,
           k.sending = 0 and nobody_is_let_go(p_org, c.id),
           k.sent - w.sent_before, k.failed - w.failed_before,
           (select count(*) from inbound_messages i
             where i.organization_id = p_org and i.campaign_id = c.id and i.consent = 'stop' and i.received_at > w.began_at)
      from campaigns c
      join campaign_rollouts w on w.organization_id = p_org and w.campaign_id = c.id
     cross join lateral (select coalesce(sum(k.sent), 0)::bigint as sent, coalesce(sum(k.failed), 0)::bigint as failed,
                                coalesce(sum(k.sending), 0)::bigint as sending
                           from campaign_counts k where k.organization_id = p_org and k.campaign_id = c.id) k
     where c.organization_id = p_org and c.state = 'active' and c.conduct ? 'rollout'
       and (w.stage < cardinality(w.stages) or w.released < w.target)
$$;
create index campaigns_that_are_rolled_out on campaigns (organization_id) where conduct ? 'rollout';
