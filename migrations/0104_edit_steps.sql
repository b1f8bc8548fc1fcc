-- Editing the steps of a campaign that runs: a new version of each step that changed. What waits gets the new one; what is
-- on the wire keeps the old one.

create table campaign_step_versions (
    organization_id uuid not null
        constraint step_version_belongs_to_an_organization references organizations (id) on delete cascade,
    campaign_id     uuid not null,
    step            smallint not null,
    version         integer not null,
    since           timestamptz not null,
    changed_by      text not null,
    after_seconds   bigint not null,
    texts           jsonb not null,
    template        jsonb,
    media           jsonb,
    constraint step_versions_key primary key (organization_id, campaign_id, step, version)
);
comment on table campaign_step_versions is 'What every step said since when. A step that was never edited is not here.';
comment on column campaign_step_versions.since is
    'Read behind the locks that claims hold until they have committed: attempts that began before it sent what was before.';

-- The version that an attempt of a step sent.
create function version_sent(p_org uuid, p_campaign uuid, p_step smallint, p_started_at timestamptz) returns integer
    language sql stable
as $$
    select coalesce((select v.version from campaign_step_versions v
                      where v.organization_id = p_org and v.campaign_id = p_campaign and v.step = p_step
                        and v.since <= p_started_at
                      order by v.version desc limit 1), 1)
$$;

-- The sum of the versions of a campaign's steps, for each: whoever wrote texts from another edition has old ones. Volatile:
-- it looks at what is there when it is called, behind the locks of a claim that came before it in the statement.
create function editions(p_org uuid, p_campaigns uuid[], p_behind bigint) returns bigint[]
    language plpgsql volatile
    set enable_seqscan = off
as $$
begin
    return array(select (select coalesce(sum(s.version), 0) from campaign_steps s
                          where s.organization_id = p_org and s.campaign_id = c.id)
                   from unnest(p_campaigns) with ordinality as c (id, place)
                  where p_behind is not null order by c.place);
end $$;
comment on function editions is 'What a campaign says now; p_behind makes the call wait for what it stands behind.';

-- Freezes values of variables that the texts did not use, for those who wait and those who may be tried again or taken back:
-- of those behind p_after up to p_to. What was accepted may be reported as failed any day, and is then tried again. Read by
-- pieces, as in give_slots and for the same reason.
create function freeze_more(
    p_org uuid, p_campaign uuid, p_variables text[], p_after uuid, p_to uuid, p_now timestamptz
) returns void language plpgsql
    set jit = off set enable_nestloop = off set enable_seqscan = off set enable_bitmapscan = off
    set plan_cache_mode = force_custom_plan
as $$
declare
    v_contacts uuid[];
    v_few      uuid[];
begin
    if 'campaign_number' = any (p_variables) then
        -- Before their values, as who gives a slot by hand does.
        perform pg_advisory_xact_lock(slot_queue(p_org));
    end if;
    select array_agg(r.contact_id order by r.contact_id) into v_contacts
      from campaign_recipients r
     where r.organization_id = p_org and r.campaign_id = p_campaign and r.id > p_after and r.id <= p_to;
    -- The contacts of many lie side by side; those of a few who came in since may lie anywhere.
    v_few := case when cardinality(v_contacts) <= 1000 then v_contacts end;
    update recipient_parameters p
       set parameters = (select coalesce(jsonb_object_agg(v, value_of(k, v)), '{}') from unnest(p_variables) v
                          where value_of(k, v) is not null) || p.parameters
      from campaign_recipients r
      join contacts k on k.organization_id = p_org and k.id = r.contact_id
                     and k.id >= v_contacts[1] and k.id <= v_contacts[cardinality(v_contacts)]
                     and (v_few is null or k.id = any (v_few))
     where r.organization_id = p_org and r.campaign_id = p_campaign and r.id > p_after and r.id <= p_to
       and r.state in ('queued', 'sending', 'in_doubt', 'accepted', 'failed', 'skipped')
       and p.organization_id = p_org and p.campaign_id = p_campaign and p.recipient_id = r.id
       and p.recipient_id > p_after and p.recipient_id <= p_to;
    if 'campaign_number' = any (p_variables) then
        -- Not only to those who wait: what is on the wire or in doubt comes to the next step by itself, and so does what failed,
        -- once it is proven that it was taken. What was accepted last gets one when it is queued again (apply_receipts).
        perform give_slots(p_org, p_campaign, p_variables, p_now, array(
            select r.id from campaign_recipients r
             where r.organization_id = p_org and r.campaign_id = p_campaign and r.id > p_after and r.id <= p_to
               and (r.state in ('queued', 'sending', 'in_doubt')
                    or r.state = 'failed' and r.last_attempt_id is not null
                       and r.step < (select count(*) from campaign_steps s
                                      where s.organization_id = p_org and s.campaign_id = p_campaign))
             order by r.id));
    end if;
end $$;

-- Gives slots to those who came to wait since p_since, while an edit that brings them looked at the others: whoever was tried
-- again, or was reported as failed. A rehearsal's clock says nothing of that: all who wait are looked at.
create function give_slots_since(p_org uuid, p_campaign uuid, p_since timestamptz, p_now timestamptz) returns void
    language plpgsql
    set jit = off set enable_seqscan = off set enable_bitmapscan = off set plan_cache_mode = force_custom_plan
as $$
declare
    -- Without their names, which would be gone through for each of them.
    v_all boolean := (select o.rehearsal from organizations o where o.id = p_org);
    v_ids uuid[];
begin
    if v_all then
        perform give_slots(p_org, p_campaign, '{campaign_number}', p_now);
    end if;
    v_ids := array(
        select r.id from campaign_recipients r
         where r.organization_id = p_org and r.campaign_id = p_campaign and r.due_at is not null
           and r.updated_at >= p_since and not v_all
        union
        -- They had their turn since. The senders' clocks that ids are made by may be behind.
        select a.recipient_id from attempts a
         where a.organization_id = p_org and a.id > id_at(p_since - interval '1 minute') and a.campaign_id = p_campaign);
    perform give_slots(p_org, p_campaign, '{campaign_number}', p_now, v_ids) where cardinality(v_ids) > 0;
end $$;

-- Since when everybody who comes into a campaign is known by their id or by a decision: whoever is being enrolled, taken back or
-- tried again now is in it when this answers. Null: it is over, not all of its people are in it, or it has not p_steps steps.
create function begin_freezing(p_org uuid, p_campaign uuid, p_steps integer) returns timestamptz language plpgsql as $$
begin
    perform pg_advisory_xact_lock(hashtextextended('enrol ' || p_campaign, 0));
    perform pg_advisory_xact_lock(decision_queue(p_org));
    perform 1 from campaigns c where c.organization_id = p_org and c.id = p_campaign for update;
    return (select clock_timestamp() from campaigns c
             where c.organization_id = p_org and c.id = p_campaign and c.state not in ('completed', 'cancelled')
               and p_steps = (select count(*) from campaign_steps s
                               where s.organization_id = p_org and s.campaign_id = p_campaign)
               and not exists (select from campaign_enrolments e
                                where e.organization_id = p_org and e.campaign_id = p_campaign));
end $$;

-- A piece of what an edit needs, before it keeps anybody waiting: of p_most people behind p_after. Answers the last of them,
-- null when there are no more.
create function freeze_ahead(
    p_org uuid, p_campaign uuid, p_variables text[], p_after uuid, p_most integer default 5000
) returns uuid language plpgsql as $$
declare
    v_last uuid;
begin
    select r.id into v_last from campaign_recipients r
     where r.organization_id = p_org and r.campaign_id = p_campaign and r.id > p_after order by r.id offset p_most - 1 limit 1;
    perform freeze_more(p_org, p_campaign, p_variables, p_after,
                        coalesce(v_last, 'ffffffff-ffff-ffff-ffff-ffffffffffff'), clock_timestamp());
    return v_last;
end $$;
comment on function freeze_ahead is 'Freezes for a piece of a campaign''s people what an edit will ask for; nobody waits for it.';

-- Steps whose delay was changed and whose people do not all wait by the new one yet. Until they do, nothing that waits for its
-- time is claimed of the campaign, and nothing is too late for it: what is sent is never early, and nobody else waits.
create table due_shifts (
    organization_id uuid not null
        constraint due_shift_belongs_to_an_organization references organizations (id) on delete cascade,
    campaign_id     uuid not null,
    step            smallint not null,
    old_seconds     bigint not null,
    revision        bigint not null,
    touched_at      timestamptz not null default clock_timestamp(),
    constraint due_shifts_key primary key (organization_id, campaign_id, step)
);
comment on table due_shifts is 'Edits of delays that are being carried over to those who wait, a piece at a time.';
comment on column due_shifts.revision is 'The campaign''s, of the edit: who carries over another one has nothing to do with it.';

-- Carries a changed delay over to a piece of those who wait: of p_most people behind p_after. Answers the last of them, null when
-- there are no more: then it is done.
--
-- Who came to a step waits from the moment of that change of theirs, their latest; whoever was queued again, since the step
-- before it was taken, and never from before they were (due_again): whose time is still by the old delay is moved, and nobody
-- twice. What was tried already keeps the time that an operator or the retry gave it.
create function shift_due(
    p_org uuid, p_campaign uuid, p_revision bigint, p_after uuid, p_most integer default 5000
) returns uuid language plpgsql
    set jit = off set enable_seqscan = off set enable_bitmapscan = off set plan_cache_mode = force_custom_plan
as $$
declare
    v_last uuid;
begin
    perform 1 from due_shifts h
      where h.organization_id = p_org and h.campaign_id = p_campaign and h.revision = p_revision for update;
    if not found then
        return null;
    end if;
    select r.id into v_last from campaign_recipients r
     where r.organization_id = p_org and r.campaign_id = p_campaign and r.id > p_after order by r.id offset p_most - 1 limit 1;
    update campaign_recipients r
       set due_at = case when r.due_at = r.updated_at + make_interval(secs => h.old_seconds)
                         then r.updated_at + make_interval(secs => s.after_seconds)
                         else due_by(r.updated_at, waits_since(p_org, p_campaign, r.id, r.step), s.after_seconds) end
      from due_shifts h
      join campaign_steps s on s.organization_id = p_org and s.campaign_id = p_campaign and s.step = h.step
     where h.organization_id = p_org and h.campaign_id = p_campaign and r.organization_id = p_org
       and r.campaign_id = p_campaign and r.id > p_after
       and r.id <= coalesce(v_last, 'ffffffff-ffff-ffff-ffff-ffffffffffff')
       and r.state = 'queued' and r.step = h.step and r.tries = 0 and r.due_at is not null
       -- Of nearly everybody the first is asked, and nothing is looked up.
       and case when r.due_at = r.updated_at + make_interval(secs => h.old_seconds) then true
                when r.due_at < r.updated_at then false
                else r.due_at = due_by(r.updated_at, waits_since(p_org, p_campaign, r.id, r.step), h.old_seconds)
                     and not exists (select from attempts a where a.organization_id = p_org and a.recipient_id = r.id
                                        and a.step = r.step and a.live)
                     and not exists (select from attempts a where a.organization_id = p_org and a.recipient_id = r.id
                                        and a.step = r.step and not a.live) end;
    if v_last is null then
        delete from due_shifts h where h.organization_id = p_org and h.campaign_id = p_campaign;
    else
        update due_shifts h set touched_at = clock_timestamp()
         where h.organization_id = p_org and h.campaign_id = p_campaign;
    end if;
    return v_last;
end $$;
comment on function shift_due is 'Moves a piece of those who wait to the new delay of their step; claims of others go on.';

-- Puts new steps in the place of those that differ. Values of variables that the old texts did not use are frozen now: of
-- everybody, or with p_frozen_since, when freeze_ahead began behind begin_freezing, of those who came into the campaign since.
create function edit_steps(
    p_org uuid, p_campaign uuid, p_after_seconds bigint[], p_texts jsonb[], p_templates jsonb[], p_media jsonb[],
    p_variants jsonb[], p_new_variables text[], p_source text, p_actor text, p_instance uuid, p_reason text,
    p_frozen_since timestamptz default null
) returns change_answer language plpgsql as $$
declare
    v_old     campaigns;
    v_new     campaigns;
    v_now     timestamptz;
    v_step    record;
    v_changed jsonb := '{}';
    v_before  jsonb := '{}';
    v_waiting bigint;
    v_after   uuid;
begin
    -- Whoever waits for a turn with the slots keeps no decision waiting.
    if 'campaign_number' = any (p_new_variables) then
        perform pg_advisory_xact_lock(slot_queue(p_org));
    end if;
    -- Before the claims that come after it (migration 0009).
    perform pg_advisory_xact_lock(decision_queue(p_org));
    select * into v_old from campaigns where organization_id = p_org and id = p_campaign for update;
    if not found then
        return row ('missing', null, null, null, null, null, null)::change_answer;
    end if;
    v_now := clock_timestamp();
    if v_old.state in ('completed', 'cancelled') then
        return campaign_answer(v_old, 'refused');
    end if;
    if cardinality(p_texts) <> (select count(*) from campaign_steps
                                 where organization_id = p_org and campaign_id = p_campaign) then
        return campaign_answer(v_old, 'refused', 'count');
    end if;
    if p_after_seconds[1] <> (select after_seconds from campaign_steps
                               where organization_id = p_org and campaign_id = p_campaign and step = 1) then
        return campaign_answer(v_old, 'refused', 'first');
    end if;
    -- Who gets which variant follows from their weights: other ones would give somebody another one half-way.
    if split_of(array(select s.variants from campaign_steps s
                       where s.organization_id = p_org and s.campaign_id = p_campaign order by s.step))
       is distinct from split_of(p_variants) then
        return campaign_answer(v_old, 'refused', 'split');
    end if;
    -- Whom the edit before has not come to yet would wait by neither.
    if exists (select from due_shifts h where h.organization_id = p_org and h.campaign_id = p_campaign) then
        return campaign_answer(v_old, 'refused', 'shifting');
    end if;
    for v_step in
        select s.*, n.after_seconds as new_after, n.texts as new_texts, n.template as new_template, n.media as new_media,
               n.variants as new_variants
          from unnest(p_after_seconds, p_texts, p_templates, p_media, p_variants) with ordinality
            as n (after_seconds, texts, template, media, variants, step)
          join campaign_steps s on s.organization_id = p_org and s.campaign_id = p_campaign and s.step = n.step
         where (s.after_seconds, s.texts, s.template, s.media, s.variants)
               is distinct from (n.after_seconds, n.texts, n.template, n.media, n.variants)
         order by s.step for update of s
    loop
        insert into campaign_step_versions (organization_id, campaign_id, step, version, since, changed_by, after_seconds,
                                            texts, template, media, variants) values
            (p_org, p_campaign, v_step.step, v_step.version, v_old.created_at, v_old.created_by, v_step.after_seconds,
             v_step.texts, v_step.template, v_step.media, v_step.variants),
            (p_org, p_campaign, v_step.step, v_step.version + 1, v_now, p_actor, v_step.new_after, v_step.new_texts,
             v_step.new_template, v_step.new_media, v_step.new_variants)
        on conflict do nothing;
        update campaign_steps
           set version = version + 1, after_seconds = v_step.new_after, texts = v_step.new_texts,
               template = v_step.new_template, media = v_step.new_media, variants = v_step.new_variants
         where organization_id = p_org and campaign_id = p_campaign and step = v_step.step;
        if v_step.new_after <> v_step.after_seconds then
            -- Who waits for this step will wait so much longer or shorter, once this has been committed (shift_due).
            insert into due_shifts (organization_id, campaign_id, step, old_seconds, revision)
            values (p_org, p_campaign, v_step.step, v_step.after_seconds, v_old.revision + 1);
        end if;
        v_before := v_before || jsonb_build_object('step ' || v_step.step, v_step.version);
        v_changed := v_changed || jsonb_build_object('step ' || v_step.step, v_step.version + 1);
    end loop;
    if v_changed = '{}' then
        return campaign_answer(v_old, 'already');
    end if;
    if p_new_variables <> '{}' then
        -- Who was taken back meanwhile stands anywhere among the others.
        v_after := case when not exists (select from audit_log l
                                          where l.organization_id = p_org and l.entity_id = p_campaign
                                            and l.action = 'include again' and l.at >= p_frozen_since)
                        then id_at(p_frozen_since) end;
        perform freeze_more(p_org, p_campaign, p_new_variables, coalesce(v_after, '00000000-0000-0000-0000-000000000000'),
                            'ffffffff-ffff-ffff-ffff-ffffffffffff', v_now);
        if 'campaign_number' = any (p_new_variables) and p_frozen_since is not null then
            perform give_slots_since(p_org, p_campaign, p_frozen_since, v_now);
        end if;
    end if;
    update campaigns
       set source = p_source, revision = revision + 1, updated_at = v_now, changed_by = p_actor
     where organization_id = p_org and id = p_campaign returning * into v_new;
    select coalesce(sum(k.queued), 0) into v_waiting from campaign_counts k
      where k.organization_id = p_org and k.campaign_id = p_campaign;
    perform record_decision(p_org, v_now, p_actor, p_instance, 'edit steps', 'campaign', p_campaign, v_old.name, p_reason,
                            v_before, v_changed);
    return row ('done', v_new.revision, p_actor, v_now, v_old.name, v_waiting::text, v_changed)::change_answer;
end $$;
comment on function edit_steps is 'A new version of each step that differs; who waits gets it, nobody gets a step twice.';
