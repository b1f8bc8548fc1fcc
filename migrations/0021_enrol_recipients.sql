-- From an audience to recipients.

-- What a variable of a text stands for.
create function value_among(p_name text, p_referrer_name text, p_attributes jsonb, p_variable text) returns text
    language sql immutable parallel safe
    return case p_variable when 'name' then p_name when 'referrer_name' then p_referrer_name
                           when 'day' then '1' when 'campaign_number' then null else p_attributes ->> p_variable end;

create function value_of(p_contact contacts, p_variable text) returns text
    language sql immutable parallel safe
    return value_among(p_contact.name, p_contact.referrer_name, p_contact.attributes, p_variable);

-- Up to which attempt the ledger has been read for contacts.last_campaign_sent_at.
create table send_marks (
    organization_id uuid
        constraint send_mark_belongs_to_an_organization references organizations (id) on delete cascade,
    last_read       uuid not null default '00000000-0000-0000-0000-000000000000',
    constraint send_marks_key primary key (organization_id)
);
comment on table send_marks is 'Attempts up to last_read are in contacts.last_campaign_sent_at; later ones only in the ledger.';
comment on column contacts.last_campaign_sent_at is
    'When a campaign last sent to the person, a few minutes behind; what is in doubt counts, because it may have arrived.';

-- When campaigns sent to people since the mark, by phone: what contacts.last_campaign_sent_at does not have yet.
create function sent_since_mark(p_org uuid, p_since timestamptz) returns table (phone text, at timestamptz)
    language sql stable parallel safe
as $$
    select r.phone::text, max(t.started_at)
      from attempts t
      join campaign_recipients r on r.organization_id = p_org and r.campaign_id = t.campaign_id and r.id = t.recipient_id
     where t.organization_id = p_org and t.started_at > p_since
       and t.id > coalesce((select m.last_read from send_marks m where m.organization_id = p_org),
                           '00000000-0000-0000-0000-000000000000')
       and t.state in ('sending', 'accepted', 'in_doubt', 'undelivered')
     group by r.phone::text
$$;

-- Takes up to p_most attempts that are older than p_lag into contacts.last_campaign_sent_at, and answers how many those
-- were. A set at a time and behind the senders: a message costs nothing more on its way. The lag leaves room for clocks
-- that differ, because the ids of attempts carry the time of the instance that made them.
create function keep_last_sends(p_org uuid, p_most integer, p_lag interval) returns bigint language plpgsql as $$
declare
    v_from uuid;
    v_last uuid;
    v_read bigint;
begin
    insert into send_marks (organization_id) values (p_org) on conflict on constraint send_marks_key do nothing;
    select last_read into v_from from send_marks where organization_id = p_org for update;
    with read as materialized (
        select t.id, t.campaign_id, t.recipient_id, t.state, t.started_at from attempts t
         where t.organization_id = p_org and t.id > v_from and t.id < id_at(clock_timestamp() - p_lag)
         order by t.id limit p_most
    ), sent as (
        select r.phone, max(d.started_at) as at
          from read d
          join campaign_recipients r on r.organization_id = p_org and r.campaign_id = d.campaign_id
                                    and r.id = d.recipient_id
         where d.state in ('sending', 'accepted', 'in_doubt', 'undelivered') group by r.phone
    ), kept as (
        update contacts c set last_campaign_sent_at = s.at from sent s
         where c.organization_id = p_org and c.phone = s.phone
           and (c.last_campaign_sent_at is null or c.last_campaign_sent_at < s.at)
    )
    select count(*), (array_agg(d.id order by d.id desc))[1] into v_read, v_last from read d;
    update send_marks set last_read = v_last where organization_id = p_org and v_last is not null;
    return v_read;
end $$;

-- Whether this is why somebody is not in an audience, and not why somebody in it gets nothing.
create function is_outside(p_reason text) returns boolean
    language sql immutable parallel safe
    return coalesce(p_reason in ('not_hand_picked', 'other_country', 'other_gender', 'other_profession', 'other_age',
                                 'other_registration', 'lacks_tag', 'lacks_attribute', 'attribute_differs'), false);

-- What stands in an audience, for comparison: where the audience is known when a statement is planned, so are these, and what
-- it does not ask for is left out of the plan.
create function texts_of(p_list jsonb) returns text[]
    language sql immutable parallel safe
    return array(select jsonb_array_elements_text(case when jsonb_typeof(p_list) = 'array' then p_list else '[]' end));

create function wanted_attribute(p_audience jsonb, p_nth integer) returns text
    language sql immutable parallel safe
    return (select k from jsonb_object_keys(coalesce(p_audience -> 'attributes', '{}')) k
             order by k collate "C" offset p_nth - 1 limit 1);

create function against_attributes(p_wanted jsonb, p_attributes jsonb) returns text
    language sql immutable parallel safe
    return (select case when p_attributes ->> w.key is null then 'lacks_attribute' else 'attribute_differs' end
              from jsonb_each(p_wanted) as w (key, wanted)
             where not coalesce(w.wanted ? (p_attributes ->> w.key), false)
             order by w.key collate "C" limit 1);

create function first_missing(p_name text, p_referrer_name text, p_attributes jsonb, p_names text[]) returns text
    language sql immutable parallel safe
    return (select 'missing_variable: ' || v.name from unnest(p_names) with ordinality as v (name, place)
             where nullif(btrim(value_among(p_name, p_referrer_name, p_attributes, v.name)), '') is null
             order by v.place limit 1);

-- Every contact, those behind p_after and up to p_to, or those of p_phones, with the locale of the text they would get and
-- the one reason why they would get none: the first condition of the audience that does not hold, or else the first reason
-- against somebody who is in it.
--
-- p_required says which variables somebody must have: locale to list of names, '' for everybody else. A variable with a
-- fallback in every text is not in it. p_last is the last contact within the audience's limit (last_within_limit), null
-- where there is none; p_campaign the campaign that asks, if it exists. Dates are those of the organisation's zone, p_zone.
--
-- What a condition needs beside the contact is joined only where the audience has the condition: the planner sees that the
-- rest is not asked for. Nothing here keeps workers from sharing the contacts among them: neither a query for each row, nor
-- one whose answer would have to be told to them. The offset, which to be told from a limit must be the constant itself,
-- keeps the columns from being worked out wherever they are named.
create function audience_among(
    p_org uuid, p_zone text, p_locale text, p_campaign uuid, p_audience jsonb, p_required jsonb, p_now timestamptz,
    p_last uuid, p_phones text[] default null, p_after uuid default null, p_to uuid default null
) returns table (contact_id uuid, phone text, locale text, reason text, contact contacts)
    language sql stable parallel safe
as $$
    select c.id, c.phone::text, coalesce(c.locale, p_locale),
           coalesce(
               case when coalesce(jsonb_array_length(p_audience -> 'phones') > 0, false) and h.phone is null
                        then 'not_hand_picked'
                    when texts_of(p_audience -> 'countries') <> '{}'
                        and not coalesce(c.country = any (texts_of(p_audience -> 'countries')), false)
                        then 'other_country'
                    when p_audience ->> 'gender' is not null
                        and not coalesce(case p_audience ->> 'gender'
                                             when 'other' then c.gender not in ('female', 'male')
                                             else c.gender = p_audience ->> 'gender' end, false) then 'other_gender'
                    when texts_of(p_audience -> 'professions') <> '{}'
                        and not coalesce(c.profession = any (texts_of(p_audience -> 'professions')), false)
                        then 'other_profession'
                    -- Somebody is n years old from the n-th birthday on.
                    when p_audience ->> 'age' is not null
                        and not coalesce(
                            c.birth_date <= coalesce(((p_now at time zone p_zone)::date
                                - make_interval(years => (p_audience #>> '{age,min}')::integer))::date,
                                                     (p_now at time zone p_zone)::date)
                            and c.birth_date > coalesce(((p_now at time zone p_zone)::date
                                - make_interval(years => (p_audience #>> '{age,max}')::integer + 1))::date, '-infinity'),
                            false) then 'other_age'
                    when p_audience ->> 'registered' is not null
                        and not coalesce((c.registered_at at time zone p_zone)::date
                                         between coalesce((p_audience #>> '{registered,from}')::date, '-infinity')
                                             and coalesce((p_audience #>> '{registered,to}')::date, 'infinity'), false)
                        then 'other_registration'
                    when texts_of(p_audience -> 'tags') <> '{}' and not c.tags && texts_of(p_audience -> 'tags')
                        then 'lacks_tag' end,
               -- Most audiences ask for an attribute or two, and most texts for a few names: those are looked at by their
               -- columns, so that nothing is called for each row.
               case when wanted_attribute(p_audience, 1) is null then null
                    when c.attributes ->> wanted_attribute(p_audience, 1) is null then 'lacks_attribute'
                    when not p_audience -> 'attributes' -> wanted_attribute(p_audience, 1)
                             ? (c.attributes ->> wanted_attribute(p_audience, 1)) then 'attribute_differs'
                    when wanted_attribute(p_audience, 2) is null then null
                    when c.attributes ->> wanted_attribute(p_audience, 2) is null then 'lacks_attribute'
                    when not p_audience -> 'attributes' -> wanted_attribute(p_audience, 2)
                             ? (c.attributes ->> wanted_attribute(p_audience, 2)) then 'attribute_differs'
                    when wanted_attribute(p_audience, 3) is not null
                        then against_attributes(p_audience -> 'attributes', c.attributes) end,
               case when c.id > p_last then 'over_limit'
                    when s.source = 'rule' then 'suppressed'
                    when s.since is not null then 'opted_out'
                    when c.consent is false
                        or coalesce(p_audience ->> 'consent' = 'opted_in', false) and c.consent is null
                        then 'no_consent' end,
               case when w.names = '{}' then null
                    when nullif(btrim(value_among(c.name, c.referrer_name, c.attributes, w.names[1])), '') is null
                        then 'missing_variable: ' || w.names[1]
                    when cardinality(w.names) = 1 then null
                    when nullif(btrim(value_among(c.name, c.referrer_name, c.attributes, w.names[2])), '') is null
                        then 'missing_variable: ' || w.names[2]
                    when cardinality(w.names) = 2 then null
                    when nullif(btrim(value_among(c.name, c.referrer_name, c.attributes, w.names[3])), '') is null
                        then 'missing_variable: ' || w.names[3]
                    when cardinality(w.names) = 3 then null
                    when nullif(btrim(value_among(c.name, c.referrer_name, c.attributes, w.names[4])), '') is null
                        then 'missing_variable: ' || w.names[4]
                    when cardinality(w.names) > 4
                        then first_missing(c.name, c.referrer_name, c.attributes, w.names) end,
               case when coalesce((p_audience ->> 'exclude_active')::boolean, false) and b.phone is not null
                        then 'active_elsewhere'
                    when p_audience ->> 'not_contacted_for' is not null
                        and greatest(c.last_campaign_sent_at, l.at) > p_now - make_interval(
                            secs => extract(epoch from (p_audience ->> 'not_contacted_for')::interval)::float8)
                        then 'contacted_lately' end),
           c
      from contacts c
      left join suppressions s on s.organization_id = p_org and s.phone = c.phone
      left join (select distinct on (n.locale) n.locale, texts_of(n.names) as names
                   from jsonb_each(p_required) as n (locale, names)) q
             on q.locale = case when p_required ? c.locale then c.locale else '' end
      -- What all languages ask for is known beforehand.
     cross join lateral (select case when p_required - '' = '{}' then texts_of(p_required -> '')
                                     else q.names end as names) w
      left join (select distinct p.phone from jsonb_array_elements_text(p_audience -> 'phones') as p (phone)) h
             on h.phone = c.phone
      left join (select distinct r.phone::text as phone
                   from campaigns g
                   join campaign_recipients r on r.organization_id = p_org and r.campaign_id = g.id
                  where (p_audience ->> 'exclude_active')::boolean and g.organization_id = p_org
                    and g.id is distinct from p_campaign and g.state not in ('completed', 'cancelled')
                    and r.state in ('queued', 'sending', 'in_doubt')
                    and (p_phones is null or r.phone = any (p_phones))) b
             on b.phone = c.phone
      left join (select n.phone, n.at
                   from sent_since_mark(p_org, p_now - make_interval(
                            secs => extract(epoch from (p_audience ->> 'not_contacted_for')::interval)::float8)) n
                  where p_audience ->> 'not_contacted_for' is not null) l
             on l.phone = c.phone
     where c.organization_id = p_org and (p_phones is null or c.phone = any (p_phones))
       and (p_after is null or c.id > p_after) and (p_to is null or c.id <= p_to)
    offset bigint '0'
$$;

-- The same, by the organisation's own zone and language.
create function audience_of(
    p_org uuid, p_campaign uuid, p_audience jsonb, p_required jsonb, p_now timestamptz, p_last uuid,
    p_phones text[] default null, p_after uuid default null, p_to uuid default null
) returns table (contact_id uuid, phone text, locale text, reason text, contact contacts)
    language sql stable parallel safe
as $$
    select a.contact_id, a.phone, a.locale, a.reason, a.contact
      from organizations o
     cross join lateral audience_among(o.id, o.time_zone, o.default_locale, p_campaign, p_audience, p_required, p_now, p_last,
                                       p_phones, p_after, p_to) a
     where o.id = p_org
$$;

-- The last contact whom an audience with a limit takes: those behind it get nothing. Null: no limit, or not that many. It
-- walks in growing pieces: a small limit is reached after a few contacts, however many there are.
create function last_within_limit(p_org uuid, p_campaign uuid, p_audience jsonb, p_required jsonb, p_now timestamptz)
    returns uuid language plpgsql stable
    set jit = off set plan_cache_mode = force_custom_plan
as $$
declare
    v_limit  bigint := (p_audience ->> 'limit')::bigint;
    v_zone   text;
    v_locale text;
    v_left   bigint := greatest(v_limit, 1);
    v_piece  bigint := 20000;
    v_from   uuid := '00000000-0000-0000-0000-000000000000';
    v_to     uuid;
    v_many   bigint;
begin
    if v_limit is null then
        return null;
    end if;
    select time_zone, default_locale into v_zone, v_locale from organizations where id = p_org;
    loop
        select k.id into v_to from contacts k
         where k.organization_id = p_org and k.id > v_from order by k.id offset v_piece - 1 limit 1;
        v_to := coalesce(v_to, 'ffffffff-ffff-ffff-ffff-ffffffffffff');
        select count(*) into v_many
          from audience_among(p_org, v_zone, v_locale, p_campaign, p_audience, p_required, p_now, null, null, v_from, v_to) a
         where a.reason is null;
        exit when v_many >= v_left or v_to = 'ffffffff-ffff-ffff-ffff-ffffffffffff';
        v_left := v_left - v_many;
        v_from := v_to;
        v_piece := v_piece * 10;
    end loop;
    return (select a.contact_id
              from audience_among(p_org, v_zone, v_locale, p_campaign, p_audience, p_required, p_now, null, null, v_from,
                                  v_to) a
             where v_many >= v_left and a.reason is null
             order by a.contact_id offset v_left - 1 limit 1);
end $$;

-- How many contacts an audience takes, and how many it does not, by reason; null is who would be sent to.
create function estimate_audience(p_org uuid, p_campaign uuid, p_audience jsonb, p_required jsonb, p_now timestamptz)
    returns table (reason text, is_outside boolean, people bigint)
    language plpgsql stable
    set jit = off set plan_cache_mode = force_custom_plan
as $$
declare
    v_last   uuid := last_within_limit(p_org, p_campaign, p_audience, p_required, p_now);
    v_zone   text;
    v_locale text;
begin
    select time_zone, default_locale into v_zone, v_locale from organizations where id = p_org;
    return query select e.reason, is_outside(e.reason), e.people
                   from (select a.reason, count(*) as people
                           from audience_among(p_org, v_zone, v_locale, p_campaign, p_audience, p_required, p_now, v_last) a
                          group by a.reason) e;
end $$;
comment on function estimate_audience is 'Counts every contact once: sent to (null), left out by a reason, or outside the audience.';

-- Enrols the audience of a campaign that has nobody yet: one row each, in the order of the contacts, those who get nothing
-- with their reason. Parameters are frozen now, so that a resume says what the first pass would have said.
--
-- With p_most it goes so many contacts ahead in one call and remembers where it stands (campaign_enrolments, 0133), so that
-- it can be seen, interrupted and gone on with: nobody is skipped or enrolled twice, and the campaign cannot start before
-- all are in.
--
-- A standing campaign enrols as often as it is asked: up to p_most people who registered long enough ago and are not in it.
-- Who may not be sent to is not enrolled: the reason may pass, and then the next call takes the person.
create function enrol(
    p_org uuid, p_campaign uuid, p_variables text[], p_required jsonb, p_now timestamptz default null,
    p_most bigint default null
) returns bigint
    language plpgsql
    set jit = off set work_mem = '64MB' set plan_cache_mode = force_custom_plan
as $$
declare
    v_campaign campaigns;
    v_after    bigint;
    v_now      timestamptz;
    v_ripe     timestamptz;
    v_last     uuid;
    v_ms       bigint;
    v_salt     integer := (random() * 16777215)::integer;
    v_enrolled bigint;
    v_org_zone text;
    v_zones    jsonb;
    -- Of a campaign that is rolled out people are let go stage by stage (0132).
    v_kept_back boolean;
    v_begun     record;
    v_from      uuid := '00000000-0000-0000-0000-000000000000';
    v_to        uuid;
    v_before    bigint := 0;
    v_is_last   boolean := true;
    -- What ends it for somebody; a standing campaign's people are looked at afterwards, with those of its call before (0101).
    v_exit      jsonb;
    v_exit_keys text[];
    v_slots     boolean;
begin
    -- One at a time, and without the row's lock: claims of a standing campaign go on meanwhile.
    perform pg_advisory_xact_lock(hashtextextended('enrol ' || p_campaign, 0));
    select * into v_campaign from campaigns where organization_id = p_org and id = p_campaign;
    if not found then
        return 0;
    end if;
    v_ms := (extract(epoch from clock_timestamp()) * 1000)::bigint;
    v_now := coalesce(p_now, clock_timestamp());
    -- A standing campaign never has a row here: it goes on for as long as it runs.
    select * into v_begun from campaign_enrolments where organization_id = p_org and campaign_id = p_campaign for update;
    if v_campaign.standing is null then
        if v_begun.campaign_id is null and exists (
               select from campaign_recipients where organization_id = p_org and campaign_id = p_campaign) then
            return 0;
        end if;
        if v_campaign.state in ('completed', 'cancelled') then
            delete from campaign_enrolments where organization_id = p_org and campaign_id = p_campaign;
            return 0;
        end if;
        if v_begun.campaign_id is not null then
            -- The later pieces ask as of when the first one did, and their ids go on behind its.
            v_now := v_begun.began_at;
            v_ms := v_begun.ms;
            v_salt := v_begun.salt;
            v_from := v_begun.looked_to;
            v_before := v_begun.enrolled;
        end if;
        if p_most is not null then
            select k.id into v_to from contacts k
             where k.organization_id = p_org and k.id > v_from order by k.id offset p_most - 1 limit 1;
            v_is_last := not found;
        end if;
    end if;
    if v_begun.campaign_id is null and v_campaign.conduct #> '{exit,attributes}' is not null then
        -- Everybody is looked at as they are from now on (0101).
        insert into looks_ahead (organization_id, campaign_id, looked_at, seen_before)
        values (p_org, p_campaign, clock_timestamp(), pg_snapshot_xmin(pg_current_snapshot()))
        on conflict on constraint looks_ahead_key do nothing;
    end if;
    v_to := coalesce(v_to, 'ffffffff-ffff-ffff-ffff-ffffffffffff');
    v_ripe := v_now - make_interval(secs => extract(epoch from (v_campaign.standing ->> 'after')::interval)::float8);
    v_kept_back := v_campaign.conduct ? 'rollout' and v_campaign.standing is null;
    v_slots := v_campaign.standing is null and 'campaign_number' = any (p_variables);
    if v_slots then
        -- Of two that enrol at once, the second sees what the first gave out (0100).
        perform pg_advisory_xact_lock(slot_queue(p_org));
    end if;
    if v_campaign.standing is null and v_campaign.conduct #> '{exit,attributes}' is not null then
        v_exit := v_campaign.conduct -> 'exit';
        v_exit_keys := array(select jsonb_object_keys(v_exit -> 'attributes'));
    end if;
    if v_campaign.zoned then
        -- A zone that the server does not know would stop every claim that asks what its clock shows.
        select time_zone into v_org_zone from organizations where id = p_org;
        select jsonb_object_agg(name, true) into v_zones from pg_timezone_names;
    end if;
    select after_seconds into v_after from campaign_steps
      where organization_id = p_org and campaign_id = p_campaign and step = 1;
    v_last := case when v_begun.campaign_id is not null then v_begun.last_within_limit
                   else last_within_limit(p_org, p_campaign, v_campaign.audience, p_required, v_now) end;
    -- Rows go in as the ids ascend, as those of the contacts do: every index grows at its end.
    with person as materialized (
        -- The texts' values first, so that what is sorted is narrow.
        select a.contact_id, a.phone, a.locale, a.reason, a.leaves, a.parameters, a.zone,
               ordered_uuid(v_ms, v_salt, v_before + row_number() over (order by a.contact_id)) as id
          from (select f.contact_id, f.phone, f.locale, f.reason,
                       case when f.reason is null and cardinality(p_variables) = 1 then
                           jsonb_strip_nulls(jsonb_build_object(p_variables[1], value_of(f.contact, p_variables[1])))
                            when f.reason is null and cardinality(p_variables) > 1 then
                           jsonb_strip_nulls((select jsonb_object_agg(v, value_of(f.contact, v))
                                                from unnest(p_variables) v))
                       else '{}' end as parameters,
                       case when v_exit is not null and f.reason is null and (f.contact).attributes ?| v_exit_keys
                            then 'attribute: ' || leaving_attribute(v_exit, (f.contact).attributes) end as leaves,
                       case when v_zones is null then null
                            when v_zones ? (f.contact).time_zone then (f.contact).time_zone
                            else v_org_zone end as zone
                  from audience_of(p_org, p_campaign, v_campaign.audience, p_required, v_now, v_last, null, v_from, v_to) f
                 where not is_outside(f.reason) and f.reason is distinct from 'over_limit'
                   and (v_ripe is null
                        or f.reason is null
                           and coalesce((f.contact).registered_at, (f.contact).created_at) <= v_ripe
                           and not exists (select from campaign_recipients r
                                            where r.organization_id = p_org and r.campaign_id = p_campaign
                                              and r.phone = f.phone))
                offset 0) a
         order by a.contact_id limit case when v_campaign.standing is not null then p_most end
    ), enrolled as (
        insert into campaign_recipients (organization_id, campaign_id, id, contact_id, phone, state, attention, reason,
                                         due_at, zone, updated_at)
        select p_org, p_campaign, p.id, p.contact_id, p.phone,
               case when w.reason is null then 'queued' else 'skipped' end::recipient_state,
               case when w.reason is not null then 'skipped'::recipient_state end, w.reason,
               case when w.reason is null and v_kept_back then not_let_go()
                    -- Whoever a standing campaign takes in was not there when it began: never late by its start.
                    when w.reason is null and (v_after > 0 or p.zone is not null or v_campaign.standing is not null)
                    then v_now + make_interval(secs => v_after) end, p.zone, v_now
          from person p cross join lateral (select coalesce(p.reason, p.leaves) as reason) w
        returning 1
    ), zoned as (
        insert into campaign_zones (organization_id, campaign_id, zone)
        select distinct p_org, p_campaign, p.zone from person p where p.zone is not null
        on conflict on constraint campaign_zones_key do nothing
    ), slots as materialized (
        -- Of every piece at once: at the end it would be a million people in one statement, and whoever changes slots meanwhile
        -- would wait for that.
        select h.holder, h.slot
          from (select array_agg(p.contact_id order by p.contact_id) as contacts from person p
                 where v_slots and p.reason is null and p.leaves is null) k
         cross join lateral hand_out_slots(p_org, p_campaign, k.contacts, coalesce(p_now, clock_timestamp())) h
         where v_slots
    ), frozen as (
        insert into recipient_parameters (organization_id, campaign_id, recipient_id, locale, parameters)
        select p_org, p_campaign, p.id, p.locale, p.parameters from person p where p.reason is null and not v_slots
        union all
        (select p_org, p_campaign, p.id, p.locale,
                case when s.slot is null then p.parameters
                     else p.parameters || jsonb_build_object('campaign_number', s.slot::text) end
           -- Full, though no slot is without a person: how many people there are nobody can know beforehand, and such a join is
           -- never made by looking them up one by one.
           from person p full join slots s on s.holder = p.contact_id
          where p.reason is null and v_slots
          order by p.id)
    )
    select count(*) into v_enrolled from enrolled;
    if v_campaign.standing is null then
        perform skip_suppressed(p_org, p_campaign, array(
            select s.phone::text from suppressions s
             where s.organization_id = p_org and s.since > changed_since_made(v_campaign)));
    elsif v_enrolled > 0 then
        perform settle_enrolled(p_org, p_campaign, p_variables, coalesce(p_now, clock_timestamp()), null,
                                ordered_uuid(v_ms, v_salt, v_before), ordered_uuid(v_ms, v_salt, v_before + v_enrolled));
    end if;
    if not v_is_last then
        insert into campaign_enrolments as e (organization_id, campaign_id, began_at, ms, salt, last_within_limit, contacts,
                                              looked, looked_to, enrolled)
        select p_org, p_campaign, v_now, v_ms, v_salt, v_last,
               case when v_begun.campaign_id is null
                    then (select count(*) from contacts k where k.organization_id = p_org) else 0 end,
               p_most, v_to, v_enrolled
        on conflict on constraint campaign_enrolments_key do update
           set looked = e.looked + excluded.looked, looked_to = excluded.looked_to,
               enrolled = e.enrolled + excluded.enrolled, touched_at = clock_timestamp();
        return v_enrolled;
    end if;
    if v_begun.campaign_id is not null then
        delete from campaign_enrolments where organization_id = p_org and campaign_id = p_campaign;
        perform record_decision(p_org, clock_timestamp(), v_campaign.created_by, null, 'enrol', 'campaign', p_campaign,
                                v_campaign.name, format('%s enrolled', v_before + v_enrolled), null, '{}');
    end if;
    if v_before + v_enrolled >= 10000 then
        perform analyze_recipients(p_org);
    end if;
    if v_kept_back then
        perform open_rollout(p_org, p_campaign, v_now);
    end if;
    return v_enrolled;
end $$;
comment on function enrol is
    'Enrols a campaign''s audience, at once or in pieces. One that has recipients is left alone, unless it is standing.';

-- Whether a campaign of this pool may send through this number alone: it is one of the pool's, or the organisation's default.
create function may_be_the_only(p_org uuid, p_pool uuid, p_number uuid) returns boolean language sql stable as $$
    select exists (select from pool_numbers m where m.organization_id = p_org and m.pool_id = p_pool and m.number_id = p_number)
           or exists (select from organizations o where o.id = p_org and o.default_number_id = p_number)
$$;

-- A campaign, its steps and its recipients, or nothing. With p_most: and the first piece of its recipients.
create function create_campaign(
    p_org uuid, p_id uuid, p_actor text, p_instance uuid, p_campaign jsonb, p_after_seconds bigint[], p_texts jsonb[],
    p_templates jsonb[], p_media jsonb[], p_variants jsonb[], p_variables text[], p_required jsonb,
    p_most bigint default null
) returns bigint language plpgsql as $$
declare
    v_new      campaigns;
    v_enrolled bigint;
begin
    insert into campaigns (organization_id, id, name, state, priority, weight, pool_id, daily_limit, starts_at, failover,
                           audience, standing, source, window_from, window_to, window_days, window_zone, zoned, run_after_id,
                           missed, expires_after, expires_at, created_by, changed_by, conduct, only_number_id)
    select p_org, p_id, c.name, case when c.starts_at is null and c.run_after_id is null
                                     then 'draft' else 'scheduled' end::campaign_state,
           c.priority, coalesce(c.weight, 1), c.pool_id, c.daily_limit, c.starts_at, c.failover, c.audience,
           c.standing, c.source,
           c.window_from, c.window_to, c.window_days, c.window_zone, coalesce(c.window_zone = 'recipient', false),
           c.run_after_id, coalesce(c.missed, 'send'), c.expires_after, c.expires_at, p_actor, p_actor,
           coalesce(c.conduct, '{}'),
           -- What its pool has not is not meant.
           (select n.id from whatsapp_numbers n where n.organization_id = p_org and n.id = c.only_number_id
               and may_be_the_only(p_org, c.pool_id, n.id))
      from jsonb_populate_record(null::campaigns, p_campaign) c
    returning * into v_new;
    insert into campaign_steps (organization_id, campaign_id, step, after_seconds, texts, template, media, variants)
    select p_org, p_id, s.step, s.after_seconds, s.texts, s.template, s.media, s.variants
      from unnest(p_after_seconds, p_texts, p_templates, p_media, p_variants) with ordinality
        as s (after_seconds, texts, template, media, variants, step);
    -- A standing campaign enrols when it runs.
    v_enrolled := case when v_new.standing is null then enrol(p_org, p_id, p_variables, p_required, null, p_most) else 0 end;
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
       set state = 'skipped', attention = 'skipped',
           reason = case when p_source = 'rule' then 'suppressed' else 'opted_out' end, due_at = null,
           bound_number_id = null, updated_at = clock_timestamp()
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
    -- What the person says is above what a rule found.
    insert into suppressions as s (organization_id, phone, since, source, reason)
    values (p_org, p_phone, v_now, p_source, coalesce(nullif(btrim(p_reason), ''), 'no reason given'))
    on conflict on constraint suppressions_key do update
       set since = excluded.since, source = excluded.source, reason = excluded.reason
     where s.source = 'rule' and excluded.source <> 'rule';
    if not found then
        select * into v_known from suppressions where organization_id = p_org and phone = p_phone;
        return row ('already', null, v_known.source, v_known.since, p_phone, 'opted out', null)::change_answer;
    end if;
    select id into v_contact from contacts where organization_id = p_org and phone = p_phone;
    -- A rule knows nothing of consent: that stays what the person made it.
    if v_contact is not null and p_source <> 'rule' then
        perform write_consent(p_org, p_phone, false, p_source, v_now);
    end if;
    perform record_decision(p_org, v_now, p_actor, p_instance, 'opt out', 'contact', coalesce(v_contact, new_uuid()),
                            p_phone, p_reason, null,
                            jsonb_build_object('opted_out', true, 'recipients_skipped', v_skipped));
    return row ('done', null, p_actor, v_now, p_phone, v_skipped::text, null)::change_answer;
end $$;
comment on function opt_out is
    'Suppresses a phone: first ends what is queued for it, then stamps the suppression. Waits for no import.';

-- The same, for opt-outs that nobody typed: replies and providers' answers.
create function suppress(p_org uuid, p_phone text, p_source text, p_reason text) returns void language sql as $$
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
    select * into v_contact from contacts where organization_id = p_org and phone = p_phone;
    if v_contact.id is null and not v_lifted then
        return row ('missing', null, null, null, p_phone, null, null)::change_answer;
    end if;
    if not v_lifted and v_contact.consent then
        return row ('already', null, coalesce(v_contact.consent_method, 'import'), v_contact.consent_at, p_phone,
                    'opted in', null)::change_answer;
    end if;
    if v_contact.id is not null then
        perform write_consent(p_org, p_phone, true, p_source, v_now);
    end if;
    perform record_decision(p_org, v_now, p_actor, p_instance, 'opt in', 'contact',
                            coalesce(v_contact.id, new_uuid()), p_phone, p_reason,
                            jsonb_build_object('opted_out', v_lifted), jsonb_build_object('opted_out', false));
    return row ('done', null, p_actor, v_now, p_phone, null, null)::change_answer;
end $$;
