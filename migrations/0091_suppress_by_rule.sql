-- People whom nothing reaches, or who never answer: suppressed by the organisation's rules.

alter table organizations
    add column suppress_after_failures integer default 3,
    add column suppress_after_unanswered integer,
    add constraint people_are_suppressed_after_at_least_one_failure check (suppress_after_failures > 0),
    add constraint people_are_suppressed_after_at_least_one_unanswered_campaign check (suppress_after_unanswered > 0);
-- Three by default: each further message to a phone that is not on WhatsApp, or has blocked us, costs the number's
-- standing and reaches nobody; one or two may be the fault of a bad day.
comment on column organizations.suppress_after_failures is
    'Suppress whom so many campaigns, one after the other, could not reach for good; null: never.';
comment on column organizations.suppress_after_unanswered is
    'Suppress who was sent so many campaigns since the last word from there; null: never.';

-- Whom the rules ask to suppress now, at most p_most of each. What was before an opt-in does not count, nor before the
-- last thing that the person wrote. A test (0105) is no campaign: whoever gets many of them tests.
--
-- Who has too few for a rule is left out first, by one look at the campaigns: the keys of the others lead to the rest, and a
-- rule that is off reads nothing. Under policies the planner takes everybody for failed (see skip_reasons) and would read
-- the campaigns whole for that look too.
create function people_to_suppress(p_org uuid, p_patience interval, p_now timestamptz, p_most integer)
    returns table (phone text, reason text) language plpgsql stable
    set jit = off set enable_seqscan = off
as $$
#variable_conflict use_column
declare
    v_failures   integer;
    v_unanswered integer;
    v_before     timestamptz := coalesce(p_now, clock_timestamp()) - p_patience;
    v_phones     text[];
begin
    select suppress_after_failures, suppress_after_unanswered into v_failures, v_unanswered
      from organizations where id = p_org;
    if v_failures is not null then
        v_phones := array(select r.phone::text
                            from campaigns c
                            join campaign_recipients r on r.organization_id = p_org and r.campaign_id = c.id
                                                      and r.attention = 'failed'
                           where c.organization_id = p_org and not c.conduct ? 'test_of'
                           group by r.phone having count(*) >= v_failures);
        return query
        with failed as (
            select r.phone, r.updated_at, row_number() over (partition by r.phone order by r.updated_at desc) as nth
              from campaigns c
              join campaign_recipients r on r.organization_id = p_org and r.campaign_id = c.id
                                        and r.phone = any (v_phones) and r.attention = 'failed'
              join attempts t on t.organization_id = p_org and t.id = r.last_attempt_id
                             and t.class in ('recipient_invalid', 'recipient_blocked')
             where c.organization_id = p_org and v_phones <> '{}' and not c.conduct ? 'test_of'
        )
        select f.phone::text, format('%s campaigns could not reach this phone', v_failures)
          from failed f
          left join contacts k on k.organization_id = p_org and k.phone = f.phone
         where f.nth = v_failures
           and (k.consent is distinct from true or k.consent_at < f.updated_at)
           and not exists (select from suppressions s where s.organization_id = p_org and s.phone = f.phone)
           and not exists (select from inbound_messages i
                            where i.organization_id = p_org and i.phone = f.phone and i.received_at > f.updated_at)
           and not exists (select from campaigns c
                             join campaign_recipients r on r.organization_id = p_org and r.campaign_id = c.id
                              and r.phone = f.phone
                            where c.organization_id = p_org and r.state in ('delivered', 'read')
                              and r.updated_at > f.updated_at)
         limit p_most;
    end if;
    if v_unanswered is not null then
        v_phones := array(select r.phone::text
                            from campaigns c
                            join campaign_recipients r on r.organization_id = p_org and r.campaign_id = c.id
                                                      and r.state in ('accepted', 'delivered', 'read')
                                                      and r.updated_at < v_before
                           where c.organization_id = p_org and not c.conduct ? 'test_of'
                             and not exists (select from suppressions s
                                              where s.organization_id = p_org and s.phone = r.phone)
                           group by r.phone having count(*) >= v_unanswered);
        return query
        select r.phone::text, format('%s campaigns without an answer', v_unanswered)
          from campaigns c
          join campaign_recipients r on r.organization_id = p_org and r.campaign_id = c.id and r.phone = any (v_phones)
                                    and r.state in ('accepted', 'delivered', 'read') and r.updated_at < v_before
          left join contacts k on k.organization_id = p_org and k.phone = r.phone
         where c.organization_id = p_org and v_phones <> '{}' and not c.conduct ? 'test_of'
           and not exists (select from inbound_messages i
                            where i.organization_id = p_org and i.phone = r.phone and i.received_at >= r.updated_at)
           and (k.consent is distinct from true or k.consent_at < r.updated_at)
         group by r.phone having count(*) >= v_unanswered
         limit p_most;
    end if;
end $$;

-- Does it. Whoever is being written to at this moment is left to the next time.
create function suppress_by_rule(p_org uuid, p_patience interval, p_now timestamptz, p_most integer)
    returns bigint language plpgsql
as $$
declare
    v_phones  text[];
    v_reasons text[];
begin
    select array_agg(s.phone), array_agg(s.reason) into v_phones, v_reasons
      from (select distinct on (p.phone) p.phone, p.reason from people_to_suppress(p_org, p_patience, p_now, p_most) p
             order by p.phone, p.reason) s;
    if v_phones is null then
        return 0;
    end if;
    return cardinality(v_phones) - cardinality(opt_out_all(p_org, v_phones, v_reasons, 'rule', 'sender'));
end $$;
comment on function suppress_by_rule is 'Suppresses whom nothing reaches and who never answers, as the organisation has set it.';
