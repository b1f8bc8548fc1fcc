-- Attempts that are still sending long after their deadline belong to a process that died, froze or was cut off:
-- nobody knows what became of them.

create function sweep_overdue(p_org uuid, p_grace interval, p_now timestamptz default null) returns bigint language plpgsql
    set enable_seqscan = off set enable_hashjoin = off set enable_mergejoin = off set jit = off
as $$
declare
    v_from  uuid;
    v_ids   uuid[];
begin
    -- Ids ascend, and no instance has anything open below the id it named in its last heartbeat.
    select oldest_open into v_from from instances
     where organization_id = p_org and closed_at is null and oldest_open is not null
     order by oldest_open limit 1;
    if v_from is null then
        return 0;
    end if;
    v_ids := array(select id from attempts
                    where organization_id = p_org and id >= v_from and state = 'sending'
                      and deadline_at < clock_timestamp() - p_grace
                    order by id limit 10000);
    if cardinality(v_ids) > 0 then
        perform record_outcomes(p_org, v_ids,
            array_fill('in_doubt'::attempt_state, array[cardinality(v_ids)]),
            array_fill(null::text, array[cardinality(v_ids)]),
            array_fill('unknown'::text, array[cardinality(v_ids)]),
            array_fill('us'::text, array[cardinality(v_ids)]),
            array_fill('no_outcome'::text, array[cardinality(v_ids)]),
            array_fill('the sending program ended or was cut off before it knew'::text, array[cardinality(v_ids)]),
            array_fill(null::integer, array[cardinality(v_ids)]),
            array_fill('doubt'::text, array[cardinality(v_ids)]),
            array_fill(0::bigint, array[cardinality(v_ids)]),
            array_fill('in_doubt'::text, array[cardinality(v_ids)]), p_now);
    end if;
    -- An instance that has not been seen for a minute and has nothing open is done with.
    update instances i set closed_at = clock_timestamp(), in_flight = 0, phase = 'gone'
     where i.organization_id = p_org and i.closed_at is null and i.seen_at < clock_timestamp() - interval '60 seconds'
       and not exists (select from attempts a where a.organization_id = p_org and a.id >= i.oldest_open
                          and a.instance_id = i.id and a.state = 'sending');
    return cardinality(v_ids);
end $$;
