-- From an audience to recipients.

-- What a variable of a text stands for.
create function value_of(p_contact contacts, p_variable text) returns text
    language sql immutable parallel safe
    return case p_variable when 'name' then p_contact.name when 'referrer_name' then p_contact.referrer_name
                           when 'day' then '1' when 'campaign_number' then null else p_contact.attributes ->> p_variable end;

-- Everybody in an audience, with the locale of the text they would get and the one reason why they would get none.
--
-- p_required says which variables somebody must have: locale to list of names, '' for everybody else. A variable with a
-- fallback in every text is not in it.
create function audience_of(p_org uuid, p_audience jsonb, p_default_locale text, p_required jsonb)
    returns table (contact_id uuid, phone text, locale text, reason text, contact contacts)
    language sql stable
as $$
    with asked as materialized (
        select array(select jsonb_array_elements_text(p_audience -> 'countries')) as countries,
               array(select jsonb_array_elements_text(p_audience -> 'tags')) as tags,
               array(select jsonb_array_elements_text(p_audience -> 'phones')) as phones,
               coalesce(p_audience -> 'attributes', '{}') as attributes
    )
    select c.id, c.phone::text, coalesce(c.locale, p_default_locale),
           case when s.since is not null then 'opted_out'
                when c.consent is false then 'no_consent'
                else (select 'missing_variable: ' || v.name
                        from jsonb_array_elements_text(
                                 coalesce(p_required -> c.locale, p_required -> '')) with ordinality as v (name, place)
                       where nullif(btrim(value_of(c, v.name)), '') is null
                       order by v.place limit 1)
           end,
           c
      from asked a
      join contacts c on c.organization_id = p_org
      left join suppressions s on s.organization_id = p_org and s.phone = c.phone
     where (a.countries = '{}' or c.country = any (a.countries))
       and (a.tags = '{}' or c.tags && a.tags)
       and (a.phones = '{}' or c.phone::text = any (a.phones))
       and (a.attributes = '{}' or not exists (
               select from jsonb_each(a.attributes) as w (key, wanted)
                where not coalesce(w.wanted ? (c.attributes ->> w.key), false)))
$$;

-- Enrols the audience of a campaign that has nobody yet: one row each, in the order of the contacts, those who get nothing
-- with their reason. Parameters are frozen now, so that a resume says what the first pass would have said.
create function enrol(p_org uuid, p_campaign uuid, p_variables text[], p_required jsonb) returns bigint
    language plpgsql
    set jit = off
as $$
declare
    v_campaign campaigns;
    v_locale   text;
    v_after    bigint;
    v_now      timestamptz;
    v_salt     integer := (random() * 4095)::integer;
    v_enrolled bigint;
begin
    select * into v_campaign from campaigns where organization_id = p_org and id = p_campaign for update;
    if not found or exists (select from campaign_recipients where organization_id = p_org and campaign_id = p_campaign) then
        return 0;
    end if;
    v_now := clock_timestamp();
    select default_locale into v_locale from organizations where id = p_org;
    select after_seconds into v_after from campaign_steps
      where organization_id = p_org and campaign_id = p_campaign and step = 1;
    with person as materialized (
        select a.contact_id, a.phone, a.locale, a.reason,
               case when a.reason is null and cardinality(p_variables) > 0 then
                   (select coalesce(jsonb_object_agg(v, value_of(a.contact, v)), '{}') from unnest(p_variables) v
                     where value_of(a.contact, v) is not null)
               else '{}' end as parameters,
               ordered_uuid((extract(epoch from v_now) * 1000)::bigint, v_salt,
                            row_number() over (order by a.contact_id)) as id
          from audience_of(p_org, v_campaign.audience, v_locale, p_required) a
    ), enrolled as (
        insert into campaign_recipients (organization_id, campaign_id, id, contact_id, phone, state, attention, reason,
                                         due_at, updated_at)
        select p_org, p_campaign, p.id, p.contact_id, p.phone,
               case when p.reason is null then 'queued' else 'skipped' end::recipient_state,
               case when p.reason is not null then 'skipped'::recipient_state end, p.reason,
               case when p.reason is null and v_after > 0 then v_now + make_interval(secs => v_after) end, v_now
          from person p order by p.id
        returning 1
    ), frozen as (
        insert into recipient_parameters (organization_id, campaign_id, recipient_id, locale, parameters)
        select p_org, p_campaign, p.id, p.locale, p.parameters from person p where p.reason is null order by p.id
    )
    select count(*) into v_enrolled from enrolled;
    perform settle_enrolled(p_org, p_campaign, p_variables, v_now);
    return v_enrolled;
end $$;
comment on function enrol is 'Enrols a campaign''s audience in one statement; a campaign that has recipients is left alone.';

-- A campaign, its steps and its recipients, or nothing.
create function create_campaign(
    p_org uuid, p_id uuid, p_actor text, p_instance uuid, p_campaign jsonb, p_after_seconds bigint[], p_texts jsonb[],
    p_templates jsonb[], p_media jsonb[], p_variables text[], p_required jsonb
) returns bigint language plpgsql as $$
declare
    v_new      campaigns;
    v_enrolled bigint;
begin
    insert into campaigns (organization_id, id, name, state, priority, weight, pool_id, daily_limit, starts_at, failover,
                           audience, source, created_by, changed_by, conduct)
    select p_org, p_id, c.name, case when c.starts_at is null then 'draft' else 'scheduled' end::campaign_state,
           c.priority, 1, c.pool_id, c.daily_limit, c.starts_at, c.failover, c.audience, c.source, p_actor, p_actor,
           coalesce(c.conduct, '{}')
      from jsonb_populate_record(null::campaigns, p_campaign) c
    returning * into v_new;
    insert into campaign_steps (organization_id, campaign_id, step, after_seconds, texts, template, media)
    select p_org, p_id, s.step, s.after_seconds, s.texts, s.template, s.media
      from unnest(p_after_seconds, p_texts, p_templates, p_media) with ordinality
        as s (after_seconds, texts, template, media, step);
    v_enrolled := enrol(p_org, p_id, p_variables, p_required);
    perform record_decision(p_org, clock_timestamp(), p_actor, p_instance, 'create campaign', 'campaign', p_id, v_new.name,
                            format('%s enrolled', v_enrolled), null, to_jsonb(v_new));
    return v_enrolled;
end $$;

-- From now on nothing is sent to this person, in any campaign of the organisation.
--
-- Every row of the person that may still change is locked first, those on the wire too: an outcome that would queue one
-- of them again waits here and then sees the suppression. Only then is its time read.
create function opt_out(
    p_org uuid, p_phone text, p_source text, p_reason text, p_actor text, p_instance uuid
) returns change_answer language plpgsql as $$
declare
    v_now     timestamptz;
    v_skipped integer;
    v_known   suppressions;
    v_contact uuid;
begin
    perform 1 from campaigns c
      join campaign_recipients r on r.organization_id = c.organization_id and r.campaign_id = c.id
       and r.phone = p_phone
     where c.organization_id = p_org and c.state not in ('completed', 'cancelled')
     order by r.campaign_id for update of r;
    update campaign_recipients r
       set state = 'skipped', attention = 'skipped', reason = 'opted_out', due_at = null, bound_number_id = null,
           updated_at = clock_timestamp()
      from campaigns c
     where c.organization_id = p_org and r.organization_id = p_org and r.campaign_id = c.id
       and r.phone = p_phone and r.state = 'queued';
    get diagnostics v_skipped = row_count;
    -- Answers that wait end with it; those on the wire are locked, as rows of campaigns are.
    perform 1 from replies y
      where y.organization_id = p_org and y.phone = p_phone and y.kind = 'operator'
        and y.state in ('queued', 'sending', 'in_doubt')
      order by y.id for update;
    update replies y
       set state = 'skipped', reason = 'opted_out', due_at = null, updated_at = clock_timestamp()
     where y.organization_id = p_org and y.phone = p_phone and y.kind = 'operator' and y.state = 'queued';
    v_now := clock_timestamp();
    insert into suppressions (organization_id, phone, since, source, reason)
    values (p_org, p_phone, v_now, p_source, coalesce(nullif(btrim(p_reason), ''), 'no reason given'))
    on conflict on constraint suppressions_key do nothing;
    if not found then
        select * into v_known from suppressions where organization_id = p_org and phone = p_phone;
        return row ('already', null, v_known.source, v_known.since, p_phone, 'opted out', null)::change_answer;
    end if;
    update contacts set consent = false, consent_method = p_source, consent_at = v_now, updated_at = v_now
      where organization_id = p_org and phone = p_phone
    returning id into v_contact;
    perform record_decision(p_org, v_now, p_actor, p_instance, 'opt out', 'contact', coalesce(v_contact, new_uuid()),
                            p_phone, p_reason, null,
                            jsonb_build_object('opted_out', true, 'recipients_skipped', v_skipped));
    return row ('done', null, p_actor, v_now, p_phone, v_skipped::text, null)::change_answer;
end $$;
comment on function opt_out is 'Suppresses a phone: first ends what is queued for it, then stamps the suppression.';

-- The same, for opt-outs that nobody typed: replies and providers' answers.
create or replace function suppress(p_org uuid, p_phone text, p_source text, p_reason text) returns void language sql as $$
    select opt_out(p_org, p_phone, p_source, p_reason, 'sender', null)
$$;

-- The person may be written to again. What was skipped meanwhile stays skipped.
create function opt_in(
    p_org uuid, p_phone text, p_source text, p_reason text, p_actor text, p_instance uuid
) returns change_answer language plpgsql as $$
declare
    v_now     timestamptz := clock_timestamp();
    v_lifted  boolean;
    v_contact contacts;
begin
    delete from suppressions where organization_id = p_org and phone = p_phone;
    v_lifted := found;
    select * into v_contact from contacts where organization_id = p_org and phone = p_phone for update;
    if v_contact.id is null and not v_lifted then
        return row ('missing', null, null, null, p_phone, null, null)::change_answer;
    end if;
    if not v_lifted and v_contact.consent then
        return row ('already', null, coalesce(v_contact.consent_method, 'import'), v_contact.consent_at, p_phone,
                    'opted in', null)::change_answer;
    end if;
    update contacts set consent = true, consent_method = p_source, consent_at = v_now, updated_at = v_now
      where organization_id = p_org and id = v_contact.id;
    perform record_decision(p_org, v_now, p_actor, p_instance, 'opt in', 'contact',
                            coalesce(v_contact.id, new_uuid()), p_phone, p_reason,
                            jsonb_build_object('opted_out', v_lifted), jsonb_build_object('opted_out', false));
    return row ('done', null, p_actor, v_now, p_phone, null, null)::change_answer;
end $$;
