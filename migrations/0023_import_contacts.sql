-- From a staging table to contacts. The staging table is the session's own (temporary): a program that dies half-way
-- leaves nothing behind, and nothing is visible before the one statement that merges it.

create function stage_contacts() returns void language plpgsql as $$
begin
    create temporary table contact_staging (
        line bigint, phone text, name text, locale text, time_zone text, country text, gender text, profession text,
        birth_date date, registered_at timestamptz, consent boolean, referrer_name text, tags text[],
        phone_country text, attributes jsonb);
end $$;

-- What is known of somebody's consent after a file has said something, or nothing, of it. Its no always counts. Its yes undoes
-- what a file said before, and never the word of the person: one that is in the contact, or a suppression that was asked for.
create function consent_after_import(p_known boolean, p_method text, p_said boolean, p_has_refused boolean) returns boolean
    language sql immutable parallel safe
    return case when p_said and (p_has_refused or p_known is false and p_method is distinct from 'import') then p_known
                else coalesce(p_said, p_known) end;

-- New people are inserted, known ones updated where something differs: an empty cell leaves what is known, attributes
-- are merged. Of several rows with one phone the first counts. Answers how many were new and how many changed; all other
-- rows changed nothing. Whoever the file takes the consent of has opted out, whoever it gives it back to has not. Who is new with
-- a no has asked for nothing: nobody enrols them, and they can be answered when they write. p_method and p_agreed_at: how and when
-- those agreed of whom the file says so and nothing was known; null: by this file, now.
--
-- Rows go in by phone, so that every index grows at its end. Merges of one organisation take turns: each then sees all
-- that the one before it did, and its account is true.
create function merge_contacts(
    p_org uuid, p_file_name text, p_operator text, p_lines bigint, p_rejected bigint,
    p_started_at timestamptz, p_method text default null, p_agreed_at timestamptz default null,
    out p_accepted bigint, out p_updated bigint, out p_duplicate bigint, out p_no_consent bigint, out p_opted_out bigint
) language plpgsql
    set jit = off set work_mem = '128MB' set lock_timeout = '10min'
as $$
declare
    v_import uuid := new_uuid();
    v_ms   bigint;
    v_salt integer := (random() * 16777215)::integer;
    v_now  timestamptz;
    v_out  text[];
    v_in   text[];
begin
    perform pg_advisory_xact_lock(hashtextextended('import ' || p_org, 0));
    v_now := clock_timestamp();
    v_ms := (extract(epoch from v_now) * 1000)::bigint;
    analyze contact_staging;
    with first as materialized (
        select distinct on (s.phone collate "C") s.*, o.since as refused_at, o.source as refused_by
          from contact_staging s
          left join suppressions o on s.consent and o.organization_id = p_org and o.phone = s.phone
                                  and o.source not in ('rule', 'import')
         order by s.phone collate "C", s.line
    ), inserted as (
        insert into contacts (organization_id, id, phone, name, locale, time_zone, country, gender, profession,
                              birth_date, registered_at, consent, consent_method, consent_at, referrer_name, tags,
                              attributes)
        select p_org, ordered_uuid(v_ms, v_salt, row_number() over ()), s.phone, s.name, s.locale, s.time_zone,
               coalesce(s.country, s.phone_country), s.gender, s.profession, s.birth_date, s.registered_at,
               s.consent and s.refused_at is null,
               case when s.consent is not null
                    then coalesce(s.refused_by, case when s.consent then p_method end, 'import') end,
               case when s.consent is not null
                    then coalesce(s.refused_at, case when s.consent then p_agreed_at end, v_now) end,
               s.referrer_name, coalesce(s.tags, '{}'), s.attributes
          from first s
        on conflict on constraint contact_phone_is_taken_once do nothing
        returning consent, consent_method
    ), updated as (
        -- Sees only those who were there before this statement.
        update contacts c
           set name = coalesce(s.name, c.name), locale = coalesce(s.locale, c.locale),
               time_zone = coalesce(s.time_zone, c.time_zone),
               country = coalesce(s.country, c.country, s.phone_country),
               gender = coalesce(s.gender, c.gender), profession = coalesce(s.profession, c.profession),
               birth_date = coalesce(s.birth_date, c.birth_date),
               registered_at = coalesce(s.registered_at, c.registered_at),
               consent = consent_after_import(c.consent, c.consent_method, s.consent, s.refused_at is not null),
               consent_method = case when consent_after_import(c.consent, c.consent_method, s.consent,
                                                               s.refused_at is not null) is distinct from c.consent
                                     then coalesce(case when s.consent then p_method end, 'import')
                                     else c.consent_method end,
               consent_at = case when consent_after_import(c.consent, c.consent_method, s.consent,
                                                           s.refused_at is not null) is distinct from c.consent
                                 then coalesce(case when s.consent then p_agreed_at end, v_now) else c.consent_at end,
               referrer_name = coalesce(s.referrer_name, c.referrer_name), tags = coalesce(s.tags, c.tags),
               attributes = c.attributes || s.attributes, updated_at = v_now
          from first s
         where c.organization_id = p_org and c.phone = s.phone
           and (s.name <> c.name or s.locale <> c.locale or s.time_zone <> c.time_zone or s.country <> c.country
                or s.gender <> c.gender or s.profession <> c.profession or s.birth_date <> c.birth_date
                or s.registered_at <> c.registered_at
                or consent_after_import(c.consent, c.consent_method, s.consent, s.refused_at is not null)
                   is distinct from c.consent
                or s.referrer_name <> c.referrer_name or s.tags <> c.tags or not c.attributes @> s.attributes
                or num_nulls(c.name, c.locale, c.time_zone, c.country, c.gender, c.profession, c.birth_date,
                             c.registered_at, c.referrer_name)
                   > num_nulls(coalesce(s.name, c.name), coalesce(s.locale, c.locale),
                               coalesce(s.time_zone, c.time_zone),
                               coalesce(s.country, c.country, s.phone_country),
                               coalesce(s.gender, c.gender), coalesce(s.profession, c.profession),
                               coalesce(s.birth_date, c.birth_date), coalesce(s.registered_at, c.registered_at),
                               coalesce(s.referrer_name, c.referrer_name)))
        returning c.phone::text as phone,
                  case when s.consent and c.consent then true when c.consent_at = v_now then c.consent end as turned
    )
    select (select count(*) from inserted), (select count(*) from updated),
           (select count(*) from inserted i where not i.consent and i.consent_method = 'import'),
           (select array_agg(u.phone) from updated u where not u.turned),
           (select array_agg(u.phone) from updated u where u.turned)
      into p_accepted, p_updated, p_no_consent, v_out, v_in;
    p_opted_out := coalesce(cardinality(v_out), 0);
    p_duplicate := p_lines - p_rejected - p_accepted - p_updated;
    insert into contact_imports (organization_id, id, file_name, operator, lines, accepted, updated, duplicate,
                                 rejected, started_at)
    values (p_org, v_import, p_file_name, p_operator, p_lines, p_accepted, p_updated, p_duplicate, p_rejected,
            p_started_at);
    -- The account says how they are to have agreed, if anybody said so.
    perform record_decision(p_org, clock_timestamp(), p_operator, null, 'import contacts', 'import', v_import,
                            p_file_name, 'a file was imported', null,
                            jsonb_build_object('lines', p_lines, 'accepted', p_accepted, 'updated', p_updated,
                                               'duplicate', p_duplicate, 'rejected', p_rejected)
                            || jsonb_strip_nulls(jsonb_build_object('consent_method', p_method,
                                                                    'consent_at', p_agreed_at)));
    if p_accepted + p_updated >= 10000 then
        perform analyze_contacts(p_org);
    end if;
    if v_in is not null then
        perform take_back_imported(p_org, v_in, v_now, p_operator, p_file_name);
    end if;
    if v_out is not null then
        perform opt_out_imported(p_org, v_out, p_operator, p_file_name);
    end if;
end $$;
comment on function merge_contacts is 'Merges the session''s contact_staging into contacts and writes the account of the import.';
