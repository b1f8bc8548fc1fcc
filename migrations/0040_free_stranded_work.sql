-- Queued work that nobody would ever send: its number left the campaign's pool, or was only the organisation's default
-- while the pool had none in service. It is freed for the numbers that are there.

create function free_stranded(p_org uuid, p_campaign uuid, p_pool uuid) returns void language plpgsql
    set enable_seqscan = off set enable_sort = off
as $$
declare
    v_number uuid := '00000000-0000-0000-0000-000000000000';
begin
    -- From one bound number to the next: as many looks as there are numbers, however many recipients.
    loop
        select r.bound_number_id into v_number from campaign_recipients r
         where r.organization_id = p_org and r.campaign_id = p_campaign and r.due_at is not null
           and r.bound_number_id > v_number
         order by r.bound_number_id limit 1;
        exit when not found;
        continue when exists (select from pool_numbers p where p.organization_id = p_org and p.pool_id = p_pool
                                 and p.number_id = v_number);
        update campaign_recipients r set bound_number_id = null, sticky_number_id = null
         where r.organization_id = p_org and r.campaign_id = p_campaign
           and r.id = any (array(
               select b.id from campaign_recipients b
                where b.organization_id = p_org and b.campaign_id = p_campaign and b.due_at is not null
                  and b.bound_number_id = v_number
                limit 10000 for update skip locked));
    end loop;
end $$;
comment on function free_stranded is 'Frees work that is bound to a number outside the campaign''s pool.';

create or replace function end_stranded(p_org uuid) returns void language plpgsql as $$
declare
    v_campaign uuid;
    v_pool     uuid;
begin
    for v_campaign in
        select c.id from campaigns c
         where c.organization_id = p_org and c.state in ('cancelled', 'completed')
           and c.finished_at > clock_timestamp() - interval '1 day'
           and (select coalesce(sum(k.queued), 0) > 0 from campaign_counts k
                 where k.organization_id = p_org and k.campaign_id = c.id)
    loop
        perform skip_stranded(p_org, array(
            select id from campaign_recipients where organization_id = p_org and campaign_id = v_campaign
               and state = 'queued' limit 10000), clock_timestamp());
    end loop;
    update campaign_recipients r
       set state = 'skipped', attention = 'skipped', reason = 'opted_out', due_at = null, bound_number_id = null,
           updated_at = clock_timestamp()
      from suppressions s, campaigns c
     where s.organization_id = p_org and s.since > clock_timestamp() - interval '10 minutes'
       and c.organization_id = p_org and c.state in ('active', 'paused')
       and r.organization_id = p_org and r.campaign_id = c.id and r.phone = s.phone and r.state = 'queued';
    for v_campaign, v_pool in
        select c.id, c.pool_id from campaigns c where c.organization_id = p_org and c.state = 'active' order by c.id
    loop
        perform free_stranded(p_org, v_campaign, v_pool);
    end loop;
end $$;
