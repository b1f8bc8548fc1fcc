-- Conversations: what a person writes to us and what we answer, in threads that keep their number.

create table conversations (
    organization_id uuid not null
        constraint conversation_belongs_to_an_organization references organizations (id) on delete cascade,
    id              uuid not null,
    phone           e164 not null,
    profile         text,
    number_id       uuid,
    thread          integer,
    campaign_id     uuid,
    assigned_to     text,
    opened_at       timestamptz not null,
    last_at         timestamptz not null,
    last_in_at      timestamptz,
    last_out_at     timestamptz,
    last_text       text not null default '',
    last_is_ours    boolean not null default false,
    unread          integer not null default 0,
    done_at         timestamptz,
    done_by         text,
    revision        bigint not null default 1,
    constraint conversations_key primary key (organization_id, id),
    constraint thread_number_is_given_once_per_number unique (organization_id, number_id, thread),
    constraint conversation_keeps_a_number foreign key (organization_id, number_id)
        references whatsapp_numbers (organization_id, id) on delete set null (number_id),
    constraint thread_with_a_number_has_its_own check (number_id is null or thread is not null),
    constraint unread_is_not_negative check (unread >= 0),
    constraint done_names_who check ((done_at is null) = (done_by is null))
);
comment on table conversations is 'A thread with a person, through the one number that it keeps.';
comment on column conversations.thread is 'What people write before a text to name it among several with one number: #282.';
comment on column conversations.campaign_id is 'The campaign that caused it.';
comment on column conversations.assigned_to is 'The operator who has it.';
comment on column conversations.unread is 'What came in since the last answer, hand-over or end.';
comment on column conversations.revision is 'Raised by what operators do, not by what the person writes.';
create index conversations_by_time on conversations (organization_id, last_at desc, id desc);
create index open_conversations_by_time on conversations (organization_id, last_at desc, id desc) where done_at is null;
create index conversations_of_a_person on conversations (organization_id, phone, number_id, last_at desc);
create index open_conversations_of_a_number on conversations (organization_id, number_id) where done_at is null;
create index done_conversations_by_time on conversations (organization_id, last_at desc, id desc)
    where done_at is not null;
create index conversations_of_an_operator on conversations (organization_id, assigned_to, last_at desc, id desc)
    where done_at is null and assigned_to is not null;
create index conversations_unread on conversations (organization_id, last_at desc, id desc) where unread > 0;

-- The highest thread number of each number: given out under the lock of this row.
create table thread_numbers (
    organization_id uuid not null,
    number_id       uuid not null,
    last_thread     integer not null,
    constraint thread_numbers_key primary key (organization_id, number_id),
    constraint thread_numbers_of_a_number foreign key (organization_id, number_id)
        references whatsapp_numbers (organization_id, id) on delete cascade
);
comment on table thread_numbers is 'How many threads each number has opened.';

alter table inbound_messages add column conversation_id uuid;
comment on column inbound_messages.conversation_id is 'Its thread; none where the person hides the phone.';
create index inbound_messages_of_a_conversation on inbound_messages (organization_id, conversation_id, id);

-- What we answer. A reply is a message: it goes out through an attempt of its own like a campaign's, whose recipient_id
-- names it, and the same index lets it be live once.
create table replies (
    organization_id uuid not null
        constraint reply_belongs_to_an_organization references organizations (id) on delete cascade,
    id              uuid not null,
    conversation_id uuid not null,
    number_id       uuid not null,
    phone           e164 not null,
    kind            text not null,
    body            text not null,
    written_by      text not null,
    written_at      timestamptz not null,
    state           recipient_state not null default 'queued',
    due_at          timestamptz,
    tries           smallint not null default 0,
    last_attempt_id uuid,
    reason          text,
    updated_at      timestamptz not null default clock_timestamp(),
    constraint replies_key primary key (organization_id, id),
    constraint reply_belongs_to_a_conversation foreign key (organization_id, conversation_id)
        references conversations (organization_id, id) on delete cascade,
    constraint reply_kind_is_known check (kind in ('operator', 'stop_confirmation', 'start_confirmation')),
    constraint reply_says_something check (btrim(body) <> ''),
    constraint queued_reply_is_due check ((state = 'queued') = (due_at is not null)),
    constraint reply_that_ended_badly_has_a_reason
        check (state not in ('failed', 'in_doubt', 'skipped') or reason is not null)
) with (fillfactor = 70);
comment on table replies is 'What we answer to people, one row a message.';
comment on column replies.body is 'As it goes out, the thread''s name before it where it needs one.';
create index replies_to_send on replies (organization_id, number_id, due_at, id) where state = 'queued';
create index replies_of_a_conversation on replies (organization_id, conversation_id, id);
create index open_replies_of_a_person on replies (organization_id, phone) where state in ('queued', 'sending', 'in_doubt');

alter table whatsapp_numbers
    add column reply_share integer not null default 0,
    add constraint number_reply_share_is_between_0_and_90 check (reply_share between 0 and 90);
comment on column whatsapp_numbers.reply_share is 'Percent of its daily limit and of its rate that only replies may use.';
alter table number_pacing add column next_reply_at timestamptz not null default '-infinity';
comment on column number_pacing.next_reply_at is
    'When a reply may go. Earlier than next_send_at where a share of the rate is held back for replies.';

alter table organizations
    add column stop_words text[] not null default '{}',
    add column start_words text[] not null default '{}',
    add column stop_confirmation jsonb,
    add column start_confirmation jsonb,
    add constraint stop_confirmation_is_texts_by_locale check (jsonb_typeof(stop_confirmation) = 'object'),
    add constraint start_confirmation_is_texts_by_locale check (jsonb_typeof(start_confirmation) = 'object');
comment on column organizations.stop_words is 'Words that mean STOP here, beside the built-in ones.';
comment on column organizations.stop_confirmation is 'Locale to text, sent once to who opts out; null: nothing is sent.';

-- Of a number's daily limit, what only replies may use today: its share, less what replies used already.
create function held_back(p_org uuid, p_number uuid, p_limit integer, p_share integer, p_day date) returns integer
    language sql stable
as $$
    select case when p_share > 0 and p_limit is not null
                then greatest(0, (p_limit::bigint * p_share + 99) / 100
                                 - coalesce((select u.reserved from quota_usage u
                                              where u.organization_id = p_org and u.scope = 'replies'
                                                and u.scope_id = p_number and u.day = p_day), 0))::integer
                else 0 end
$$;

-- Until when a person can be answered through a number: 24 hours from what was written to it last, where the provider has
-- such a window (meta-cloud.md section 7, twilio.md section 3). Null: that person never wrote to it.
create function answer_window(p_org uuid, p_phone text, p_number uuid) returns timestamptz
    language sql stable
as $$
    select case when a.provider = 'ultramsg' then 'infinity'
                else (select max(c.last_in_at) + interval '24 hours' from conversations c
                       where c.organization_id = p_org and c.phone = p_phone and c.number_id = p_number) end
      from whatsapp_numbers n join accounts a on a.organization_id = n.organization_id and a.id = n.account_id
     where n.organization_id = p_org and n.id = p_number
$$;

-- Whether a reply may still go. Who opted out gets no answer from anybody; the one message that says so is the exception.
create function reply_stands(p_org uuid, p_phone text, p_number uuid, p_kind text) returns boolean
    language sql stable
as $$
    select coalesce(answer_window(p_org, p_phone, p_number) > clock_timestamp(), false)
           and (p_kind = 'stop_confirmation'
                or not exists (select from suppressions s where s.organization_id = p_org and s.phone = p_phone))
$$;

-- The number of a thread that has none: one where the person can be answered now, before others of the pool; among them one
-- that has no thread with the person yet; among them the least used. No number of the pool in service: the
-- organisation's default number, else any of its numbers.
create function number_for_thread(p_org uuid, p_phone text, p_pool uuid) returns uuid
    language sql stable
as $$
    select n.id
      from whatsapp_numbers n
      join organizations o on o.id = n.organization_id
     cross join lateral (
        select count(*) as threads, count(*) filter (where c.phone = p_phone) as own from conversations c
         where c.organization_id = p_org and c.number_id = n.id and c.done_at is null) t
     where n.organization_id = p_org and n.is_active
       and (n.suspended_at is null or n.suspended_until <= clock_timestamp())
     order by case when exists (select from pool_numbers m where m.organization_id = p_org and m.pool_id = p_pool
                                   and m.number_id = n.id) then 1
                   when n.id = o.default_number_id then 2 else 3 end,
              coalesce(answer_window(p_org, p_phone, n.id) > clock_timestamp(), false) desc,
              t.own > 0, t.threads, n.priority, n.phone
     limit 1
$$;

-- Where numbers for a thread come from: the pool of the campaign that caused it, else the default pool.
create function pool_for_thread(p_org uuid, p_campaign uuid) returns uuid
    language sql stable
as $$
    select coalesce((select pool_id from campaigns where organization_id = p_org and id = p_campaign),
                    (select id from pools where organization_id = p_org order by (name = 'default') desc, name limit 1))
$$;

create function next_thread(p_org uuid, p_number uuid) returns integer language sql
as $$
    insert into thread_numbers as t (organization_id, number_id, last_thread)
    select p_org, p_number, 1 where p_number is not null
    on conflict on constraint thread_numbers_key do update set last_thread = t.last_thread + 1
    returning last_thread
$$;

-- Puts a message into its thread and answers which: the one that the text names, if it is with this person and number; the
-- one whose message it answers; the latest with this person through this number; or a new one.
create function thread_of(p_org uuid, p_inbound uuid, p_thread integer) returns uuid language plpgsql as $$
declare
    v_in  inbound_messages;
    v_id  uuid;
    v_at  timestamptz;
    v_now timestamptz;
begin
    select * into v_in from inbound_messages where organization_id = p_org and id = p_inbound;
    -- Two senders that hear one person open one thread.
    perform pg_advisory_xact_lock(hashtextextended(p_org::text || v_in.phone, 70));
    v_now := clock_timestamp();
    -- What is late was written earlier: the window counts from there. No clock of a provider makes it longer.
    v_at := least(coalesce(v_in.at, v_in.received_at), v_in.received_at);
    select c.id into v_id from conversations c
      where c.organization_id = p_org and c.number_id = v_in.number_id and c.thread = p_thread and c.phone = v_in.phone;
    if v_id is null then
        select y.conversation_id into v_id
          from attempts a join replies y on y.organization_id = p_org and y.id = a.recipient_id
         where a.organization_id = p_org and a.id = v_in.answers_attempt_id and a.campaign_id is null
           and y.phone = v_in.phone;
    end if;
    if v_id is null then
        select c.id into v_id from conversations c
         where c.organization_id = p_org and c.phone = v_in.phone
           and (c.number_id = v_in.number_id or v_in.number_id is null)
         order by (c.done_at is null) desc, c.last_at desc limit 1;
    end if;
    if v_id is null then
        v_id := new_uuid();
        insert into conversations (organization_id, id, phone, number_id, thread, opened_at, last_at)
        values (p_org, v_id, v_in.phone, v_in.number_id, next_thread(p_org, v_in.number_id), v_now, v_now);
    end if;
    update conversations c
       set last_at = v_now, last_in_at = greatest(c.last_in_at, v_at), profile = coalesce(v_in.profile, c.profile),
           campaign_id = coalesce(v_in.campaign_id, c.campaign_id), unread = c.unread + 1, last_is_ours = false,
           last_text = left(case when v_in.body = '' then '(' || v_in.kind || ')' else v_in.body end, 200),
           done_at = null, done_by = null
     where c.organization_id = p_org and c.id = v_id;
    update inbound_messages set conversation_id = v_id where organization_id = p_org and id = p_inbound;
    return v_id;
end $$;
comment on function thread_of is 'Routes what a person wrote into its thread.';

-- Queues a reply in a thread whose row the caller has locked. With several open threads between one person and one number
-- the text says which it is of.
create function queue_reply(p_org uuid, p_id uuid, p_conversation uuid, p_kind text, p_body text, p_by text) returns void
    language plpgsql
as $$
declare
    v_thread conversations;
    v_body   text := p_body;
    v_now    timestamptz := clock_timestamp();
begin
    select * into v_thread from conversations where organization_id = p_org and id = p_conversation;
    if (select count(*) from conversations c
         where c.organization_id = p_org and c.phone = v_thread.phone and c.number_id = v_thread.number_id
           and (c.done_at is null or c.id = p_conversation)) > 1
    then
        v_body := format('#%s: %s', v_thread.thread, p_body);
    end if;
    insert into replies (organization_id, id, conversation_id, number_id, phone, kind, body, written_by, written_at, due_at)
    values (p_org, p_id, p_conversation, v_thread.number_id, v_thread.phone, p_kind, v_body, p_by, v_now, '-infinity');
    update conversations c
       set last_at = v_now, last_out_at = v_now, last_text = left(v_body, 200), last_is_ours = true
     where c.organization_id = p_org and c.id = p_conversation;
    -- Wakes the sender that holds the number.
    perform tell(p_org, 'replies', p_id, 1);
end $$;

-- Tells a person that an opt-out or opt-in was understood, where the organisation wants that. This one message may go to
-- somebody who has just opted out: it says that it is the last.
create function confirm_consent(p_org uuid, p_conversation uuid, p_consent text) returns void language plpgsql as $$
declare
    v_texts  jsonb;
    v_locale text;
    v_text   text;
begin
    select case p_consent when 'stop' then o.stop_confirmation else o.start_confirmation end,
           coalesce(k.locale, o.default_locale)
      into v_texts, v_locale
      from organizations o
      join conversations c on c.organization_id = o.id and c.id = p_conversation and c.number_id is not null
      left join contacts k on k.organization_id = o.id and k.phone = c.phone
     where o.id = p_org;
    v_text := coalesce(v_texts ->> v_locale, v_texts ->> split_part(v_locale, '-', 1),
                       v_texts ->> (select default_locale from organizations where id = p_org),
                       (select value from jsonb_each_text(v_texts) order by key limit 1));
    if v_text is not null then
        perform queue_reply(p_org, new_uuid(), p_conversation, p_consent || '_confirmation', v_text, 'sender');
    end if;
end $$;

-- Due replies of one number, for the claim: it holds all locks that come before these rows and has asked every gate.
create function claim_replies(
    p_org uuid, p_instance uuid, p_number uuid, p_epoch bigint, p_lane integer, p_wanted integer, p_attempts uuid[],
    p_now timestamptz, p_day date, p_deadline interval
) returns setof claim_row
    language plpgsql
    set enable_seqscan = off set enable_bitmapscan = off set enable_sort = off
    set enable_hashjoin = off set enable_mergejoin = off set enable_material = off set jit = off
    set plan_cache_mode = force_generic_plan
as $$
declare
    v_picked tid[];
begin
    v_picked := array(
        select y.ctid from replies y
         where y.organization_id = p_org and y.number_id = p_number and y.state = 'queued' and y.due_at <= p_now
           and reply_stands(p_org, y.phone, p_number, y.kind)
         order by y.due_at, y.id limit p_wanted for update of y skip locked);
    return query
    with marked as (
        update replies y
           set state = 'sending', due_at = null, tries = y.tries + 1, last_attempt_id = p_attempts[k.place],
               updated_at = p_now
          from unnest(v_picked) with ordinality as k (place_on_page, place)
         where y.ctid = k.place_on_page
        returning y.id, y.tries, y.phone, y.body, k.place::integer as place
    ), intents as (
        insert into attempts (organization_id, id, campaign_id, recipient_id, step, number_id, instance_id,
                              epoch, quota_day, started_at, deadline_at)
        select p_org, p_attempts[m.place], null, m.id, 1, p_number, p_instance, p_epoch, p_day, p_now,
               clock_timestamp() + p_deadline
          from marked m
    )
    select p_lane, p_attempts[m.place], m.id, 1::smallint, m.tries, m.phone::text, null::text, m.body, p_now,
           'reply'::text
      from marked m;
end $$;

-- The view of replies, from the receipts of their attempts. What the provider took and did not deliver ends here: an
-- operator reads why and decides whether to write again.
create function move_replies(
    p_org uuid, p_receipts uuid[], p_attempts uuid[], p_reasons text[], p_now timestamptz
) returns void language plpgsql
    set enable_seqscan = off set enable_bitmapscan = off set enable_hashjoin = off set enable_mergejoin = off
    set jit = off
as $$
begin
    perform 1 from attempts a join replies y on y.organization_id = p_org and y.id = a.recipient_id
     where a.organization_id = p_org and a.id = any (p_attempts) and a.campaign_id is null
     order by a.id for update of y;
    with failed as (
        update attempts a
           set state = 'undelivered', live = false, class = r.class, blame = r.blame, code = r.code, words = r.words
          from unnest(p_receipts, p_attempts, p_reasons) as k (id, attempt_id, reason)
          join receipts r on r.organization_id = p_org and r.id = k.id and r.delivery = 'failed'
         where a.organization_id = p_org and a.id = k.attempt_id and a.campaign_id is null and a.state = 'accepted'
           and a.delivery = 'failed'
        returning a.id, a.recipient_id, k.reason
    )
    update replies y set state = 'failed', reason = coalesce(f.reason, 'unknown'), updated_at = p_now
      from failed f
     where y.organization_id = p_org and y.id = f.recipient_id and y.last_attempt_id = f.id and y.state = 'accepted';
    update replies y
       set state = case a.delivery when 'read' then 'read'::recipient_state when 'delivered' then 'delivered'
                                   else 'accepted' end,
           reason = null, updated_at = p_now
      from attempts a
     where a.organization_id = p_org and a.id = any (p_attempts) and a.campaign_id is null and a.state = 'accepted'
       and y.organization_id = p_org and y.id = a.recipient_id and y.last_attempt_id = a.id
       and (y.state in ('accepted', 'failed')
            or y.state = 'delivered' and a.delivery = 'read');
end $$;

-- Ends replies that wait and may not go any more.
create function end_replies(p_org uuid) returns void language sql as $$
    update replies y
       set state = 'skipped', due_at = null, updated_at = clock_timestamp(),
           reason = case when coalesce(answer_window(p_org, y.phone, y.number_id) > clock_timestamp(), false)
                         then 'opted_out' else 'window_closed' end
     where y.organization_id = p_org
       and y.id = any (array(select w.id from replies w
                              where w.organization_id = p_org and w.state = 'queued'
                                and not reply_stands(p_org, w.phone, w.number_id, w.kind)
                              limit 1000 for update skip locked))
$$;
