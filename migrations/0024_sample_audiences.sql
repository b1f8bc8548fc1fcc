-- How large an audience is at about, from a few of the contacts: what an operator sees while typing.

-- The contacts on p_pages pages of the table, one out of each stretch of it: whoever was loaded together stands together.
-- Each page is read by its place, and by nothing else.
create function sample_contacts(p_org uuid, p_blocks bigint, p_pages integer)
    returns table (page integer, phone text, locale text) language plpgsql
    set jit = off set enable_seqscan = off set enable_indexscan = off set enable_bitmapscan = off
as $$
declare
    v_page  integer;
    v_block bigint;
    v_from  tid;
    v_to    tid;
begin
    for v_page in 0 .. p_pages - 1 loop
        v_block := floor((v_page + random()) * p_blocks / p_pages);
        v_from := format('(%s,0)', v_block)::tid;
        v_to := format('(%s,0)', v_block + 1)::tid;
        return query select v_page, c.phone::text, c.locale
                       from contacts c where c.organization_id = p_org and c.ctid >= v_from and c.ctid < v_to;
    end loop;
end $$;
comment on function sample_contacts is 'The contacts on pages chosen at random, as far as the login role sees them.';

-- What estimate_audience counts, at about: of p_people contacts at most, on p_pages pages of the table. The margin stands with
-- those who would be sent to (null): in nineteen cases of twenty they are no more and no fewer than by that. Answers nothing
-- where there are so few contacts that all of them are counted as fast.
--
-- The audience is asked about those people alone. Hand-picked ones are asked about themselves, all of them.
create function sample_audience(
    p_org uuid, p_campaign uuid, p_audience jsonb, p_required jsonb, p_now timestamptz,
    p_pages integer default 1200, p_people integer default 12000
) returns table (reason text, is_outside boolean, people bigint, margin bigint)
    language plpgsql
    set jit = off set plan_cache_mode = force_custom_plan set enable_seqscan = off set enable_material = off
as $$
#variable_conflict use_column
declare
    v_blocks  bigint := pg_relation_size('contacts') / current_setting('block_size')::bigint;
    v_zone    text;
    v_locale  text;
    v_pages   integer[];
    v_phones  text[];
    v_many    bigint;
    v_each    float8;
    v_picked  boolean := coalesce(jsonb_array_length(p_audience -> 'phones') > 0, false);
    v_reasons text[];
    v_people  float8[];
    v_margin  float8;
    v_queued  float8;
    v_within  float8 := 1;
begin
    if v_blocks < 4 * p_pages then
        return;
    end if;
    select time_zone, default_locale into v_zone, v_locale from organizations where id = p_org;
    select array_agg(s.page), array_agg(s.phone), max(s.many), max(s.every) into v_pages, v_phones, v_many, v_each
      from (select c.page, c.phone, row_number() over () as place, count(*) over () as many,
                   ceil(count(*) over () / p_people::numeric)::bigint as every
              from sample_contacts(p_org, v_blocks, p_pages) c) s
     where s.place % s.every = 0;
    -- How many contacts one of them stands for.
    v_each := v_each * v_blocks / p_pages;
    if v_picked then
        v_phones := texts_of(p_audience -> 'phones');
    end if;
    with judged as materialized (
        select a.phone, a.reason
          from audience_among(p_org, v_zone, v_locale, p_campaign, p_audience, p_required, p_now, null, v_phones) a
    ), by_page as (
        select count(j.phone) filter (where j.reason is null) as queued
          from generate_series(0, p_pages - 1) as g (page)
          left join unnest(v_pages, v_phones) as s (page, phone) on s.page = g.page
          left join judged j on j.phone = s.phone
         where not v_picked group by g.page
    )
    select array_agg(t.reason), array_agg(t.people * case when v_picked then 1 else v_each end),
           -- How far the pages differ says how far other pages might. Of three out of nobody nothing is known but that.
           case when not v_picked then (select greatest(2 * sqrt(p_pages * var_samp(b.queued)), 3) * v_each from by_page b)
                else 0 end
      into v_reasons, v_people, v_margin
      from (select j.reason, count(*) as people from judged j group by j.reason) t;
    if v_picked then
        v_reasons := v_reasons || 'not_hand_picked'::text;
        v_people := v_people || greatest(v_many * v_blocks::float8 / p_pages - cardinality(v_phones), 0);
    end if;
    select t.people into v_queued from unnest(v_reasons, v_people) as t (reason, people) where t.reason is null;
    -- People stand in no order that an audience knows of: of all who are left out, a limit takes in as many as of the others.
    if (p_audience ->> 'limit')::float8 < v_queued then
        v_within := (p_audience ->> 'limit')::float8 / v_queued;
        v_margin := case when v_queued - v_margin > (p_audience ->> 'limit')::float8 then 0 else v_margin end;
    end if;
    return query
    select t.reason, is_outside(t.reason),
           round(t.people * case when is_outside(t.reason) then 1 else v_within end)::bigint,
           case when t.reason is null then round(v_margin)::bigint end
      from unnest(v_reasons, v_people) as t (reason, people)
    union all
    select 'over_limit', false, round(sum(t.people) * (1 - v_within))::bigint, null
      from unnest(v_reasons, v_people) as t (reason, people) where not is_outside(t.reason) and v_within < 1
    having sum(t.people) is not null
    union all
    -- Nobody was found who would be sent to: that may be so.
    select null, false, 0, round(v_margin)::bigint where v_queued is null;
end $$;
comment on function sample_audience is
    'Counts an audience at about, from a few contacts; nothing where all of them are counted as fast.';
