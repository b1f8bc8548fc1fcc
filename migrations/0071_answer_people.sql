-- What operators do with threads: answer, hand over, end, open. Each is one transition, as in migration 0020.

-- Gives a thread without a number one that is in service, and a name of its own there. False: there is none.
create function give_number(p_org uuid, p_conversation uuid, p_pool uuid) returns boolean language plpgsql as $$
declare
    v_number uuid;
begin
    if exists (select from conversations where organization_id = p_org and id = p_conversation and number_id is not null)
    then
        return true;
    end if;
    select number_for_thread(p_org, c.phone, coalesce(p_pool, pool_for_thread(p_org, c.campaign_id))) into v_number
      from conversations c where c.organization_id = p_org and c.id = p_conversation;
    update conversations set number_id = v_number, thread = next_thread(p_org, v_number)
     where organization_id = p_org and id = p_conversation and v_number is not null;
    return v_number is not null;
end $$;

-- The rule that keeps a thread from being answered now; null: none does.
create function answer_refused(p_org uuid, p_conversation uuid) returns text language sql stable as $$
    select case when c.number_id is null then 'no_number'
                when exists (select from suppressions s where s.organization_id = p_org and s.phone = c.phone)
                    then 'opted_out'
                when w.closes_at is null then 'never_wrote'
                when w.closes_at <= clock_timestamp() then 'window_closed' end
      from conversations c
     cross join lateral (select answer_window(p_org, c.phone, c.number_id) as closes_at) w
     where c.organization_id = p_org and c.id = p_conversation
$$;

create function change_conversation(
    p_org uuid, p_conversation uuid, p_action text, p_expected bigint, p_actor text, p_instance uuid, p_reason text,
    p_reply uuid, p_text text
) returns change_answer language plpgsql as $$
declare
    v_old   conversations;
    v_new   conversations;
    v_now   timestamptz;
    v_why   text;
    v_by    text;
    v_at    timestamptz;
begin
    select * into v_old from conversations where organization_id = p_org and id = p_conversation for update;
    if not found then
        return row ('missing', null, null, null, null, null, null)::change_answer;
    end if;
    v_now := clock_timestamp();
    select actor, at into v_by, v_at from last_decision(p_org, p_conversation);
    if p_action = 'assign thread' and v_old.assigned_to is not distinct from p_text and v_old.number_id is not null
        or p_action = 'end thread' and v_old.done_at is not null
        or p_action = 'answer' and exists (select from replies where organization_id = p_org and id = p_reply)
    then
        return row ('already', v_old.revision, coalesce(v_by, 'sender'), coalesce(v_at, v_old.last_at), v_old.phone,
                    p_action, null)::change_answer;
    end if;
    if p_expected is not null and p_expected <> v_old.revision then
        return row ('changed', v_old.revision, coalesce(v_by, 'sender'), coalesce(v_at, v_old.last_at), v_old.phone,
                    (select l.action from audit_log l where l.organization_id = p_org and l.entity_id = p_conversation
                      order by l.at desc limit 1), null)::change_answer;
    end if;
    if p_action in ('answer', 'assign thread') and not give_number(p_org, p_conversation, null) then
        return row ('refused', v_old.revision, null, null, v_old.phone, 'no_number', null)::change_answer;
    end if;
    if p_action = 'answer' then
        v_why := answer_refused(p_org, p_conversation);
        if v_why is not null then
            return row ('refused', v_old.revision, null,
                        case when v_why = 'opted_out' then (select s.since from suppressions s
                                                             where s.organization_id = p_org and s.phone = v_old.phone)
                             else (select answer_window(p_org, c.phone, c.number_id) from conversations c
                                    where c.organization_id = p_org and c.id = p_conversation) end,
                        v_old.phone, v_why, null)::change_answer;
        end if;
        perform queue_reply(p_org, p_reply, p_conversation, 'operator', p_text, p_actor);
    elsif p_action = 'assign thread' and p_text is not null and p_text <> p_actor
        and not exists (select from operators o where o.organization_id = p_org and o.role_name = p_text)
    then
        return row ('refused', v_old.revision, null, null, v_old.phone, 'no_operator', null)::change_answer;
    end if;
    update conversations c
       set assigned_to = case p_action when 'assign thread' then p_text
                                       when 'answer' then coalesce(c.assigned_to, p_actor) else c.assigned_to end,
           done_at = case when p_action = 'end thread' then v_now end,
           done_by = case when p_action = 'end thread' then p_actor end,
           unread = 0, revision = c.revision + 1
     where c.organization_id = p_org and c.id = p_conversation
    returning * into v_new;
    -- What was said stays with the thread; the log says that it was.
    perform record_decision(p_org, v_now, p_actor, p_instance, p_action, 'conversation', p_conversation, v_old.phone,
                            p_reason, to_jsonb(v_old) - 'last_text', to_jsonb(v_new) - 'last_text');
    return row ('done', v_new.revision, p_actor, v_now, v_old.phone, p_action, to_jsonb(v_old))::change_answer;
end $$;
comment on function change_conversation is 'Answers, hands over or ends a thread, with who, when and why.';

-- A thread beside those that the person has: the pool's choice of number, or the same number under another name.
create function open_conversation(
    p_org uuid, p_id uuid, p_phone text, p_pool text, p_actor text, p_instance uuid
) returns change_answer language plpgsql as $$
declare
    v_now timestamptz;
    v_new conversations;
begin
    perform pg_advisory_xact_lock(hashtextextended(p_org::text || p_phone, 70));
    v_now := clock_timestamp();
    if p_pool is not null and not exists (select from pools where organization_id = p_org and name = p_pool) then
        return row ('refused', null, null, null, p_phone, 'no_pool', null)::change_answer;
    end if;
    insert into conversations (organization_id, id, phone, campaign_id, assigned_to, opened_at, last_at)
    values (p_org, p_id, p_phone,
            (select c.campaign_id from conversations c where c.organization_id = p_org and c.phone = p_phone
              order by c.last_at desc limit 1),
            p_actor, v_now, v_now);
    if not give_number(p_org, p_id, (select id from pools where organization_id = p_org and name = p_pool)) then
        delete from conversations where organization_id = p_org and id = p_id;
        return row ('refused', null, null, null, p_phone, 'no_number', null)::change_answer;
    end if;
    select * into v_new from conversations where organization_id = p_org and id = p_id;
    perform record_decision(p_org, v_now, p_actor, p_instance, 'open thread', 'conversation', p_id, p_phone, 'opened',
                            null, to_jsonb(v_new));
    return row ('done', v_new.revision, p_actor, v_now, p_phone, null, null)::change_answer;
end $$;
