-- Numbers that are removed although they have sent something: retired. Gone from lists, pools and plans, still named by what
-- they sent. Adding the same phone again takes the number back into service, with its past.

alter table whatsapp_numbers
    add column retired_at timestamptz,
    add column retired_by text,
    add column approval text,
    add column sends_canaries boolean not null default true,
    add constraint retired_names_who check ((retired_at is null) = (retired_by is null)),
    add constraint a_retired_number_is_switched_off check (retired_at is null or not is_active),
    add constraint approval_is_a_known_word check (approval in ('requested', 'approved', 'refused'));
-- Two numbers that are one sender at the provider would have a limit, a pace and a lease each. Where senders have no id of their
-- own (Twilio), the phone is the sender.
create unique index sender_is_one_number_of_its_account on whatsapp_numbers (organization_id, account_id, instance_id)
    where instance_id <> '' and retired_at is null;
comment on column whatsapp_numbers.retired_at is 'Removed then; the row stays because what it sent names it.';
comment on column whatsapp_numbers.retired_by is 'By whom.';
comment on column whatsapp_numbers.approval is
    'How far its approval is, as operators know it. What the provider itself says is number_health.approval.';
comment on column whatsapp_numbers.sends_canaries is
    'Whether it is tried out with a message to the canary phone, when it is in question or stood by.';

-- A number that comes to another account, with or without a gateway's queue.
create function queue_bound_follows_the_account() returns trigger language plpgsql as $$
begin
    update number_pacing p
       set queue_limit = case when a.provider = 'ultramsg' then new.queue_limit end,
           queued = case when a.provider = 'ultramsg' then 0 end
      from accounts a
     where p.organization_id = new.organization_id and p.number_id = new.id
       and a.organization_id = new.organization_id and a.id = new.account_id;
    return null;
end $$;
create trigger queue_bound_follows_the_account after update of account_id on whatsapp_numbers
    for each row when (old.account_id is distinct from new.account_id) execute function queue_bound_follows_the_account();

create or replace view number_usage_today with (security_invoker = true) as
select n.organization_id, n.id as number_id, n.phone::text as phone, n.display_name as name,
       a.provider::text as provider, a.name as account, t.day, n.daily_limit, coalesce(u.reserved, 0) as sent_today,
       case when w.limit_today is not null
            then greatest(w.limit_today - coalesce(u.reserved, 0), 0) end as remaining_today,
       case when not n.is_active then 'disabled'
            when n.suspended_at is not null and (n.suspended_until is null or n.suspended_until > t.at) then 'suspended'
            when n.limited_until > t.at then 'limited' else 'active' end as state, w.limit_today
  from whatsapp_numbers n
  join accounts a on a.organization_id = n.organization_id and a.id = n.account_id
  join organizations o on o.id = n.organization_id
 cross join lateral (select clock_timestamp() as at, (clock_timestamp() at time zone o.time_zone)::date as day) t
 cross join lateral (select limit_of_day(n.daily_limit, o.warm_up, (n.warm_up_started_at at time zone o.time_zone)::date,
                                         t.day) as limit_today) w
  left join quota_usage u on u.organization_id = n.organization_id and u.scope = 'number' and u.scope_id = n.id
                         and u.day = t.day
 where n.retired_at is null;

create or replace function take_checks(p_org uuid, p_most integer, p_usual interval, p_suspended interval, p_apart interval)
    returns setof uuid language sql
as $$
    with turns as materialized (
        select n.id, n.suspended_at is not null as is_suspended,
               greatest(case when n.suspended_at is null then p_usual else p_suspended end,
                        p_apart * count(*) over (partition by n.account_id, n.suspended_at is null)) as turn
          from whatsapp_numbers n where n.organization_id = p_org and n.retired_at is null
    ), hurried as (
        update number_health h set next_check_at = clock_timestamp() + t.turn * random()
          from turns t
         where h.organization_id = p_org and h.number_id = t.id and t.is_suspended
           and h.next_check_at > clock_timestamp() + t.turn * 1.2
    ), due as materialized (
        select h.number_id from number_health h join turns t on t.id = h.number_id
         where h.organization_id = p_org and h.next_check_at <= clock_timestamp()
         order by h.next_check_at limit p_most for update of h skip locked
    )
    update number_health h set next_check_at = clock_timestamp() + t.turn * (0.9 + 0.2 * random())
      from due d join turns t on t.id = d.number_id
     where h.organization_id = p_org and h.number_id = d.number_id
    returning h.number_id
$$;

-- Whether anything names the number: a message that was charged, an outcome, a thread.
create function number_has_history(p_org uuid, p_number uuid) returns boolean language sql stable as $$
    select exists (select from quota_usage u where u.organization_id = p_org and u.scope in ('number', 'replies')
                      and u.scope_id = p_number and u.reserved > 0)
        or exists (select from number_activity a where a.organization_id = p_org and a.number_id = p_number)
        or exists (select from conversations c where c.organization_id = p_org and c.number_id = p_number)
        or exists (select from canaries c where c.organization_id = p_org and c.number_id = p_number)
        or exists (select from failovers f where f.organization_id = p_org and f.from_number_id = p_number)
$$;
comment on function number_has_history is 'Whether anything that happened names the number.';

create function remove_number(
    p_org uuid, p_number uuid, p_expected bigint, p_actor text, p_instance uuid, p_reason text
) returns change_answer language plpgsql as $$
declare
    v_old   whatsapp_numbers;
    v_new   whatsapp_numbers;
    v_now   timestamptz;
    v_by    text;
    v_at    timestamptz;
    v_found text;
begin
    -- Before the claims that come after it (migration 0009).
    perform pg_advisory_xact_lock(decision_queue(p_org));
    select * into v_old from whatsapp_numbers where organization_id = p_org and id = p_number for update;
    if not found then
        return row ('missing', null, null, null, null, null, null)::change_answer;
    end if;
    v_now := clock_timestamp();
    if v_old.retired_at is not null then
        return row ('already', v_old.revision, v_old.retired_by, v_old.retired_at, v_old.phone, 'retired',
                    null)::change_answer;
    end if;
    if p_expected is not null and p_expected <> v_old.revision then
        select actor, at into v_by, v_at from last_decision(p_org, p_number);
        return row ('changed', v_old.revision, coalesce(v_by, 'sender'), coalesce(v_at, v_old.updated_at), v_old.phone,
                    'another version', null)::change_answer;
    end if;
    select 'the number of campaign ' || c.name into v_found from campaigns c
      where c.organization_id = p_org and c.only_number_id = p_number and c.state not in ('completed', 'cancelled')
      order by c.name limit 1;
    if exists (select from organizations o where o.id = p_org and o.default_number_id = p_number) then
        v_found := 'the organisation''s default number';
    end if;
    if v_found is not null then
        return row ('refused', v_old.revision, null, v_now, v_old.phone, v_found, null)::change_answer;
    end if;
    if not number_has_history(p_org, p_number) then
        delete from whatsapp_numbers where organization_id = p_org and id = p_number;
        perform record_decision(p_org, v_now, p_actor, p_instance, 'remove number', 'number', p_number, v_old.phone,
                                p_reason, to_jsonb(v_old), null);
        return row ('done', v_old.revision, p_actor, v_now, v_old.phone, 'deleted', to_jsonb(v_old))::change_answer;
    end if;
    update failovers set ended_at = v_now, ended_by = p_actor, ended_reason = 'the number was removed'
     where organization_id = p_org and from_number_id = p_number and ended_at is null;
    delete from pool_numbers where organization_id = p_org and number_id = p_number;
    update whatsapp_numbers
       set is_active = false, retired_at = v_now, retired_by = p_actor, suspended_at = null, suspension_reason = null,
           suspended_until = null, suspended_by = null, limited_until = null, limited_reason = null,
           slowed_since = null, slowed_reason = null, revision = revision + 1, updated_at = v_now
     where organization_id = p_org and id = p_number
    returning * into v_new;
    perform record_decision(p_org, v_now, p_actor, p_instance, 'remove number', 'number', p_number, v_old.phone,
                            p_reason, to_jsonb(v_old), to_jsonb(v_new));
    return row ('done', v_new.revision, p_actor, v_now, v_old.phone, 'retired', to_jsonb(v_old))::change_answer;
end $$;
comment on function remove_number is
    'Deletes a number that nothing names; retires one that has a past: out of lists, pools and plans, still named by what it sent.';

-- The same change of many numbers, all or none.
create function change_numbers(
    p_org uuid, p_numbers uuid[], p_action text, p_actor text, p_instance uuid, p_reason text, p_change jsonb
) returns table (verdict text, numbers bigint) language sql as $$
    select c.verdict, count(*) from (
        select n.id from whatsapp_numbers n
         where n.organization_id = p_org and n.id = any (p_numbers) and n.retired_at is null order by n.id) n
     cross join lateral change_number(p_org, n.id, p_action, null, p_actor, p_instance, p_reason, p_change) c
     group by c.verdict
$$;
comment on function change_numbers is 'Changes many numbers in one transaction; how many were done, and how many were so already.';
