-- Pools are changed and removed like everything else that operators decide about: under a lock, on the version that was seen.

-- The numbers of a pool with their shares.
create function pool_members(p_org uuid, p_pool uuid) returns jsonb language sql stable as $$
    select coalesce(jsonb_object_agg(m.number_id, m.weight), '{}')
      from pool_numbers m where m.organization_id = p_org and m.pool_id = p_pool
$$;
comment on function pool_members is 'The numbers of a pool, each with its share.';

-- p_change: {"name": …, "strategy": …, "sticky": …, "put": [{"number": …, "weight": … or null}], "drop": [number, …]}, each only
-- if it is to be otherwise. A number that is there already and is put there without a weight keeps its own.
-- The decision tells of the members whose share is another one, null where there was or is none: it can be taken back by that.
create function change_pool(
    p_org uuid, p_pool uuid, p_action text, p_expected bigint, p_actor text, p_instance uuid, p_reason text,
    p_change jsonb default '{}'
) returns change_answer language plpgsql as $$
declare
    v_old    pools;
    v_new    pools;
    v_now    timestamptz;
    v_had    jsonb;
    v_has    jsonb;
    v_before jsonb;
    v_after  jsonb;
    v_by     text;
    v_at     timestamptz;
begin
    select * into v_old from pools where organization_id = p_org and id = p_pool for update;
    if not found then
        return row ('missing', null, null, null, null, null, null)::change_answer;
    end if;
    v_now := clock_timestamp();
    if p_expected is not null and p_expected <> v_old.revision then
        select actor, at into v_by, v_at from last_decision(p_org, p_pool);
        return row ('changed', v_old.revision, coalesce(v_by, 'somebody'), coalesce(v_at, v_now), v_old.name,
                    v_old.name || ', ' || v_old.strategy, null)::change_answer;
    end if;
    v_had := pool_members(p_org, p_pool);
    if p_action = 'remove pool' then
        v_before := to_jsonb(v_old) || jsonb_build_object('members', v_had);
        delete from pools where organization_id = p_org and id = p_pool;
        if not found then
            return row ('missing', null, null, null, null, null, null)::change_answer;
        end if;
        perform record_decision(p_org, v_now, p_actor, p_instance, p_action, 'pool', p_pool, v_old.name, p_reason,
                                v_before, null);
        return row ('done', null, p_actor, v_now, v_old.name, null, v_before)::change_answer;
    end if;
    delete from pool_numbers
     where organization_id = p_org and pool_id = p_pool
       and number_id in (select d::uuid from jsonb_array_elements_text(p_change -> 'drop') d);
    update pool_numbers m set weight = w.weight
      from jsonb_to_recordset(p_change -> 'put') as w (number uuid, weight integer)
     where m.organization_id = p_org and m.pool_id = p_pool and m.number_id = w.number and m.weight <> w.weight;
    insert into pool_numbers (organization_id, pool_id, number_id, weight)
    select p_org, p_pool, w.number, coalesce(w.weight, 1)
      from jsonb_to_recordset(p_change -> 'put') as w (number uuid, weight integer) order by w.number
    on conflict on constraint number_is_in_a_pool_once do nothing;
    v_has := pool_members(p_org, p_pool);
    if v_has = v_had and v_old.name = coalesce(p_change ->> 'name', v_old.name)
       and v_old.strategy = coalesce(p_change ->> 'strategy', v_old.strategy)
       and v_old.sticky = coalesce((p_change ->> 'sticky')::boolean, v_old.sticky) then
        select actor, at into v_by, v_at from last_decision(p_org, p_pool);
        return row ('already', v_old.revision, coalesce(v_by, 'somebody'), coalesce(v_at, v_now), v_old.name, null,
                    null)::change_answer;
    end if;
    update pools
       set name = coalesce(p_change ->> 'name', name), strategy = coalesce(p_change ->> 'strategy', strategy),
           sticky = coalesce((p_change ->> 'sticky')::boolean, sticky), revision = revision + 1
     where organization_id = p_org and id = p_pool returning * into v_new;
    if not found then
        return row ('missing', null, null, null, null, null, null)::change_answer;
    end if;
    v_before := to_jsonb(v_old);
    v_after := to_jsonb(v_new);
    if v_has <> v_had then
        v_before := v_before || (select jsonb_build_object('members', jsonb_object_agg(k, v_had -> k))
                                   from jsonb_object_keys(v_had || v_has) k where v_had -> k is distinct from v_has -> k);
        v_after := v_after || (select jsonb_build_object('members', jsonb_object_agg(k, v_has -> k))
                                 from jsonb_object_keys(v_had || v_has) k where v_had -> k is distinct from v_has -> k);
    end if;
    perform record_decision(p_org, v_now, p_actor, p_instance, p_action, 'pool', p_pool, v_new.name, p_reason,
                            v_before, v_after);
    return row ('done', v_new.revision, p_actor, v_now, v_new.name, null,
                difference(v_before, v_after))::change_answer;
end $$;
comment on function change_pool is
    'Changes or removes a pool as an operator decided, on the version that was seen; written down so that it can be taken back.';
