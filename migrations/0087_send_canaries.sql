-- Canaries: real messages to a phone of the organisation's own, through a number that is in question or stands by, to see
-- whether it still reaches anybody. Each is a row before it is a request, and no row is ever sent twice.

create table canaries (
    organization_id     uuid not null
        constraint canary_belongs_to_an_organization references organizations (id) on delete cascade,
    id                  uuid not null,
    number_id           uuid not null,
    account_id          uuid not null,
    phone               e164 not null,
    purpose             text not null,
    state               text not null default 'planned',
    quota_day           date not null,
    planned_at          timestamptz not null default clock_timestamp(),
    due_at              timestamptz not null,
    started_at          timestamptz,
    deadline_at         timestamptz,
    instance_id         uuid,
    finished_at         timestamptz,
    delivered_at        timestamptz,
    provider_message_id text,
    class               text,
    code                text,
    words               text not null default '',
    constraint canaries_key primary key (organization_id, id),
    constraint canary_is_of_a_number foreign key (organization_id, number_id)
        references whatsapp_numbers (organization_id, id) on delete cascade,
    constraint canary_purpose_is_known check (purpose in ('amber', 'red', 'standby')),
    constraint canary_state_is_known
        check (state in ('planned', 'sending', 'accepted', 'refused', 'not_sent', 'in_doubt', 'delivered', 'lost')),
    constraint canary_begins_with_a_deadline check ((started_at is null) = (deadline_at is null)),
    constraint delivered_canary_says_when check ((state = 'delivered') = (delivered_at is not null))
);
comment on table canaries is 'Messages to a phone of our own that show whether a number still reaches anybody; each at most once.';
comment on column canaries.due_at is 'Its slot among the number''s messages, taken when it was planned.';
create index canaries_by_number on canaries (organization_id, number_id, planned_at desc);
create index canaries_under_way on canaries (organization_id, planned_at)
    where state in ('planned', 'sending', 'accepted', 'in_doubt', 'lost');

-- A message that is charged to number and organisation without an attempt. false: a limit is reached.
create function charge_canary(p_org uuid, p_number whatsapp_numbers, p_day date) returns boolean language plpgsql as $$
declare
    v_limit  integer;
    v_number integer;
    v_row    record;
begin
    -- The number's own limit as its warm-up lets it be today.
    select o.daily_limit,
           limit_of_day(p_number.daily_limit, o.warm_up, (p_number.warm_up_started_at at time zone o.time_zone)::date, p_day)
      into v_limit, v_number from organizations o where o.id = p_org;
    insert into quota_usage (organization_id, scope, scope_id, day, cap, reserved)
    values (p_org, 'number', p_number.id, p_day, v_number, 0),
           (p_org, 'organization', p_org, p_day, v_limit, 0)
    on conflict on constraint quota_usage_key do nothing;
    for v_row in
        select u.scope, u.reserved, case u.scope when 'number' then v_number else v_limit end as cap
          from quota_usage u
         where u.organization_id = p_org and u.day = p_day
           and (u.scope, u.scope_id) in (('number', p_number.id), ('organization', p_org))
         order by u.scope for update
    loop
        if v_row.reserved >= v_row.cap then
            return false;
        end if;
    end loop;
    update quota_usage u
       set reserved = u.reserved + 1, elsewhere = u.elsewhere + 1,
           cap = case u.scope when 'number' then case when v_number is not null
                                                      then greatest(u.cap, v_number, u.reserved + 1) end
                              else case when v_limit is not null then greatest(u.cap, v_limit, u.reserved + 1) end end
     where u.organization_id = p_org and u.day = p_day
       and (u.scope, u.scope_id) in (('number', p_number.id), ('organization', p_org));
    return true;
end $$;

-- It never left: it counts no more.
create function give_back_canary(p_org uuid, p_number uuid, p_day date) returns void language plpgsql as $$
begin
    perform 1 from quota_usage u
      where u.organization_id = p_org and u.day = p_day
        and (u.scope, u.scope_id) in (('number', p_number), ('organization', p_org))
      order by u.scope for update;
    update quota_usage u set reserved = u.reserved - 1, elsewhere = u.elsewhere - 1
     where u.organization_id = p_org and u.day = p_day and u.elsewhere > 0
       and (u.scope, u.scope_id) in (('number', p_number), ('organization', p_org));
end $$;

-- Plans a canary, and keeps why none can be sent for the number to say. That one was sent lately is no trouble.
create function plan_canary(p_org uuid, p_number uuid, p_purpose text) returns text language plpgsql as $$
declare
    v_why text := try_canary(p_org, p_number, p_purpose);
begin
    update number_vitals v set no_canary = v_why
     where v.organization_id = p_org and v.number_id = p_number
       and v.no_canary is distinct from v_why and v_why is distinct from 'one was sent lately';
    return v_why;
end $$;
comment on function plan_canary is 'Takes a slot of a number for a message to the canary phone; answers why not.';

-- Plans a canary through a number, in the next free slot of its pacing. Locks as the claim does: the queue, the
-- organisation, the number, its pacing, usage. Answers why not, or nothing.
create function try_canary(p_org uuid, p_number uuid, p_purpose text) returns text language plpgsql as $$
declare
    v_is_template boolean;
    v_rules  vital_rules;
    v_org    organizations;
    v_number whatsapp_numbers;
    v_pacing number_pacing;
    v_now    timestamptz;
    v_next   timestamptz;
    v_day    date;
begin
    perform pg_advisory_xact_lock_shared(decision_queue(p_org));
    select * into v_org from organizations where id = p_org for share;
    select * into v_rules from vital_rules where organization_id = p_org;
    if v_rules.canary_phone is null then
        return 'no canary phone is set';
    end if;
    if v_org.stopped_at is not null then
        return 'all sending is stopped';
    end if;
    select * into v_number from whatsapp_numbers where organization_id = p_org and id = p_number for share;
    if not found or not v_number.is_active then
        return 'the number is switched off';
    end if;
    if not v_number.sends_canaries then
        return 'canaries through it are switched off';
    end if;
    if v_number.phone = v_rules.canary_phone then
        return 'the canary phone is the number itself';
    end if;
    if v_number.suspended_at is not null
       and not exists (select from failovers f where f.organization_id = p_org and f.from_number_id = p_number
                          and f.ended_at is null and f.cause = 'silent_death' and v_number.suspended_by = 'sender')
    then
        return 'the number is suspended';
    end if;
    select * into v_pacing from number_pacing where organization_id = p_org and number_id = p_number for update;
    v_now := clock_timestamp();
    if v_number.limited_until > v_now then
        return 'the number rests';
    end if;
    if exists (select from canaries c where c.organization_id = p_org and c.number_id = p_number
                  and c.state <> 'not_sent' and c.planned_at > v_now - v_rules.canary_every)
    then
        return 'one was sent lately';
    end if;
    if exists (select from suppressions s where s.organization_id = p_org and s.phone = v_rules.canary_phone) then
        return 'the canary phone has opted out';
    end if;
    select a.provider <> 'ultramsg' and not is_answer(p_org, p_number, v_rules.canary_phone, v_now) into v_is_template
      from accounts a where a.organization_id = p_org and a.id = v_number.account_id;
    if v_is_template and v_rules.canary_template is null then
        return 'the canary phone did not write to it within 24 hours, and no canary template is set';
    elsif v_is_template and not has_canary_template(p_org, v_number.account_id, v_rules) then
        return format('the canary phone did not write to it within 24 hours, and its account has no approved template %s in %s'
                      ' without parameters', v_rules.canary_template, v_rules.canary_language);
    end if;
    v_day := (v_now at time zone v_org.time_zone)::date;
    if not charge_canary(p_org, v_number, v_day) then
        return 'a daily limit is reached';
    end if;
    insert into canaries (organization_id, id, number_id, account_id, phone, purpose, quota_day, planned_at, due_at,
                          template, language)
    values (p_org, new_uuid(), p_number, v_number.account_id, v_rules.canary_phone, p_purpose, v_day, v_now,
            greatest(v_pacing.next_send_at, v_now),
            case when v_is_template then v_rules.canary_template end,
            case when v_is_template then v_rules.canary_language end);
    -- The slot is its own until the next look begins it, and the gap that the number keeps follows, for replies too.
    v_next := greatest(v_pacing.next_send_at, v_now)
              + case when v_number.interval_ms > 0 then v_rules.look_every else interval '0' end
              + make_interval(secs => greatest(v_number.interval_ms / 1000.0,
                    case when v_number.per_second > 0 then 1.0 / v_number.per_second else 0 end));
    update number_pacing p set next_send_at = v_next, next_reply_at = greatest(p.next_reply_at, v_next)
     where p.organization_id = p_org and p.number_id = p_number;
    return null;
end $$;

-- What became of those under way, and those whose slot has come: they are marked as sending and answered, once.
create function begin_canaries(p_org uuid, p_instance uuid, p_deadline interval)
    returns table (id uuid, number_id uuid, phone text, purpose text, template text, language text)
    language plpgsql as $$
#variable_conflict use_column
declare
    v_rules vital_rules;
    v_row   record;
begin
    perform pg_advisory_xact_lock_shared(decision_queue(p_org));
    select * into v_rules from vital_rules where organization_id = p_org;
    perform follow_canaries(p_org, v_rules);
    -- Nobody was there to send it.
    for v_row in
        update canaries c
           set state = 'not_sent', finished_at = clock_timestamp(),
               words = case when c.due_at = 'infinity' then 'the canary phone opted out meanwhile'
                            else 'no sender took it in time' end
         where c.organization_id = p_org and c.state = 'planned'
           and (c.due_at < clock_timestamp() - greatest(interval '1 minute', 3 * v_rules.look_every)
                or c.due_at = 'infinity')
        returning c.number_id, c.quota_day
    loop
        perform give_back_canary(p_org, v_row.number_id, v_row.quota_day);
    end loop;
    return query
    update canaries c
       set state = 'sending', started_at = clock_timestamp(), deadline_at = clock_timestamp() + p_deadline,
           instance_id = p_instance
      from (select w.id from canaries w
              join organizations o on o.id = w.organization_id
              join whatsapp_numbers n on n.organization_id = w.organization_id and n.id = w.number_id
             where w.organization_id = p_org and w.state = 'planned' and w.due_at <= clock_timestamp()
               and o.stopped_at is null and n.is_active and coalesce(n.suspended_by, 'sender') = 'sender' and w.phone not in (select s.phone from suppressions s
                                                             where s.organization_id = p_org and s.phone = w.phone)
             order by w.due_at limit 20 for update of w skip locked) d
     where c.organization_id = p_org and c.id = d.id
    returning c.id, c.number_id, c.phone::text, c.purpose, c.template, c.language;
end $$;
comment on function begin_canaries is 'Canaries whose slot has come, marked as sending before anybody sends them.';

create function follow_canaries(p_org uuid, p_rules vital_rules) returns void language plpgsql as $$
begin
    update canaries c set state = 'in_doubt', finished_at = clock_timestamp(), words = 'nobody knows whether it was sent'
     where c.organization_id = p_org and c.state = 'sending'
       and c.deadline_at < clock_timestamp() - interval '5 seconds';
    with hits as materialized (
        select c.id as canary_id, r.id, r.provider_message_id, r.delivery, coalesce(r.at, r.received_at) as at, r.class, r.code, r.words
          from canaries c
         cross join lateral (
                select r.* from receipts r
                 where r.organization_id = p_org and r.account_id = c.account_id and r.applied_at is null
                   and r.provider_message_id = c.provider_message_id
                union
                select r.* from receipts r
                 where r.organization_id = p_org and r.account_id = c.account_id and r.applied_at is null
                   and r.reference = c.id) r
         where c.organization_id = p_org and c.planned_at > clock_timestamp() - interval '2 days'
           and c.state in ('sending', 'accepted', 'in_doubt', 'lost')
    ), closed as (
        update receipts r set applied_at = clock_timestamp(), canary_id = h.canary_id
          from hits h where r.organization_id = p_org and r.id = h.id
    ), furthest as (
        select h.canary_id, max(h.delivery) as delivery,
               min(h.at) filter (where h.delivery >= 'delivered') as delivered_at,
               max(h.class) as class, max(h.code) as code, max(h.words) as words, max(h.provider_message_id) as message
          from hits h group by h.canary_id
    )
    update canaries c
       set state = case when f.delivery >= 'delivered' then 'delivered'
                        when f.delivery = 'failed' then 'refused'
                        when c.state in ('sending', 'in_doubt') then 'accepted' else c.state end,
           delivered_at = case when f.delivery >= 'delivered' then f.delivered_at end,
           class = coalesce(f.class, c.class), code = coalesce(f.code, c.code), words = coalesce(f.words, c.words),
           finished_at = coalesce(c.finished_at, clock_timestamp()),
           provider_message_id = coalesce(c.provider_message_id, f.message)
      from furthest f where c.organization_id = p_org and c.id = f.canary_id;
    -- A backup that reaches nobody is said aloud, where deliveries are reported at all.
    with lost as (
        update canaries c set state = 'lost', words = 'taken by the provider, and not delivered in time'
         where c.organization_id = p_org and c.state = 'accepted'
           and c.started_at < clock_timestamp() - p_rules.canary_wait
        returning c.number_id, c.account_id, c.purpose
    ), told as (
        insert into audit_log (organization_id, actor, action, entity, entity_id, entity_name, reason)
        select p_org, 'sender', 'warn', 'number', n.id, n.phone, 'stands by, and its canary did not arrive: test it before it is needed'
          from lost l join whatsapp_numbers n on n.organization_id = p_org and n.id = l.number_id
         where l.purpose = 'standby'
           and exists (select from number_pulse y join whatsapp_numbers o on o.organization_id = p_org and o.id = y.number_id
                        where y.organization_id = p_org and o.account_id = l.account_id and y.delivered > 0)
        returning entity_id
    )
    update whatsapp_numbers n set revision = n.revision + 1
      from told t where n.organization_id = p_org and n.id = t.entity_id;
end $$;

-- What the provider answered. Only what is not known yet is settled.
create function record_canary(
    p_org uuid, p_id uuid, p_state text, p_message text, p_class text, p_code text, p_words text
) returns void language plpgsql as $$
declare
    v_old canaries;
begin
    select * into v_old from canaries where organization_id = p_org and id = p_id for update;
    if v_old.state is null then
        return;
    end if;
    -- A report was faster than the answer: it said more, but for the id that later reports go by.
    if v_old.state not in ('sending', 'in_doubt') then
        update canaries set provider_message_id = coalesce(provider_message_id, p_message)
         where organization_id = p_org and id = p_id;
        return;
    end if;
    update canaries
       set state = p_state, provider_message_id = p_message, class = p_class, code = p_code, words = coalesce(p_words, ''),
           finished_at = clock_timestamp()
     where organization_id = p_org and id = p_id;
    if p_state = 'not_sent' then
        perform give_back_canary(p_org, v_old.number_id, v_old.quota_day);
    end if;
end $$;
comment on function record_canary is 'Keeps what the provider answered to a canary.';

-- The last canary through each of these numbers since their state began.
create function last_canaries(p_org uuid) returns table (number_id uuid, state text, age double precision)
    language sql stable as $$
    select v.number_id, c.state, extract(epoch from clock_timestamp() - c.planned_at)::double precision
      from number_vitals v
     cross join lateral (select c.* from canaries c
                          where c.organization_id = p_org and c.number_id = v.number_id and c.planned_at >= v.since
                            and c.state <> 'not_sent'
                          order by c.planned_at desc limit 1) c
     where v.organization_id = p_org and v.state in ('amber', 'red')
$$;
