-- Queued work that is bound to numbers which cannot send what its campaign carries any more, since their account's template was
-- stopped: freed for the numbers that can. Answers how many recipients that were.
create function free_bound(p_org uuid, p_campaign uuid, p_numbers uuid[]) returns integer language plpgsql
    set enable_seqscan = off set enable_sort = off
as $$
declare
    v_number uuid;
    v_count  integer;
    v_freed  integer := 0;
begin
    -- One look at all of them: mostly nothing is bound to them, and an update for each would cost more than the work.
    for v_number in
        select n.id from unnest(p_numbers) as n (id)
         where exists (select from campaign_recipients b
                        where b.organization_id = p_org and b.campaign_id = p_campaign and b.due_at is not null
                          and b.bound_number_id = n.id)
    loop
        update campaign_recipients r set bound_number_id = null, sticky_number_id = null
         where r.organization_id = p_org and r.campaign_id = p_campaign
           and r.id = any (array(
               select b.id from campaign_recipients b
                where b.organization_id = p_org and b.campaign_id = p_campaign and b.due_at is not null
                  -- Refused because of the person: no other number tries it.
                  and b.bound_number_id = v_number and not b.is_kept
                limit 10000 for update skip locked));
        get diagnostics v_count = row_count;
        v_freed := v_freed + v_count;
    end loop;
    return v_freed;
end $$;
comment on function free_bound is 'Frees work that is bound to numbers which cannot send it.';
