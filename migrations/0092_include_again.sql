-- People who were skipped, and are to be sent to after all because the reason has passed.

-- Queues up to p_most skipped people of a campaign again, if nothing stands against them any more: all of them, those of
-- one reason, or one phone. Answers how many, and how many of those looked at are still left out. Whoever opted out or is
-- suppressed, and whoever left the audience, stays skipped, because the audience is asked again.
create function include_again(
    p_org uuid, p_campaign uuid, p_reason text, p_phone text, p_variables text[], p_required jsonb, p_actor text,
    p_instance uuid, p_why text, out p_included bigint, out p_kept bigint
) language plpgsql
    set jit = off
as $$
declare
    v_campaign campaigns;
    v_now      timestamptz;
begin
    -- In line with claims and decisions, and with people who opt out.
    perform pg_advisory_xact_lock(decision_queue(p_org));
    select * into v_campaign from campaigns where organization_id = p_org and id = p_campaign for share;
    if v_campaign.state in ('completed', 'cancelled') then
        raise exception 'the campaign is %', v_campaign.state
            using errcode = 'check_violation', constraint = 'only_an_unfinished_campaign_takes_people_back';
    end if;
    perform 1 from campaign_recipients r
      where r.organization_id = p_org and r.campaign_id = p_campaign and r.attention = 'skipped'
        and (p_phone is null or r.phone = p_phone)
        and (p_reason is null or split_part(r.reason, ':', 1) = p_reason)
      order by r.id for update;
    v_now := clock_timestamp();
    with asked as materialized (
        select r.id, r.step, a.locale, a.reason, a.contact,
               exists (select from attempts t where t.organization_id = p_org and t.recipient_id = r.id
                          and t.step = r.step and (t.live or t.contradicted)) as is_taken
          from campaign_recipients r
          join audience_of(p_org, p_campaign, v_campaign.audience, p_required, v_now, null, p_phone) a
            on a.phone = r.phone
         where r.organization_id = p_org and r.campaign_id = p_campaign and r.attention = 'skipped'
           and (p_phone is null or r.phone = p_phone)
           and (p_reason is null or split_part(r.reason, ':', 1) = p_reason)
    ), back as (
        update campaign_recipients r
           set state = 'queued', attention = null, reason = null, tries = 0,
               -- Whoever a rollout has not come to yet waits for that.
               due_at = case when exists (select from campaign_rollouts w
                                           where w.organization_id = p_org and w.campaign_id = p_campaign
                                             and w.stage < cardinality(w.stages) and r.id > w.released_to)
                             then not_let_go() else v_now end,
               is_kept = keeper_of(p_org, r.last_attempt_id, r.is_kept) is not null,
               bound_number_id = coalesce(keeper_of(p_org, r.last_attempt_id, r.is_kept), r.sticky_number_id),
               updated_at = v_now
          from asked a
         where r.organization_id = p_org and r.campaign_id = p_campaign and r.id = a.id
           and a.reason is null and not a.is_taken
        returning r.id, r.due_at
    ), frozen as (
        insert into recipient_parameters (organization_id, campaign_id, recipient_id, locale, parameters)
        select p_org, p_campaign, a.id, a.locale,
               coalesce(jsonb_strip_nulls((select jsonb_object_agg(v, value_of(a.contact, v))
                                             from unnest(p_variables) v)), '{}')
          from asked a join back b on b.id = a.id
        on conflict on constraint recipient_parameters_key do nothing
    ), kept_back as (
        -- Whom the rollout has not come to yet is one of its people: its later stages count on them.
        update campaign_rollouts w set people = w.people + h.people
          from (select count(*) as people from back b where b.due_at = not_let_go()) h
         where w.organization_id = p_org and w.campaign_id = p_campaign and h.people > 0
    )
    select (select count(*) from back), (select count(*) from asked) - (select count(*) from back)
      into p_included, p_kept;
    -- As at enrolment: who has left since stays out, and who needs a slot gets one.
    perform settle_enrolled(p_org, p_campaign, p_variables, v_now);
    perform record_decision(p_org, v_now, p_actor, p_instance, 'include again', 'campaign', p_campaign, v_campaign.name,
                            p_why, jsonb_build_object('reason', p_reason, 'phone', p_phone),
                            jsonb_build_object('included', p_included, 'kept', p_kept));
end $$;
comment on function include_again is 'Queues skipped people again whose reason has passed; never one who opted out.';
