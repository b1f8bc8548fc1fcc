-- What operators change. Each function is one transition: it takes the row's lock, only then reads the clock, compares
-- the version that the operator saw, changes the row and writes who, when and why into audit_log, all in one statement.
--
-- The order matters as it does in the claim: a claim holds the campaign and number rows in share mode until it has
-- committed, so a time that is read after the lock is later than every attempt that began before the pause.

alter table accounts
    add column sealed_app_secret text,
    add column sealed_verify_token text,
    add column sealed_webhook_secret text;
comment on column accounts.sealed_app_secret is 'Signs the provider''s webhooks (Meta).';
comment on column accounts.sealed_verify_token is 'Given back when a webhook is registered (Meta).';
comment on column accounts.sealed_webhook_secret is 'The last part of the webhook''s path, for providers that sign nothing (UltraMsg).';

-- The one table without organisation: the keys are the database's.
create table key_check (
    one    boolean not null default true,
    sealed text not null,
    constraint key_check_key primary key (one),
    constraint there_is_one_key_check check (one)
);
comment on table key_check is 'A value that only the right encryption key opens; stored at first use.';

create type change_answer as (
    verdict text,           -- done, already, changed, refused, missing
    version bigint,         -- of the row now
    by      text,           -- who was first or changed it last
    at      timestamptz,    -- when
    name    text,           -- what people call the row
    found   text,           -- its state, where the verdict is not "done"
    before  jsonb           -- the row as it was, where the verdict is "done"
);

-- The keys of p_from whose values differ in p_to: what a change was about. Secrets stay out, sealed as they are.
create function difference(p_from jsonb, p_to jsonb) returns jsonb
    language sql immutable
    return (select coalesce(jsonb_object_agg(key, value), '{}')
              from jsonb_each(coalesce(p_from, '{}'))
             where value is distinct from coalesce(p_to, '{}') -> key
               and key not in ('organization_id', 'revision', 'updated_at', 'changed_by', 'source')
               and key not like 'sealed%');

-- Writes a decision into audit_log: of both rows, what differs.
create function record_decision(
    p_org uuid, p_at timestamptz, p_actor text, p_instance uuid, p_action text,
    p_entity text, p_id uuid, p_name text, p_reason text, p_before jsonb, p_after jsonb
) returns boolean language sql as $$
    insert into audit_log (organization_id, at, actor, instance_id, action, entity, entity_id, entity_name, reason,
                           before, after)
    values (p_org, p_at, p_actor, p_instance, p_action, p_entity, p_id, p_name,
            coalesce(nullif(btrim(p_reason), ''), 'no reason given'),
            difference(p_before, p_after), difference(p_after, p_before))
    returning true
$$;

-- The last decision about a row; with p_key and p_value: the last one that set that key to that value.
create function last_decision(p_org uuid, p_id uuid, p_key text default null, p_value text default null)
    returns table (actor text, at timestamptz)
    language sql stable
as $$
    select l.actor, l.at from audit_log l
     where l.organization_id = p_org and l.entity_id = p_id and l.action <> 'reveal phone'
       and (p_key is null or l.after ->> p_key is not distinct from p_value)
     order by l.at desc limit 1
$$;

-- What a decision about a campaign answers that changed nothing: the campaign as it is.
create function campaign_answer(p_campaign campaigns, p_verdict text, p_found text default null, p_by text default null,
                                p_at timestamptz default null)
    returns change_answer language sql immutable
    return row (p_verdict, (p_campaign).revision, coalesce(p_by, (p_campaign).changed_by),
                coalesce(p_at, (p_campaign).updated_at), (p_campaign).name,
                coalesce(p_found, (p_campaign).state::text), null)::change_answer;

create function change_campaign(
    p_org uuid, p_campaign uuid, p_action text, p_expected bigint, p_actor text, p_instance uuid, p_reason text,
    p_starts_at timestamptz default null
) returns change_answer language plpgsql as $$
declare
    v_old  campaigns;
    v_new  campaigns;
    v_now  timestamptz;
    v_to   campaign_state := case p_action
               when 'pause campaign' then 'paused' when 'resume campaign' then 'active'
               when 'launch campaign' then 'active' when 'cancel campaign' then 'cancelled'
               when 'complete campaign' then 'completed' when 'schedule campaign' then 'scheduled' end;
    v_by   text;
    v_at   timestamptz;
begin
    -- Before the claims that come after it (migration 0009).
    perform pg_advisory_xact_lock(decision_queue(p_org));
    select * into v_old from campaigns where organization_id = p_org and id = p_campaign for update;
    if not found then
        return row ('missing', null, null, null, null, null, null)::change_answer;
    end if;
    v_now := clock_timestamp();
    if v_old.state = v_to and (p_starts_at is null or p_starts_at = v_old.starts_at) then
        select actor, at into v_by, v_at from last_decision(p_org, p_campaign, 'state', v_to::text);
        return campaign_answer(v_old, 'already', null, v_by, v_at);
    end if;
    if p_expected is not null and p_expected <> v_old.revision then
        return campaign_answer(v_old, 'changed');
    end if;
    if not (case p_action
            when 'pause campaign' then v_old.state = 'active'
            when 'resume campaign' then v_old.state = 'paused'
            when 'launch campaign' then v_old.state in ('draft', 'scheduled')
            when 'schedule campaign' then v_old.state in ('draft', 'scheduled')
            when 'complete campaign' then v_old.state in ('active', 'paused')
            when 'cancel campaign' then v_old.state in ('draft', 'scheduled', 'active', 'paused') end) then
        return campaign_answer(v_old, 'refused');
    end if;
    if v_to = 'active' and exists (select from campaign_enrolments e
                                    where e.organization_id = p_org and e.campaign_id = p_campaign) then
        return campaign_answer(v_old, 'refused', 'enrolling');
    end if;
    update campaigns
       set state = v_to,
           starts_at = coalesce(p_starts_at, starts_at), missed_at = null,
           started_at = case when v_to = 'active' then coalesce(started_at, v_now) else started_at end,
           paused_at = case when v_to = 'paused' then v_now end,
           finished_at = case when v_to in ('completed', 'cancelled') then v_now end,
           hold_reason = case when v_to = 'paused' then nullif(btrim(p_reason), '') end,
           revision = revision + 1, updated_at = v_now, changed_by = p_actor
     where organization_id = p_org and id = p_campaign
    returning * into v_new;
    perform record_decision(p_org, v_now, p_actor, p_instance, p_action, 'campaign', p_campaign, v_old.name, p_reason,
                            to_jsonb(v_old), to_jsonb(v_new));
    return row ('done', v_new.revision, p_actor, v_now, v_old.name, v_new.state,
                to_jsonb(v_old) - 'source' - 'audience')::change_answer;
end $$;
comment on function change_campaign is
    'Pause, resume, launch, schedule, complete or cancel, with who, when and why. Once it has committed, claims obey.';

-- Ends who is queued among the next p_most recipients of a cancelled campaign, as their ids ascend. Answers the last of
-- them: the caller goes on behind it until there is none, so that no transaction holds a million rows. A range, and no join:
-- of people who were enrolled a moment ago the planner knows nothing, and would read them all for each one.
create function skip_cancelled(p_org uuid, p_campaign uuid, p_after uuid, p_most integer) returns uuid language plpgsql
    set enable_seqscan = off set enable_bitmapscan = off set enable_sort = off set jit = off
as $$
declare
    v_to uuid;
begin
    perform 1 from campaigns where organization_id = p_org and id = p_campaign and state = 'cancelled' for share;
    if not found then
        return null;
    end if;
    select r.id into v_to from campaign_recipients r
     where r.organization_id = p_org and r.campaign_id = p_campaign and r.id > p_after
     order by r.id offset p_most - 1 limit 1;
    update campaign_recipients r
       set state = 'skipped', attention = 'skipped', reason = 'campaign_cancelled', due_at = null,
           bound_number_id = null, updated_at = clock_timestamp()
     where r.organization_id = p_org and r.campaign_id = p_campaign and r.id > p_after
       and r.id <= coalesce(v_to, 'ffffffff-ffff-ffff-ffff-ffffffffffff') and r.state = 'queued';
    return v_to;
end $$;

-- Requests of a number that are on the wire. Attempts have no index by number: the walk begins where the oldest open
-- one of any living instance is.
create function in_flight_of(p_org uuid, p_number uuid) returns integer language sql stable as $$
    select count(*)::integer from attempts
     where organization_id = p_org and state = 'sending' and number_id = p_number
       and id >= (select oldest_open from instances
                   where organization_id = p_org and closed_at is null and oldest_open is not null
                   order by oldest_open limit 1)
$$;

create function change_number(
    p_org uuid, p_number uuid, p_action text, p_expected bigint, p_actor text, p_instance uuid, p_reason text,
    p_change jsonb
) returns change_answer language plpgsql as $$
declare
    v_old    whatsapp_numbers;
    v_new    whatsapp_numbers;
    v_now    timestamptz;
    v_reason text := coalesce(nullif(btrim(p_reason), ''), 'no reason given');
    v_until  timestamptz := (p_change ->> 'suspended_until')::timestamptz;
    v_suspended boolean;
    v_same   boolean;
    v_by     text;
    v_at     timestamptz;
    v_found  text;
begin
    -- Before the claims that come after it (migration 0009).
    perform pg_advisory_xact_lock(decision_queue(p_org));
    select * into v_old from whatsapp_numbers where organization_id = p_org and id = p_number for update;
    if not found then
        return row ('missing', null, null, null, null, null, null)::change_answer;
    end if;
    v_now := clock_timestamp();
    v_suspended := v_old.suspended_at is not null and (v_old.suspended_until is null or v_old.suspended_until > v_now);
    v_found := case when not v_old.is_active then 'disabled' when v_suspended then 'suspended'
                    when v_old.limited_until > v_now then 'limited' else 'active' end;
    v_new := v_old;
    if p_action in ('suspend number', 'fail over number') then
        v_same := v_suspended and v_old.suspended_until is not distinct from v_until;
        v_new.suspended_at := case when v_suspended then v_old.suspended_at else v_now end;
        v_new.suspension_reason := v_reason;
        v_new.suspended_until := v_until;
        v_new.suspended_by := p_actor;
    elsif p_action = 'resume number' then
        v_same := not v_suspended and v_old.suspended_at is null and v_old.limited_until is null
                  and v_old.slowed_since is null;
        v_new.suspended_at := null;
        v_new.suspension_reason := null;
        v_new.suspended_until := null;
        v_new.suspended_by := null;
        v_new.limited_until := null;
        v_new.limited_reason := null;
        v_new.slowed_since := null;
        v_new.slowed_reason := null;
    else
        -- The keys of p_change are columns; a key that is there and null sets null.
        v_new := jsonb_populate_record(v_old, p_change);
        v_same := to_jsonb(v_new) = to_jsonb(v_old);
    end if;
    if v_same then
        select actor, at into v_by, v_at from last_decision(p_org, p_number);
        return row ('already', v_old.revision, coalesce(v_old.suspended_by, v_by, 'nobody'),
                    coalesce(v_old.suspended_at, v_at, v_old.updated_at), v_old.phone, v_found, null)::change_answer;
    end if;
    if p_expected is not null and p_expected <> v_old.revision then
        select actor, at into v_by, v_at from last_decision(p_org, p_number);
        return row ('changed', v_old.revision, coalesce(v_by, 'sender'), coalesce(v_at, v_old.updated_at), v_old.phone,
                    v_found, null)::change_answer;
    end if;
    update whatsapp_numbers
       set account_id = v_new.account_id, instance_id = v_new.instance_id, display_name = v_new.display_name,
           notes = v_new.notes, priority = v_new.priority, daily_limit = v_new.daily_limit,
           interval_ms = v_new.interval_ms, per_second = v_new.per_second, in_flight = v_new.in_flight,
           is_active = v_new.is_active, reply_share = v_new.reply_share, queue_limit = v_new.queue_limit,
           suspended_at = v_new.suspended_at,
           suspension_reason = v_new.suspension_reason, suspended_until = v_new.suspended_until,
           suspended_by = v_new.suspended_by, limited_until = v_new.limited_until,
           limited_reason = v_new.limited_reason, slowed_since = v_new.slowed_since,
           slowed_reason = v_new.slowed_reason, monthly_cost = v_new.monthly_cost,
           cost_currency = v_new.cost_currency, label = v_new.label, warm_up_started_at = v_new.warm_up_started_at,
           approval = v_new.approval, sends_canaries = v_new.sends_canaries, revision = revision + 1, updated_at = v_now
     where organization_id = p_org and id = p_number
    returning * into v_new;
    if p_action in ('suspend number', 'fail over number') and not v_suspended then
        -- One that was left open by a suspension that ended by itself is closed with it.
        update failovers set ended_at = v_now, ended_by = p_actor, ended_reason = 'the suspension had ended by itself'
         where organization_id = p_org and from_number_id = p_number and ended_at is null
           and v_old.suspended_at is not null;
        insert into failovers (organization_id, id, from_number_id, to_number_id, cause, words, actor, started_at,
                               in_flight)
        values (p_org, new_uuid(), p_number, next_number(p_org, p_number), 'operator', v_reason, p_actor,
                v_now, in_flight_of(p_org, p_number))
        on conflict (organization_id, from_number_id) where ended_at is null do nothing;
    elsif p_action = 'resume number' then
        update failovers set ended_at = v_now, ended_by = p_actor, ended_reason = v_reason
         where organization_id = p_org and from_number_id = p_number and ended_at is null;
    end if;
    perform record_decision(p_org, v_now, p_actor, p_instance, p_action, 'number', p_number, v_old.phone, v_reason,
                            to_jsonb(v_old), to_jsonb(v_new));
    return row ('done', v_new.revision, p_actor, v_now, v_old.phone, v_found, to_jsonb(v_old))::change_answer;
end $$;
comment on function change_number is
    'Suspends, resumes, fails over or edits a number, with who, when and why; opens and closes the failover record.';

-- Stops all sending of an organisation, or lifts the stop.
create function change_stop(
    p_org uuid, p_stop boolean, p_expected bigint, p_actor text, p_instance uuid, p_reason text
) returns change_answer language plpgsql as $$
declare
    v_old  organizations;
    v_new  organizations;
    v_now  timestamptz;
    v_by   text;
    v_at   timestamptz;
begin
    -- Before the claims that come after it (migration 0009).
    perform pg_advisory_xact_lock(decision_queue(p_org));
    select * into v_old from organizations where id = p_org for update;
    if not found then
        return row ('missing', null, null, null, null, null, null)::change_answer;
    end if;
    v_now := clock_timestamp();
    select actor, at into v_by, v_at from last_decision(p_org, p_org);
    if (v_old.stopped_at is not null) = p_stop then
        return row ('already', v_old.revision, coalesce(v_old.stopped_by, v_by, 'nobody'),
                    coalesce(v_old.stopped_at, v_at, v_old.created_at), v_old.slug,
                    case when p_stop then 'stopped' else 'not stopped' end, null)::change_answer;
    end if;
    if p_expected is not null and p_expected <> v_old.revision then
        return row ('changed', v_old.revision, coalesce(v_by, 'somebody'), coalesce(v_at, v_old.created_at),
                    v_old.slug, case when p_stop then 'not stopped' else 'stopped' end, null)::change_answer;
    end if;
    update organizations
       set stopped_at = case when p_stop then v_now end,
           stopped_by = case when p_stop then p_actor end,
           stopped_reason = case when p_stop then coalesce(nullif(btrim(p_reason), ''), 'no reason given') end,
           revision = revision + 1
     where id = p_org
    returning * into v_new;
    perform record_decision(p_org, v_now, p_actor, p_instance,
                            case when p_stop then 'stop all sending' else 'lift the stop' end,
                            'organization', p_org, v_old.slug, p_reason, to_jsonb(v_old), to_jsonb(v_new));
    return row ('done', v_new.revision, p_actor, v_now, v_old.slug, null, to_jsonb(v_old))::change_answer;
end $$;

-- Recipients and attempts have no revision of their own: a column that every claim and outcome would have to raise.
-- Their version is the time of their last change, in microseconds.
create function version_of(p_at timestamptz) returns bigint
    language sql immutable strict parallel safe
    return (extract(epoch from p_at) * 1000000)::bigint;

create function change_recipient(
    p_org uuid, p_recipient uuid, p_action text, p_expected bigint, p_actor text, p_instance uuid, p_reason text
) returns change_answer language plpgsql as $$
declare
    v_old      campaign_recipients;
    v_new      campaign_recipients;
    v_now      timestamptz;
    v_by       text;
    v_at       timestamptz;
    v_campaign campaigns;
    v_keeper   uuid;
begin
    -- The key begins with the campaign: one look per campaign.
    select r.campaign_id into v_new.campaign_id from campaigns c
      join campaign_recipients r on r.organization_id = c.organization_id and r.campaign_id = c.id
     where c.organization_id = p_org and r.id = p_recipient limit 1;
    if p_action = 'retry recipient' then
        perform queue_for_slots(p_org, v_new.campaign_id);
    end if;
    if p_action = 'retry recipient' then
        v_campaign := lock_for_again(p_org, v_new.campaign_id);
    else
        select * into v_campaign from campaigns where organization_id = p_org and id = v_new.campaign_id for share;
    end if;
    select * into v_old from campaign_recipients
      where organization_id = p_org and campaign_id = v_new.campaign_id and id = p_recipient for update;
    if not found then
        return row ('missing', null, null, null, null, null, null)::change_answer;
    end if;
    v_now := clock_timestamp();
    select actor, at into v_by, v_at from last_decision(p_org, p_recipient);
    if p_action = 'exclude recipient' and (v_old.state = 'skipped' or v_old.exit_reason is not null)
        or p_action = 'retry recipient' and v_old.state = 'queued' then
        return row ('already', version_of(v_old.updated_at), coalesce(v_by, 'sender'),
                    coalesce(v_at, v_old.updated_at), v_old.phone, v_old.state, null)::change_answer;
    end if;
    if p_expected is not null and p_expected <> version_of(v_old.updated_at) then
        return row ('changed', version_of(v_old.updated_at), coalesce(v_by, 'sender'), v_old.updated_at, v_old.phone,
                    v_old.state, null)::change_answer;
    end if;
    if p_action = 'exclude recipient' and v_old.state = 'queued' then
        update campaign_recipients
           set state = 'skipped', attention = 'skipped', reason = 'excluded_by_operator', due_at = null,
               bound_number_id = null, updated_at = v_now
         where organization_id = p_org and campaign_id = v_old.campaign_id and id = p_recipient
        returning * into v_new;
    elsif p_action = 'exclude recipient' and v_old.state in ('sending', 'in_doubt')
        and exists (select from campaign_steps s where s.organization_id = p_org and s.campaign_id = v_old.campaign_id
                       and s.step > v_old.step) then
        -- What is on the wire cannot be taken back; nothing follows it.
        update campaign_recipients set exit_reason = 'excluded_by_operator'
         where organization_id = p_org and campaign_id = v_old.campaign_id and id = p_recipient
        returning * into v_new;
    elsif p_action = 'retry recipient' and v_old.state = 'failed' and closed_because(v_campaign) is null
        and v_old.exit_reason is null
        and not exists (select from suppressions s where s.organization_id = p_org and s.phone = v_old.phone)
        and not exists (select from attempts a where a.organization_id = p_org and a.recipient_id = p_recipient
                           and a.step = v_old.step and (a.live or a.contradicted))
        and not exists (select from attempts a where a.organization_id = p_org and a.id = v_old.last_attempt_id
                           and a.class = 'recipient_blocked') then
        v_keeper := keeper_of(p_org, v_old.last_attempt_id, v_old.is_kept);
        update campaign_recipients
           set state = 'queued', attention = null, reason = null, tries = 0,
               due_at = due_again(p_org, v_old.campaign_id, p_recipient, v_old.step, v_now),
               is_kept = v_keeper is not null, bound_number_id = coalesce(v_keeper, sticky_number_id), updated_at = v_now
         where organization_id = p_org and campaign_id = v_old.campaign_id and id = p_recipient
        returning * into v_new;
        perform reopen_campaign(p_org, v_old.campaign_id, p_actor, p_instance, p_reason);
        perform give_slots_again(p_org, v_old.campaign_id, array[p_recipient]);
    else
        return row ('refused', version_of(v_old.updated_at), coalesce(v_by, 'sender'), v_old.updated_at, v_old.phone,
                    case when p_action = 'retry recipient' and v_old.state = 'failed' then
                        case when closed_because(v_campaign) is not null then closed_because(v_campaign)
                             when exists (select from suppressions s
                                           where s.organization_id = p_org and s.phone = v_old.phone)
                             then 'opted_out'
                             when exists (select from attempts a where a.organization_id = p_org
                                             and a.recipient_id = p_recipient and a.step = v_old.step
                                             and (a.live or a.contradicted))
                             then 'live'
                             when v_old.exit_reason is not null then 'has_left' else 'refused_by_the_person' end
                    else v_old.state::text end, null)::change_answer;
    end if;
    perform record_decision(p_org, v_now, p_actor, p_instance, p_action, 'recipient', p_recipient, v_old.phone,
                            p_reason, to_jsonb(v_old), to_jsonb(v_new));
    return row ('done', version_of(v_now), p_actor, v_now, v_old.phone, v_new.state,
                to_jsonb(v_old))::change_answer;
end $$;
comment on function change_recipient is 'Takes somebody out of a campaign, or lets a failed message be tried again.';

-- Settles an attempt in doubt by an operator's word. What is known of it stays: class, code and words are evidence.
create function resolve_attempt(
    p_org uuid, p_attempt uuid, p_verdict text, p_expected bigint, p_actor text, p_instance uuid, p_reason text
) returns change_answer language plpgsql as $$
declare
    v_old  attempts;
    v_new  attempts;
    v_now  timestamptz;
    v_to   attempt_state := case p_verdict when 'sent' then 'accepted' when 'not-sent' then 'not_sent'
                                           when 'resend' then 'waived' end;
    v_next text := case p_verdict when 'sent' then 'advance' else 'retry' end;
    v_name text;
begin
    select * into v_old from attempts where organization_id = p_org and id = p_attempt for update;
    if not found then
        return row ('missing', null, null, null, null, null, null)::change_answer;
    end if;
    v_now := clock_timestamp();
    select phone into v_name from campaign_recipients
      where organization_id = p_org and campaign_id = v_old.campaign_id and id = v_old.recipient_id;
    if v_old.campaign_id is null then
        select phone into v_name from replies where organization_id = p_org and id = v_old.recipient_id;
    end if;
    if v_old.state = v_to then
        return row ('already', version_of(coalesce(v_old.finished_at, v_old.started_at)),
                    coalesce(v_old.resolved_by, 'sender'), v_old.finished_at, v_name, v_old.state,
                    null)::change_answer;
    end if;
    if p_expected is not null and p_expected <> version_of(coalesce(v_old.finished_at, v_old.started_at)) then
        return row ('changed', version_of(coalesce(v_old.finished_at, v_old.started_at)),
                    coalesce(v_old.resolved_by, 'sender'), coalesce(v_old.finished_at, v_old.started_at), v_name,
                    v_old.state, null)::change_answer;
    end if;
    if v_old.state <> 'in_doubt' or (p_verdict = 'resend' and coalesce(btrim(p_reason), '') = '') then
        return row ('refused', version_of(coalesce(v_old.finished_at, v_old.started_at)),
                    coalesce(v_old.resolved_by, 'sender'), v_old.finished_at, v_name,
                    case when v_old.state = 'in_doubt' then 'no_reason' else v_old.state::text end,
                    null)::change_answer;
    end if;
    update attempts
       set resolved_by = p_actor, resolved_reason = coalesce(nullif(btrim(p_reason), ''), 'no reason given')
     where organization_id = p_org and id = p_attempt;
    perform record_outcomes(p_org, array[p_attempt], array[v_to], array[v_old.provider_message_id],
                            array[v_old.class], array[v_old.blame], array[v_old.code], array[v_old.words],
                            array[v_old.duration_ms], array[v_next], array[0::bigint],
                            array['settled by an operator'], v_now);
    select * into v_new from attempts where organization_id = p_org and id = p_attempt;
    perform record_decision(p_org, v_now, p_actor, p_instance,
                            case p_verdict when 'sent' then 'settle as sent' when 'not-sent' then 'settle as not sent'
                                           else 'resend' end,
                            'attempt', p_attempt, v_name, p_reason, to_jsonb(v_old), to_jsonb(v_new));
    return row ('done', version_of(v_now), p_actor, v_now, v_name, v_new.state, to_jsonb(v_old))::change_answer;
end $$;
comment on function resolve_attempt is
    'Settles an attempt in doubt as sent, not sent or to be sent again. The operator''s word counts as evidence.';

-- A number that did not exist before, in a pool; one that was retired (0180) is taken back, with its past.
create function add_number(
    p_org uuid, p_id uuid, p_actor text, p_instance uuid, p_number jsonb, p_pool text
) returns table (id uuid, revision bigint) language plpgsql as $$
declare
    v_pool uuid;
    v_old  whatsapp_numbers;
    v_new  whatsapp_numbers;
begin
    select * into v_new from jsonb_populate_record(null::whatsapp_numbers, jsonb_build_object(
        'instance_id', '', 'display_name', '', 'notes', '', 'reply_share', 0, 'is_active', true, 'sends_canaries', true)
        || jsonb_strip_nulls(p_number));
    update whatsapp_numbers n
       set account_id = v_new.account_id, instance_id = v_new.instance_id, display_name = v_new.display_name,
           notes = v_new.notes, priority = v_new.priority, daily_limit = v_new.daily_limit,
           interval_ms = v_new.interval_ms, per_second = v_new.per_second, in_flight = v_new.in_flight,
           warm_up_started_at = v_new.warm_up_started_at, reply_share = v_new.reply_share, label = v_new.label,
           monthly_cost = v_new.monthly_cost, cost_currency = v_new.cost_currency, approval = v_new.approval,
           sends_canaries = v_new.sends_canaries, is_active = v_new.is_active, retired_at = null, retired_by = null,
           revision = n.revision + 1, updated_at = clock_timestamp()
     where n.organization_id = p_org and n.phone = v_new.phone and n.retired_at is not null
    returning n.* into v_old;
    if found then
        v_new := v_old;
    else
        insert into whatsapp_numbers (organization_id, id, account_id, phone, instance_id, display_name, notes, priority,
                                      daily_limit, interval_ms, per_second, in_flight, warm_up_started_at, reply_share,
                                      label, monthly_cost, cost_currency, approval, sends_canaries, is_active)
        values (p_org, p_id, v_new.account_id, v_new.phone, v_new.instance_id, v_new.display_name, v_new.notes,
                v_new.priority, v_new.daily_limit, v_new.interval_ms, v_new.per_second, v_new.in_flight,
                v_new.warm_up_started_at, v_new.reply_share, v_new.label, v_new.monthly_cost, v_new.cost_currency,
                v_new.approval, v_new.sends_canaries, v_new.is_active)
        returning * into v_new;
    end if;
    insert into pools as p (organization_id, id, name) values (p_org, new_uuid(), p_pool)
    on conflict on constraint pool_name_is_taken_once do update set revision = p.revision + 1
    returning p.id into v_pool;
    insert into pool_numbers (organization_id, pool_id, number_id) values (p_org, v_pool, v_new.id);
    perform record_decision(p_org, v_new.updated_at, p_actor, p_instance, 'add number', 'number', v_new.id, v_new.phone,
                            case when v_old.id is null then 'added' else 'taken back' end || ' to pool ' || p_pool, null,
                            to_jsonb(v_new));
    return query select v_new.id, v_new.revision;
end $$;

-- Makes a role an operator; makes the login role where there is none, or gives an existing one the new password.
create function add_operator(
    p_org uuid, p_role_name text, p_role operator_role, p_password text, p_actor text, p_instance uuid
) returns boolean language plpgsql as $$
declare
    v_known boolean := exists (select from pg_roles where rolname = p_role_name);
    v_new   operators;
begin
    insert into operators (organization_id, role_name, role) values (p_org, p_role_name, p_role) returning * into v_new;
    if not v_known then
        execute format('create role %I login', p_role_name);
    end if;
    if p_password is not null then
        execute format('alter role %I password %L', p_role_name, p_password);
    end if;
    perform record_decision(p_org, clock_timestamp(), p_actor, p_instance, 'add operator', 'operator', p_org,
                            p_role_name, 'added', null, to_jsonb(v_new));
    return not v_known;
end $$;
