-- Load moves from one number to another: work that is queued and bound, and, if an operator wants so, open threads. What is on
-- the wire or in doubt is not queued and stays where it is. So does what its number has tried already, unless it never left:
-- it may wait because of the person it is for, and such a refusal goes to no other number.
create function may_move(p_tries smallint, p_reason text, p_is_kept boolean) returns boolean
    language sql immutable parallel safe
as $$
    select not p_is_kept and (p_tries = 0 or p_reason is not distinct from 'withheld')
$$;
comment on function may_move is 'Whether queued work may go to another number on an operator''s word: nothing was refused yet.';

-- What would move, campaign by campaign, and why the work of some stays.
create function load_of_number(p_org uuid, p_from uuid, p_to uuid)
    returns table (campaign_id uuid, campaign text, queued bigint, stays text) language sql stable
    set enable_seqscan = off
as $$
    select c.id, c.name, b.queued,
           case when b.is_tried then 'its number has tried it already'
                when c.failover = 'never' then 'it never switches numbers'
                when c.only_number_id is not null and c.only_number_id <> p_to then 'it goes through one number alone'
                when not exists (select from pool_numbers m where m.organization_id = p_org and m.pool_id = c.pool_id
                                    and m.number_id = p_to) then 'its pool does not have that number'
                when c.failover = 'label' and f.label is distinct from t.label then 'it only switches within a label'
           end
      from campaigns c
      join whatsapp_numbers f on f.organization_id = p_org and f.id = p_from
      join whatsapp_numbers t on t.organization_id = p_org and t.id = p_to
     cross join lateral (select not may_move(r.tries, r.reason, r.is_kept) as is_tried, count(*) as queued from campaign_recipients r
                          where r.organization_id = p_org and r.campaign_id = c.id and r.bound_number_id = p_from
                            and r.due_at is not null
                          group by 1) b
     where c.organization_id = p_org and c.state not in ('completed', 'cancelled')
     order by c.name, b.is_tried
$$;
comment on function load_of_number is 'Queued work that is bound to a number, by campaign, and why some of it cannot go to another one.';

-- Moves up to p_most of a campaign's work. Short: claims of the rows at hand pass it by, and it them. Answers how many moved.
create function move_work(
    p_org uuid, p_from uuid, p_to uuid, p_campaign uuid, p_most integer, p_actor text, p_instance uuid, p_reason text
) returns bigint language plpgsql
    set enable_seqscan = off set enable_sort = off
as $$
declare
    v_moved bigint;
begin
    -- One that is suspended, switched off or removed meanwhile gets nothing more.
    perform 1 from whatsapp_numbers n where n.organization_id = p_org and n.id = p_to and n.is_active
        and n.suspended_at is null for share;
    if not found then
        return 0;
    end if;
    if not exists (select from load_of_number(p_org, p_from, p_to) l where l.campaign_id = p_campaign and l.stays is null) then
        return 0;
    end if;
    with picked as materialized (
        select r.ctid as place from campaign_recipients r
         where r.organization_id = p_org and r.campaign_id = p_campaign and r.due_at is not null
           and r.bound_number_id = p_from and may_move(r.tries, r.reason, r.is_kept)
         limit p_most for update skip locked
    )
    update campaign_recipients r
       set bound_number_id = p_to, sticky_number_id = case when r.sticky_number_id is not null then p_to end
      from picked p where r.ctid = p.place;
    get diagnostics v_moved = row_count;
    if v_moved > 0 then
        perform record_decision(p_org, clock_timestamp(), p_actor, p_instance, 'move load', 'number', p_from, f.phone, p_reason,
                                jsonb_build_object('number', f.phone), jsonb_build_object('number', t.phone, 'campaign', c.name,
                                                                                          'moved', v_moved))
           from whatsapp_numbers f
           join whatsapp_numbers t on t.organization_id = p_org and t.id = p_to
           join campaigns c on c.organization_id = p_org and c.id = p_campaign
          where f.organization_id = p_org and f.id = p_from;
    end if;
    return v_moved;
end $$;
comment on function move_work is 'Binds queued work of one number to another one, a piece at a time.';

-- Open threads that nothing is under way in: what waits to be answered keeps the number on which the person wrote.
create function movable_threads(p_org uuid, p_from uuid) returns bigint language sql stable as $$
    select count(*) from conversations c
     where c.organization_id = p_org and c.number_id = p_from and c.done_at is null
       and not exists (select from replies r where r.organization_id = p_org and r.conversation_id = c.id
                          and r.state in ('queued', 'sending', 'in_doubt'))
$$;

create function move_threads(p_org uuid, p_from uuid, p_to uuid, p_most integer, p_actor text, p_instance uuid, p_reason text)
    returns bigint language plpgsql as $$
declare
    v_last  integer;
    v_moved bigint;
begin
    insert into thread_numbers (organization_id, number_id, last_thread) values (p_org, p_to, 0)
    on conflict on constraint thread_numbers_key do nothing;
    select t.last_thread into v_last from thread_numbers t
     where t.organization_id = p_org and t.number_id = p_to for update;
    with picked as materialized (
        select c.id from conversations c
         where c.organization_id = p_org and c.number_id = p_from and c.done_at is null
           and not exists (select from replies r where r.organization_id = p_org and r.conversation_id = c.id
                              and r.state in ('queued', 'sending', 'in_doubt'))
         order by c.id limit p_most for update skip locked
    ), numbered as (
        select p.id, v_last + row_number() over (order by p.id) as thread from picked p
    )
    update conversations c set number_id = p_to, thread = n.thread, revision = c.revision + 1
      from numbered n where c.organization_id = p_org and c.id = n.id;
    get diagnostics v_moved = row_count;
    if v_moved > 0 then
        update thread_numbers t set last_thread = v_last + v_moved
         where t.organization_id = p_org and t.number_id = p_to;
        perform record_decision(p_org, clock_timestamp(), p_actor, p_instance, 'move threads', 'number', p_from, f.phone,
                                p_reason, jsonb_build_object('number', f.phone),
                                jsonb_build_object('number', t.phone, 'threads', v_moved))
           from whatsapp_numbers f join whatsapp_numbers t on t.organization_id = p_org and t.id = p_to
          where f.organization_id = p_org and f.id = p_from;
    end if;
    return v_moved;
end $$;
comment on function move_threads is 'Gives open threads of one number to another one, where each gets a new thread number.';
