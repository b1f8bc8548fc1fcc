-- Many numbers out of a file: all or none.

-- Puts a number into these pools and no others. p_pools: [{"name": …, "weight": …}]; pools that are not there are made.
-- Answers whether anything changed.
create function set_pools(p_org uuid, p_number uuid, p_pools jsonb, p_actor text, p_instance uuid, p_reason text)
    returns boolean language plpgsql as $$
declare
    v_before jsonb;
    v_after  jsonb;
    v_now    timestamptz;
begin
    insert into pools (organization_id, id, name)
    select p_org, new_uuid(), w.name from jsonb_to_recordset(p_pools) as w (name text) order by w.name
    on conflict on constraint pool_name_is_taken_once do nothing;
    -- In one order, so that two such changes wait for one another and never in a circle.
    perform 1 from pools p where p.organization_id = p_org order by p.id for no key update;
    v_now := clock_timestamp();
    select coalesce(jsonb_object_agg(p.name, m.weight), '{}') into v_before
      from pool_numbers m join pools p on p.organization_id = m.organization_id and p.id = m.pool_id
     where m.organization_id = p_org and m.number_id = p_number;
    select coalesce(jsonb_object_agg(w.name, w.weight), '{}') into v_after
      from jsonb_to_recordset(p_pools) as w (name text, weight integer);
    if v_before = v_after then
        return false;
    end if;
    update pools p set revision = p.revision + 1
     where p.organization_id = p_org and (v_before -> p.name) is distinct from (v_after -> p.name);
    delete from pool_numbers m using pools p
     where m.organization_id = p_org and m.number_id = p_number and p.organization_id = p_org and p.id = m.pool_id
       and not v_after ? p.name;
    insert into pool_numbers (organization_id, pool_id, number_id, weight)
    select p_org, p.id, p_number, (v_after ->> p.name)::integer
      from pools p where p.organization_id = p_org and v_after ? p.name order by p.id
    on conflict on constraint number_is_in_a_pool_once do update set weight = excluded.weight;
    perform record_decision(p_org, v_now, p_actor, p_instance, 'set pools', 'number', p_number, n.phone, p_reason,
                            jsonb_build_object('pools', v_before), jsonb_build_object('pools', v_after))
       from whatsapp_numbers n where n.organization_id = p_org and n.id = p_number;
    return true;
end $$;
comment on function set_pools is 'Puts a number into these pools and no others.';

-- p_rows: [{"phone": …, "columns": {what the file says}, "new": {what a number gets that was not there}, "pools": [] or absent}]
create function import_numbers(p_org uuid, p_actor text, p_instance uuid, p_rows jsonb)
    returns table (added bigint, changed bigint, unchanged bigint) language plpgsql as $$
declare
    v_row    jsonb;
    v_id     uuid;
    v_answer change_answer;
    v_pools  boolean;
begin
    added := 0;
    changed := 0;
    unchanged := 0;
    for v_row in select r.value from jsonb_array_elements(p_rows) r order by r.value ->> 'phone' loop
        select n.id into v_id from whatsapp_numbers n
         where n.organization_id = p_org and n.phone = v_row ->> 'phone' and n.retired_at is null;
        if v_id is null then
            select a.id into v_id
              from add_number(p_org, new_uuid(), p_actor, p_instance,
                              (v_row -> 'new') || jsonb_strip_nulls(v_row -> 'columns')
                                  || jsonb_build_object('phone', v_row ->> 'phone'),
                              coalesce(v_row -> 'pools' -> 0 ->> 'name', v_row -> 'new' ->> 'pool')) a;
            -- What is no column of a new number.
            perform change_number(p_org, v_id, 'edit number', null, p_actor, p_instance, 'imported', v_row -> 'columns');
            if v_row ? 'pools' then
                perform set_pools(p_org, v_id, v_row -> 'pools', p_actor, p_instance, 'imported');
            end if;
            added := added + 1;
        else
            v_answer := change_number(p_org, v_id, 'edit number', null, p_actor, p_instance, 'imported',
                                      v_row -> 'columns');
            v_pools := v_row ? 'pools'
                       and set_pools(p_org, v_id, v_row -> 'pools', p_actor, p_instance, 'imported');
            if v_answer.verdict = 'done' or v_pools then
                changed := changed + 1;
            else
                unchanged := unchanged + 1;
            end if;
        end if;
    end loop;
    return next;
end $$;
comment on function import_numbers is 'Adds and changes numbers as a file says, all or none; what was added, changed and left as it was.';

-- What the planner knows of numbers. After a file of a thousand it takes them for one, until autovacuum comes by, and walks all
-- of them for each of them. Only the owner of a table may have it looked at: with the owner's rights, for who runs the
-- organisation.
create function analyze_numbers(p_org uuid) returns void language plpgsql security definer as $$
begin
    perform must_run(p_org);
    analyze whatsapp_numbers, number_health, number_vitals, number_pacing, number_leases, pools, pool_numbers, quota_usage;
end $$;
comment on function analyze_numbers is 'Lets the planner know how many numbers there are now: select analyze_numbers($1).';
do $$
begin
    execute format('alter function analyze_numbers(uuid) set search_path = %I, pg_temp', current_schema());
end $$;
