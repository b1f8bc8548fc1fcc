-- How far messages came, and what people wrote back: kept as events, and the view computed from them. An event may come
-- late, twice, before its attempt's own answer, or for nobody.

create type delivery_state as enum ('queued', 'sent', 'failed', 'delivered', 'read');
comment on type delivery_state is 'In the order of their rank: a failure counts only below delivered.';

create table receipts (
    organization_id     uuid not null
        constraint receipt_belongs_to_an_organization references organizations (id) on delete cascade,
    id                  uuid not null,
    account_id          uuid not null,
    provider_message_id text,
    reference           uuid,
    delivery            delivery_state not null,
    at                  timestamptz,
    received_at         timestamptz not null default clock_timestamp(),
    class               text,
    blame               text,
    code                text,
    words               text,
    attempt_id          uuid,
    canary_id           uuid,
    look_again_at       timestamptz not null default clock_timestamp(),
    applied_at          timestamptz,
    constraint receipts_key primary key (organization_id, id),
    constraint receipt_belongs_to_an_account foreign key (organization_id, account_id)
        references accounts (organization_id, id) on delete cascade,
    constraint receipt_is_kept_once
        unique nulls not distinct (organization_id, account_id, provider_message_id, reference, delivery),
    constraint receipt_names_a_message check (provider_message_id is not null or reference is not null),
    constraint applied_iff_message_is_known
        check ((applied_at is null) = (attempt_id is null and canary_id is null)
               and (attempt_id is null or canary_id is null)),
    constraint failed_receipt_has_a_class check (delivery <> 'failed' or class is not null)
);
comment on table receipts is 'Every status that a provider reported, once; the view of a message is computed from them.';
comment on column receipts.reference is 'The attempt that the provider says it is about, not yet compared with anything.';
comment on column receipts.attempt_id is 'The attempt that it is about.';
comment on column receipts.canary_id is 'The canary that it is about (0087).';
comment on column receipts.look_again_at is 'No attempt fits yet: when to look again. Rarer, the longer it waits.';
create index receipts_to_apply on receipts (organization_id, look_again_at) where applied_at is null;
create index receipts_of_an_attempt on receipts (organization_id, attempt_id) where attempt_id is not null;

alter table attempts
    add column delivery     delivery_state,
    add column delivered_at timestamptz,
    add column read_at      timestamptz;
comment on column attempts.delivery is 'The furthest that was reported, whatever the order.';

-- The attempts whose messages have this id at the provider. With the owner's rights from 0172 on: the index is over a digest,
-- and a condition that hides a digest from policies cannot use it, so that an operator's look-up would walk all messages.
create function attempts_of_message(p_org uuid, p_message text) returns setof uuid language plpgsql stable
    set enable_seqscan = off set enable_bitmapscan = off
as $$
begin
    perform must_run(p_org);
    return query
    select m.attempt_id from provider_messages m
     where m.organization_id = p_org and m.provider_message_id = p_message
       and hashtextextended(m.provider_message_id, 0) = hashtextextended(p_message, 0);
end $$;
comment on function attempts_of_message is 'The attempts whose messages have this id at the provider.';

-- Receipts that are due and whose attempt is known by now, with what a judgement needs to know. Those without one are
-- looked at again later; while the caller works, nobody else does.
create function take_receipts(p_org uuid, p_most integer)
    returns table (
        receipt_id uuid, attempt_id uuid, attempt attempt_state, delivery delivery_state, provider_message_id text,
        code text, words text,
        number_id uuid, account_id uuid, provider provider_kind, campaign_id uuid, phone text, tries smallint, never_switch boolean,
        is_recent boolean
    )
    language plpgsql
    set enable_seqscan = off set enable_bitmapscan = off set enable_hashjoin = off set enable_mergejoin = off
    set jit = off
as $$
#variable_conflict use_column
declare
    -- What an index is asked for may not change meanwhile: of a clock's reading the walk would look at all that wait.
    v_now timestamptz := clock_timestamp();
begin
    -- With the owner's rights from 0172 on.
    perform must_run(p_org);
    return query
    with due as materialized (
        update receipts r
           set look_again_at = clock_timestamp()
                               + least(greatest(clock_timestamp() - r.received_at, interval '2 s'), interval '1 h')
          from (select w.ctid as place from receipts w
                 where w.organization_id = p_org and w.applied_at is null and w.look_again_at <= v_now
                 order by w.organization_id, w.look_again_at limit p_most for update skip locked) w
         where r.ctid = w.place
        returning r.*
    )
    select d.id, a.id, a.state, d.delivery, d.provider_message_id, d.code, d.words, a.number_id, d.account_id, k.provider,
           a.campaign_id, r.phone::text, r.tries, coalesce(c.failover <> 'pool', true),
           a.started_at > clock_timestamp() - interval '1 hour'
           and not exists (select from failovers f where f.organization_id = p_org and f.from_number_id = a.number_id
                              and f.ended_at > a.started_at)
      from due d
      join accounts k on k.organization_id = p_org and k.id = d.account_id
     cross join lateral (
        select a.* from (select d.reference as id where d.reference is not null
                         union all
                         select attempts_of_message(p_org, d.provider_message_id)
                          where d.provider_message_id is not null) k
          -- One by one, in the order of the key: of several at once a planner without figures reads all attempts.
         cross join lateral (select a.* from attempts a where a.organization_id = p_org and a.id >= k.id and a.id <= k.id
                              order by a.id limit 1) a
          join whatsapp_numbers n on n.organization_id = p_org and n.id = a.number_id and n.account_id = d.account_id
         -- What carries our reference is surely ours; an id may have been given twice.
         order by (a.id = d.reference) desc nulls last, a.id desc limit 1) a
      left join campaigns c on c.organization_id = p_org and c.id = a.campaign_id
     cross join lateral (
        (select r.phone, r.tries from campaign_recipients r
          where r.organization_id = p_org and r.campaign_id = a.campaign_id
            and r.id >= a.recipient_id and r.id <= a.recipient_id order by r.id limit 1)
        union all
        (select y.phone, y.tries from replies y
          where a.campaign_id is null and y.organization_id = p_org and y.id = a.recipient_id limit 1)) r
     order by d.id;
end $$;
comment on function take_receipts is 'Due receipts whose attempt is known, with what is needed to judge them.';

-- Moves attempts and recipients forward by receipts that were judged. The acceptance that a receipt proves was recorded
-- before (record_outcomes). p_next says what becomes of a recipient whose message failed.
create function apply_receipts(
    p_org uuid, p_ids uuid[], p_attempts uuid[], p_next text[], p_delay_ms bigint[], p_reasons text[],
    p_now timestamptz default null
) returns integer language plpgsql
    set enable_seqscan = off set enable_bitmapscan = off set enable_hashjoin = off set enable_mergejoin = off
    set jit = off
as $$
#variable_conflict use_column
declare
    v_now    timestamptz;
    v_bucket timestamptz;
    v_width  interval;
    v_settle interval;
    v_since  timestamptz;
    v_done   integer;
    v_ids    uuid[];
begin
    -- With the owner's rights from 0172 on.
    perform must_run(p_org);

    -- Whoever is queued again by this shows the slot that they hold then. In line with an edit that brings slots, and as
    -- everywhere before any row.
    if p_next && array['retry', 'switch', 'keep'] then
        perform pg_advisory_xact_lock(slot_queue(p_org));
    end if;
    -- Locks in the order of the outcomes: attempts, then their recipients, each in the order of the attempts.
    -- Each is found through its key, as in record_outcomes: a plan that was made while the tables were small would else walk
    -- the campaign for every receipt.
    v_ids := array(select distinct k.id from unnest(p_attempts) as k (id) order by k.id);
    perform 1 from unnest(v_ids) as k (id)
     cross join lateral (select a.id from attempts a where a.organization_id = p_org and a.id = k.id limit 1 for update) a;
    perform 1 from unnest(v_ids) as k (id)
     cross join lateral (select a.campaign_id, a.recipient_id from attempts a
                          where a.organization_id = p_org and a.id = k.id limit 1) a
     cross join lateral (select r.id from campaign_recipients r
                          where r.organization_id = p_org and r.campaign_id = a.campaign_id
                            and r.id >= a.recipient_id and r.id <= a.recipient_id order by r.id limit 1 for update) r;
    v_now := coalesce(p_now, clock_timestamp());
    with applied as (
        update receipts r set applied_at = v_now, attempt_id = k.attempt_id
          from unnest(p_ids, p_attempts) as k (id, attempt_id)
         where r.organization_id = p_org and r.id = k.id and r.applied_at is null
        returning r.id
    )
    select count(*) into v_done from applied;

    -- The view: the furthest of all receipts of each attempt, and when. What it moves is counted for the number, in the
    -- stretch in which the message was sent, before any recipient moves: outcomes take their locks in this order too.
    select v.bucket, v.settle, v_now - v.baseline into v_width, v_settle, v_since
      from vital_rules v where v.organization_id = p_org;
    v_bucket := pulse_bucket(p_org, v_now);
    with seen as materialized (
        select r.attempt_id, max(r.delivery) as delivery,
               min(coalesce(r.at, r.received_at)) filter (where r.delivery in ('delivered', 'read')) as delivered_at,
               min(coalesce(r.at, r.received_at)) filter (where r.delivery = 'read') as read_at,
               coalesce(bool_or(r.delivery = 'failed' and r.class in ('recipient_blocked', 'opted_out')), false) as is_blocked
          from unnest(v_ids) as k (id)
          join receipts r on r.organization_id = p_org and r.attempt_id = k.id group by r.attempt_id
    ), moved as materialized (
        select a.id, a.number_id, a.state, a.finished_at, coalesce(a.delivery, 'queued') as was, s.*
          from seen s join attempts a on a.organization_id = p_org and a.id = s.attempt_id
         where a.delivery is distinct from s.delivery
    ), shown as (
        update attempts a
           set delivery = m.delivery, delivered_at = m.delivered_at, read_at = m.read_at
          from moved m
         where a.organization_id = p_org and a.id = m.id
    ), counted as (
        select m.number_id, date_bin(v_width, m.finished_at, timestamptz 'epoch') as bucket,
               count(*) filter (where m.was < 'delivered' and m.delivery >= 'delivered'
                                  and m.delivered_at <= m.finished_at + v_settle) as delivered,
               count(*) filter (where m.delivery = 'failed') - count(*) filter (where m.was = 'failed') as undelivered,
               count(*) filter (where m.delivery = 'failed' and m.is_blocked) as blocked, 0 as reports
          from moved m
         where m.state in ('accepted', 'undelivered') and m.finished_at > v_since
         group by 1, 2
        union all
        select a.number_id, v_bucket, 0, 0, 0, count(*)
          from unnest(p_attempts) as k (id) join attempts a on a.organization_id = p_org and a.id = k.id
         group by 1
    )
    insert into number_pulse as n (organization_id, number_id, bucket, delivered, undelivered, blocked, reports)
    select p_org, c.number_id, c.bucket, sum(c.delivered), sum(c.undelivered), sum(c.blocked), sum(c.reports)
      from counted c where c.bucket is not null group by c.number_id, c.bucket order by c.number_id, c.bucket
    on conflict on constraint number_pulse_key do update
       set delivered = n.delivered + excluded.delivered,
           undelivered = n.undelivered + excluded.undelivered,
           blocked = n.blocked + excluded.blocked, reports = n.reports + excluded.reports;

    -- Taken by the provider, and not delivered after all: the step is open again, and what follows was judged. Who is on
    -- the way to the next step goes on, unless the person cannot be reached at all; what lies behind stays as it was.
    with judged as materialized (
        select distinct on (k.attempt_id) k.attempt_id, k.next, k.delay_ms, k.reason, r.class, r.blame, r.code, r.words
          from unnest(p_ids, p_attempts, p_next, p_delay_ms, p_reasons) as k (id, attempt_id, next, delay_ms, reason)
         cross join lateral (select r.class, r.blame, r.code, r.words from receipts r
                              where r.organization_id = p_org and r.id = k.id and r.delivery = 'failed' limit 1) r
         order by k.attempt_id, k.id
    ), failed as materialized (
        select a.id, a.number_id, j.*, r.step > a.step as is_behind, r.place
          from judged j
          join attempts a on a.organization_id = p_org and a.id = j.attempt_id and a.state = 'accepted'
                         and a.delivery = 'failed'
         cross join lateral (select r.ctid as place, r.state, r.step, r.last_attempt_id from campaign_recipients r
                              where r.organization_id = p_org and r.campaign_id = a.campaign_id
                                and r.id >= a.recipient_id and r.id <= a.recipient_id order by r.id limit 1) r
         where r.last_attempt_id = a.id
           and (r.state = 'accepted' and r.step = a.step
                or r.state = 'queued' and r.step > a.step and j.blame = 'recipient' and j.next = 'fail')
    ), undelivered as (
        update attempts a
           set state = 'undelivered', live = false, class = f.class, blame = f.blame, code = f.code, words = f.words
          from failed f
         where a.organization_id = p_org and a.id = f.id and not f.is_behind
    )
    update campaign_recipients r
       set state = case when f.next in ('retry', 'switch', 'keep') then 'queued'::recipient_state else 'failed' end,
           attention = case when f.next in ('retry', 'switch', 'keep') then null else 'failed'::recipient_state end,
           reason = coalesce(f.reason, 'unknown'),
           due_at = case when f.next in ('retry', 'keep') then v_now + make_interval(secs => f.delay_ms / 1000.0)
                         when f.next = 'switch' then v_now + case when r.is_kept then interval '1 minute' else interval '0' end end,
           is_kept = r.is_kept or f.next = 'keep' and f.blame is not distinct from 'recipient',
           bound_number_id = case when f.next = 'keep' or f.next in ('retry', 'switch') and r.is_kept then f.number_id
                                  when f.next = 'retry' then r.sticky_number_id end,
           sticky_number_id = case when f.next = 'switch' then null else r.sticky_number_id end,
           updated_at = v_now
      from failed f
     where r.ctid = f.place;
    if p_next && array['retry', 'switch', 'keep'] then
        -- What was queued again and may not be sent any more ends here: a report may come long after the campaign did.
        perform end_requeued(p_org, v_ids, v_now);
        perform give_slots_again(p_org, q.campaign_id, q.people)
           from (select a.campaign_id, array_agg(r.id) as people
                   from unnest(v_ids) as k (id)
                  cross join lateral (select a.campaign_id, a.recipient_id from attempts a
                                       where a.organization_id = p_org and a.id = k.id and a.state = 'undelivered' limit 1) a
                  cross join lateral (select r.id from campaign_recipients r
                                       where r.organization_id = p_org and r.campaign_id = a.campaign_id
                                         and r.id >= a.recipient_id and r.id <= a.recipient_id
                                         and r.state = 'queued' and r.last_attempt_id = k.id order by r.id limit 1) r
                  group by a.campaign_id) q;
    end if;

    -- Reported as failed, and delivered after all: delivered wins, unless something else went out meanwhile.
    update attempts a
       set contradicted = true
      from unnest(v_ids) as k (id)
     where a.organization_id = p_org and a.id = k.id and a.state = 'undelivered'
       and a.delivery in ('delivered', 'read') and not a.contradicted
       and exists (select from attempts l where l.organization_id = p_org and l.recipient_id = a.recipient_id
                      and l.step = a.step and l.live);
    with healed as (
        update attempts a
           set state = 'accepted', live = true
          from unnest(v_ids) as k (id)
         where a.organization_id = p_org and a.id = k.id and a.state = 'undelivered'
           and a.delivery in ('delivered', 'read') and not a.contradicted
        returning a.id, a.campaign_id, a.recipient_id, a.step
    )
    update campaign_recipients r
       set state = 'accepted', attention = null, reason = null, due_at = null, bound_number_id = null,
           last_attempt_id = h.id, updated_at = v_now
      from healed h
     cross join lateral (select q.ctid as place from campaign_recipients q
                          where q.organization_id = p_org and q.campaign_id = h.campaign_id
                            and q.id >= h.recipient_id and q.id <= h.recipient_id order by q.id limit 1) q
     -- Whatever became of later tries: this one was delivered, and nothing of the step goes out again.
     where r.ctid = q.place and r.step = h.step and r.state in ('failed', 'queued', 'skipped');

    update campaign_recipients r
       set state = case a.delivery when 'read' then 'read'::recipient_state else 'delivered' end, updated_at = v_now
      from unnest(v_ids) as k (id)
     cross join lateral (select a.* from attempts a where a.organization_id = p_org and a.id = k.id limit 1) a
     cross join lateral (select q.ctid as place from campaign_recipients q
                          where q.organization_id = p_org and q.campaign_id = a.campaign_id
                            and q.id >= a.recipient_id and q.id <= a.recipient_id order by q.id limit 1) q
     where r.ctid = q.place and a.delivery in ('delivered', 'read') and r.last_attempt_id = a.id and r.step = a.step
       and (r.state = 'accepted' or r.state = 'delivered' and a.delivery = 'read');
    if exists (select from unnest(v_ids) as k (id)
                 join attempts a on a.organization_id = p_org and a.id = k.id where a.campaign_id is null)
    then
        perform move_replies(p_org, p_ids, p_attempts, p_reasons, v_now);
    end if;
    return v_done;
end $$;
comment on function apply_receipts is 'Computes the view of attempts from their receipts and moves recipients by it.';

-- What people write to our numbers.
create table inbound_messages (
    organization_id     uuid not null
        constraint inbound_message_belongs_to_an_organization references organizations (id) on delete cascade,
    id                  uuid not null,
    account_id          uuid not null,
    number_id           uuid,
    phone               e164,
    from_id             text,
    profile             text,
    provider_message_id text not null,
    kind                text not null,
    body                text not null,
    consent             text,
    answers_attempt_id  uuid,
    campaign_id         uuid,
    at                  timestamptz,
    received_at         timestamptz not null default clock_timestamp(),
    constraint inbound_messages_key primary key (organization_id, id),
    constraint inbound_message_belongs_to_an_account foreign key (organization_id, account_id)
        references accounts (organization_id, id) on delete cascade,
    constraint inbound_message_is_kept_once unique (organization_id, account_id, provider_message_id),
    constraint consent_word_is_known check (consent in ('stop', 'start', 'help'))
);
comment on table inbound_messages is 'What people wrote to our numbers, once each.';
comment on column inbound_messages.campaign_id is 'The campaign that it answers, or whose message the person got last.';
create index inbound_messages_by_time on inbound_messages (organization_id, received_at desc, id desc);
create index inbound_messages_by_phone on inbound_messages (organization_id, phone, received_at desc);

-- Keeps what people wrote. Who wants no more messages gets none from any number before the next claim; who wants them
-- again gets them again; everything lands in its thread. p_threads: the thread that the text itself names; p_handled: the
-- provider has answered the word already. Answers how many are new.
create function hear(
    p_org uuid, p_ids uuid[], p_accounts uuid[], p_sender_ids text[], p_sender_phones text[], p_phones text[],
    p_from_ids text[], p_profiles text[], p_messages text[], p_kinds text[], p_bodies text[], p_consents text[],
    p_answers text[], p_at timestamptz[], p_threads integer[], p_handled boolean[]
) returns integer language plpgsql as $$
#variable_conflict use_column
declare
    v_new     integer := 0;
    v_row     record;
    v_thread  uuid;
    v_verdict text;
begin
    for v_row in
        with heard as (
            insert into inbound_messages (organization_id, id, account_id, number_id, phone, from_id, profile,
                                          provider_message_id, kind, body, consent, answers_attempt_id, campaign_id, at)
            select p_org, k.id, k.account_id, n.id, k.phone, k.from_id, k.profile, k.message, k.kind, k.body, k.consent,
                   coalesce(m.attempt_id, l.attempt_id), coalesce(a.campaign_id, l.campaign_id), k.at
              from unnest(p_ids, p_accounts, p_sender_ids, p_sender_phones, p_phones, p_from_ids, p_profiles, p_messages,
                          p_kinds, p_bodies, p_consents, p_answers, p_at)
                as k (id, account_id, sender_id, sender_phone, phone, from_id, profile, message, kind, body, consent,
                      answers, at)
              join accounts c on c.organization_id = p_org and c.id = k.account_id
              left join lateral (
                select n.id from whatsapp_numbers n
                 where n.organization_id = p_org and n.account_id = k.account_id
                   and (n.instance_id = k.sender_id or n.phone = k.sender_phone) limit 1) n on true
              left join lateral (
                select m.attempt_id from attempts_of_message(p_org, k.answers) as m (attempt_id)
                 where k.answers is not null limit 1) m on true
              left join attempts a on a.organization_id = p_org and a.id = m.attempt_id
              left join lateral (
                -- Nobody says what it answers: what the person got last, from the number that was written to.
                select t.id as attempt_id, r.campaign_id from campaigns c
                  join campaign_recipients r on r.organization_id = p_org and r.campaign_id = c.id and r.phone = k.phone
                  join attempts t on t.organization_id = p_org and t.id = r.last_attempt_id and t.state = 'accepted'
                                 and t.number_id = coalesce(n.id, t.number_id)
                 where c.organization_id = p_org and m.attempt_id is null
                 order by t.id desc limit 1) l on true
            on conflict do nothing
            returning *
        )
        select h.*, k.thread, k.handled from heard h
          join unnest(p_ids, p_threads, p_handled) as k (id, thread, handled) on k.id = h.id
         -- By person, so that two senders who hear the same people take their locks in one order.
         order by h.phone, h.id
    loop
        v_new := v_new + 1;
        continue when v_row.phone is null;
        if v_row.consent = 'stop' then
            select o.verdict into v_verdict
              from opt_out(p_org, v_row.phone, 'reply', 'asked for it in a reply', 'sender', null) o;
        elsif v_row.consent = 'start' then
            select o.verdict into v_verdict
              from opt_in(p_org, v_row.phone, 'reply', 'asked for it in a reply', 'sender', null) o;
        end if;
        if v_row.consent is distinct from 'stop' then
            perform leave_on_reply(p_org, v_row.phone, v_row.campaign_id);
        end if;
        v_thread := thread_of(p_org, v_row.id, v_row.thread);
        -- Only what changed something is confirmed: a STOP after a STOP is not, so that no two machines talk for ever.
        if v_row.consent in ('stop', 'start') and v_verdict = 'done' and not v_row.handled then
            perform confirm_consent(p_org, v_thread, v_row.consent);
        end if;
    end loop;
    return v_new;
end $$;
comment on function hear is 'Keeps what people wrote, and does at once what they ask for.';
