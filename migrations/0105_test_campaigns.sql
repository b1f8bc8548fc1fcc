-- A step sent to one chosen phone, to look at it there: a campaign of its own with one recipient, so that it passes every
-- gate, counts in every limit and is sent once like any other message. Its name and conduct say that it is a test.

create function test_step(
    p_org uuid, p_id uuid, p_recipient uuid, p_campaign uuid, p_step smallint, p_variant text, p_phone text,
    p_as text, p_variables text[], p_required jsonb, p_actor text, p_instance uuid
) returns change_answer language plpgsql as $$
declare
    v_of      campaigns;
    v_new     campaigns;
    v_as      contacts;
    v_locale  text;
    v_first   integer;
    v_name    text;
    v_missing text;
    v_now     timestamptz := clock_timestamp();
begin
    select * into v_of from campaigns where organization_id = p_org and id = p_campaign for share;
    if not found then
        return row ('missing', null, null, null, null, null, null)::change_answer;
    end if;
    if not exists (select from campaign_steps where organization_id = p_org and campaign_id = p_campaign
                      and step = p_step) then
        return row ('refused', null, null, v_now, v_of.name, 'step', null)::change_answer;
    end if;
    if p_variant is not null and not exists (
           select from campaign_steps s cross join sayings(s) v
            where s.organization_id = p_org and s.campaign_id = p_campaign and s.step = p_step and v.name = p_variant) then
        return row ('refused', null, null, v_now, v_of.name, 'variant', null)::change_answer;
    end if;
    if exists (select from suppressions s where s.organization_id = p_org and s.phone = p_phone) then
        return row ('refused', null, null, v_now, p_phone, 'opted_out', null)::change_answer;
    end if;
    select * into v_as from contacts where organization_id = p_org and phone = coalesce(p_as, p_phone);
    if v_as.id is null and p_as is not null then
        return row ('refused', null, null, v_now, p_as, 'contact', null)::change_answer;
    end if;
    -- A text with a hole is sent to nobody (0021).
    v_missing := first_missing(v_as.name, v_as.referrer_name, v_as.attributes, texts_of(
        p_required -> case when p_required ? v_as.locale then v_as.locale else '' end));
    if v_missing is not null then
        return row ('refused', null, null, v_now, coalesce(p_as, p_phone), v_missing, null)::change_answer;
    end if;
    select default_locale, slot_first into v_locale, v_first from organizations where id = p_org;
    select format('%s.test.%s', left(v_of.name, 50), count(*) + 1) into v_name from campaigns
      where organization_id = p_org and conduct ->> 'test_of' = p_campaign::text;
    insert into campaigns (organization_id, id, name, state, priority, weight, pool_id, failover, source, started_at,
                           created_by, changed_by, conduct)
    values (p_org, p_id, v_name, 'active', 0, 1, v_of.pool_id, v_of.failover, v_of.source, v_now, p_actor, p_actor,
            jsonb_build_object('test_of', p_campaign))
    returning * into v_new;
    insert into campaign_steps (organization_id, campaign_id, step, after_seconds, texts, template, media)
    select p_org, p_id, 1, 0, v.said -> 'texts', nullif(v.said -> 'template', 'null'), nullif(v.said -> 'media', 'null')
      from campaign_steps s
     cross join sayings(s) v
     where s.organization_id = p_org and s.campaign_id = p_campaign and s.step = p_step and coalesce(v.name = p_variant, v.place = 1);
    insert into campaign_recipients (organization_id, campaign_id, id, contact_id, phone, updated_at)
    values (p_org, p_id, p_recipient, coalesce(v_as.id, new_uuid()), p_phone, v_now);
    insert into recipient_parameters (organization_id, campaign_id, recipient_id, locale, parameters)
    select p_org, p_id, p_recipient, coalesce(v_as.locale, v_locale),
           coalesce(jsonb_object_agg(v.name, v.value) filter (where v.value is not null), '{}')
      from (select n as name, case n when 'campaign_number' then coalesce(
                       (select s.slot from contact_slots s where s.organization_id = p_org and s.contact_id = v_as.id
                           and s.scope_id = slot_scope(p_org, p_campaign)), v_first)::text
                   else value_of(v_as, n) end as value
              from unnest(p_variables) n) v;
    perform record_decision(p_org, v_now, p_actor, p_instance, 'start test', 'campaign', p_id, v_name,
                            format('step %s of %s to %s', p_step, v_of.name, masked(p_phone)), null, to_jsonb(v_new));
    return row ('done', v_new.revision, p_actor, v_now, v_name, v_name, jsonb_build_object('name', v_name))::change_answer;
end $$;
comment on function test_step is 'Sends one step to one chosen phone, as a campaign of its own that is marked as a test.';
