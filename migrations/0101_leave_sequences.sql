-- Leaving a campaign before its last step: by a reply, by an attribute ("paid"), by an operator's word. Who waits is skipped
-- with the reason; what is on the wire is not taken back, and nothing follows it.

alter table campaign_recipients add column exit_reason text;
comment on column campaign_recipients.exit_reason is 'Nothing follows what is on the wire or failed, and this is why.';

create index campaigns_that_people_leave on campaigns (organization_id) where conduct ? 'exit';

-- Who is to leave, and was being written to at that moment: done again by the next chore.
create table leaving (
    organization_id uuid not null
        constraint leaving_belongs_to_an_organization references organizations (id) on delete cascade,
    campaign_id     uuid not null,
    phone           e164 not null,
    reason          text not null,
    constraint leaving_key primary key (organization_id, campaign_id, phone)
);
comment on table leaving is 'People who are to leave a campaign as soon as their row can be locked.';

-- Takes one person out.
create function leave_campaign(p_org uuid, p_campaign uuid, p_phone text, p_reason text) returns void language plpgsql
    set enable_seqscan = off
as $$
declare
    v_row campaign_recipients;
begin
    select * into v_row from campaign_recipients
      where organization_id = p_org and campaign_id = p_campaign and phone = p_phone for update;
    if v_row.state = 'queued' then
        update campaign_recipients
           set state = 'skipped', attention = 'skipped', reason = p_reason, due_at = null, bound_number_id = null,
               updated_at = clock_timestamp()
         where organization_id = p_org and campaign_id = p_campaign and id = v_row.id;
    elsif v_row.state in ('sending', 'in_doubt', 'failed') then
        -- What failed would else be tried again some day.
        update campaign_recipients set exit_reason = coalesce(exit_reason, p_reason)
         where organization_id = p_org and campaign_id = p_campaign and id = v_row.id;
    end if;
end $$;
comment on function leave_campaign is 'Takes one person out of one campaign, before the next claim.';

-- Takes many out, each of one campaign for one reason, as one set for each reason: the sums are changed once. Where somebody
-- holds a row, the person is put on the list: who changes many people at once would otherwise wait in a circle with those who
-- record outcomes.
--
-- The rows are found by their key, whatever the figures say of how many are meant.
create function leave_campaigns(p_org uuid, p_campaigns uuid[], p_phones text[], p_reasons text[]) returns void
    language plpgsql
    set enable_seqscan = off set enable_bitmapscan = off set enable_hashjoin = off set enable_mergejoin = off set jit = off
as $$
declare
    v_places  tid[];
    v_held    text[];
    v_of      uuid[];
    v_reasons text[];
    v_reason  text;
    v_here    tid[];
begin
    select array_agg(l.place), array_agg(l.phone), array_agg(l.campaign_id), array_agg(l.reason)
      into v_places, v_held, v_of, v_reasons
      from (select r.place, m.phone, m.campaign_id, m.reason
              from unnest(p_campaigns, p_phones, p_reasons) as m (campaign_id, phone, reason)
             cross join lateral (
                    select r.ctid as place from campaign_recipients r
                     where r.organization_id = p_org and r.campaign_id = m.campaign_id and r.phone = m.phone
                       and (r.state in ('queued', 'sending', 'in_doubt') or r.state = 'failed' and r.exit_reason is null)
                       for update skip locked) r) l;
    for v_reason, v_here in
        select k.reason, array_agg(k.place) from unnest(v_places, v_reasons) as k (place, reason) group by k.reason
    loop
        update campaign_recipients r
           set state = 'skipped', attention = 'skipped', reason = v_reason, due_at = null, bound_number_id = null,
               updated_at = clock_timestamp()
         where r.ctid = any (v_here) and r.organization_id = p_org and r.state = 'queued';
        update campaign_recipients r set exit_reason = v_reason
         where r.ctid = any (v_here) and r.organization_id = p_org and r.state in ('sending', 'in_doubt', 'failed')
           and r.exit_reason is null;
    end loop;
    insert into leaving (organization_id, campaign_id, phone, reason)
    select p_org, h.campaign_id, h.phone, h.reason
      from (select m.campaign_id, m.phone, m.reason
              from unnest(p_campaigns, p_phones, p_reasons) as m (campaign_id, phone, reason)
             where exists (select from campaign_recipients r
                            where r.organization_id = p_org and r.campaign_id = m.campaign_id and r.phone = m.phone
                              and (r.state in ('queued', 'sending', 'in_doubt')
                                   or r.state = 'failed' and r.exit_reason is null)
                           offset 0)
            except
            select k.campaign_id, k.phone, k.reason from unnest(v_of, v_held, v_reasons) as k (campaign_id, phone, reason)) h
    on conflict do nothing;
end $$;
comment on function leave_campaigns is 'Takes many people out of campaigns at once; whom somebody holds, as soon as that is over.';

-- Ends what the answered campaign, or where that is not known every one, would still send to who wrote back.
create function leave_on_reply(p_org uuid, p_phone text, p_campaign uuid) returns void language plpgsql as $$
declare
    v_campaign uuid;
begin
    for v_campaign in
        select c.id from campaigns c
          join campaign_recipients r on r.organization_id = p_org and r.campaign_id = c.id and r.phone = p_phone
         where c.organization_id = p_org and c.state in ('active', 'paused') and c.conduct ? 'exit'
           and c.conduct #>> '{exit,on_reply}' = 'true' and (p_campaign is null or c.id = p_campaign)
           and (r.step > 1 or r.last_attempt_id is not null)
         order by c.id
    loop
        perform leave_campaign(p_org, v_campaign, p_phone, 'replied');
    end loop;
end $$;

-- The first attribute of a contact that ends a campaign for it: 'paid=yes'.
create function leaving_attribute(p_exit jsonb, p_attributes jsonb) returns text
    language sql immutable parallel safe
    return (select w.key || '=' || (p_attributes ->> w.key) from jsonb_each(p_exit -> 'attributes') as w (key, wanted)
             where w.wanted ? (p_attributes ->> w.key) order by w.key limit 1);

create function leave_by_attribute() returns trigger language plpgsql as $$
declare
    v_all record;
begin
    if not exists (select from campaigns c where c.conduct ? 'exit' and c.state not in ('completed', 'cancelled')) then
        return null;
    end if;
    for v_all in
        select n.organization_id as org, array_agg(c.id) as campaigns, array_agg(n.phone::text) as phones,
               array_agg('attribute: ' || w.reason) as reasons
          from new_rows n
          join campaigns c on c.organization_id = n.organization_id and c.conduct ? 'exit'
                          and c.state not in ('completed', 'cancelled')
         cross join lateral (select leaving_attribute(c.conduct -> 'exit', n.attributes) as reason) w
         where w.reason is not null
         group by n.organization_id
    loop
        perform leave_campaigns(v_all.org, v_all.campaigns, v_all.phones, v_all.reasons);
    end loop;
    return null;
end $$;
create trigger leave_by_attribute after update on contacts
    referencing new table as new_rows for each statement execute function leave_by_attribute();

-- Takes out whose row was locked when they were to leave.
create function end_leaving(p_org uuid) returns void language plpgsql as $$
declare
    v_campaigns uuid[];
    v_phones    text[];
    v_reasons   text[];
begin
    with listed as (
        delete from leaving where organization_id = p_org returning campaign_id, phone, reason
    )
    select array_agg(campaign_id), array_agg(phone::text), array_agg(reason) into v_campaigns, v_phones, v_reasons
      from listed;
    if v_phones is not null then
        perform leave_campaigns(p_org, v_campaigns, v_phones, v_reasons);
    end if;
end $$;

-- Ends what is queued for some of these people who are suppressed. Rows that somebody holds are left.
create function skip_suppressed(p_org uuid, p_campaign uuid, p_phones text[]) returns void language plpgsql
    set enable_seqscan = off set jit = off
as $$
declare
    v_places tid[] := array(
        select r.ctid from campaign_recipients r
         where r.organization_id = p_org and r.campaign_id = p_campaign and r.phone = any (p_phones)
           and r.state = 'queued'
           and exists (select from suppressions s where s.organization_id = p_org and s.phone = r.phone)
           for update of r skip locked);
begin
    if cardinality(v_places) > 0 then
        perform skip_stranded(p_org, v_places, clock_timestamp());
    end if;
end $$;
comment on function skip_suppressed is 'Ends what a campaign has queued for people who are suppressed.';

-- Whoever opts out, or comes to what ends a campaign, while people are being enrolled: neither sees the other's rows. Enrolments
-- look again at their end, at what came since the campaign was made, and before anything is sent its start does. A standing
-- campaign begins with nobody and enrols for as long as it runs: of the latest hour.
create function changed_since_made(p_campaign campaigns) returns timestamptz
    language sql stable
    return case when p_campaign.standing is null then p_campaign.created_at else clock_timestamp() end - interval '1 hour';

--
-- Whoever changed a contact began that no longer than an hour ago. What was looked at before that is not looked at again: the
-- start, which everybody's decisions wait for, has only what came since somebody looked ahead of it.
create index contacts_by_change on contacts (organization_id, updated_at);

create table looks_ahead (
    organization_id uuid not null
        constraint look_ahead_belongs_to_an_organization references organizations (id) on delete cascade,
    campaign_id     uuid not null,
    looked_at       timestamptz not null,
    seen_before     xid8 not null,
    constraint looks_ahead_key primary key (organization_id, campaign_id)
);
comment on table looks_ahead is
    'Up to when it was looked, at a campaign''s enrolment and before its start, for people who have what ends it for them.';
comment on column looks_ahead.seen_before is 'The oldest transaction that was open then: what older ones did was seen.';

create function look_ahead_since(p_campaign campaigns) returns timestamptz language sql stable as $$
    select greatest(changed_since_made(p_campaign),
                    (select l.looked_at - interval '1 hour' from looks_ahead l
                      where l.organization_id = p_campaign.organization_id and l.campaign_id = p_campaign.id))
$$;

-- Takes out of a campaign who has what ends it, of those whose contacts were changed since then and were not seen as they are: of
-- millions who were imported before the enrolment nobody is asked again.
create function leave_since(p_campaign campaigns, p_since timestamptz) returns void language plpgsql
    set jit = off set enable_seqscan = off
as $$
declare
    -- Of a database that was restored elsewhere it says nothing.
    v_seen_before xid8 := (select l.seen_before from looks_ahead l
                            where l.organization_id = p_campaign.organization_id and l.campaign_id = p_campaign.id
                              and l.seen_before <= pg_snapshot_xmin(pg_current_snapshot()));
    v_campaigns uuid[];
    v_phones    text[];
    v_reasons   text[];
begin
    select array_agg(p_campaign.id), array_agg(k.phone), array_agg('attribute: ' || k.attribute)
      into v_campaigns, v_phones, v_reasons
      from (select c.phone::text as phone, leaving_attribute(p_campaign.conduct -> 'exit', c.attributes) as attribute
              from contacts c
             where c.organization_id = p_campaign.organization_id and c.updated_at > p_since
               and (v_seen_before is null or age(c.xmin) <= age(v_seen_before::xid))
            offset 0) k
     where k.attribute is not null;
    if v_phones is not null then
        perform leave_campaigns(p_campaign.organization_id, v_campaigns, v_phones, v_reasons);
    end if;
end $$;

-- The long part of that, before a start and while nobody waits for it; once a minute is enough.
create function look_ahead(p_org uuid, p_campaign uuid) returns void language plpgsql as $$
declare
    v_campaign campaigns;
    v_now      timestamptz := clock_timestamp();
    v_before   xid8 := pg_snapshot_xmin(pg_current_snapshot());
begin
    select * into v_campaign from campaigns c
     where c.organization_id = p_org and c.id = p_campaign and c.state in ('draft', 'scheduled') and c.standing is null
       and c.conduct #> '{exit,attributes}' is not null;
    if not found or exists (select from looks_ahead l where l.organization_id = p_org and l.campaign_id = p_campaign
                               and l.looked_at > v_now - interval '1 minute') then
        return;
    end if;
    perform leave_since(v_campaign, look_ahead_since(v_campaign));
    insert into looks_ahead (organization_id, campaign_id, looked_at, seen_before)
    values (p_org, p_campaign, v_now, v_before)
    on conflict on constraint looks_ahead_key do update
       set looked_at = excluded.looked_at, seen_before = excluded.seen_before;
end $$;
comment on function look_ahead is 'Takes out, before a campaign''s start, who has come to what ends it while people were enrolled.';

create function heed_before_start() returns trigger language plpgsql
    set jit = off
as $$
declare
    v_since timestamptz := changed_since_made(new);
begin
    perform skip_suppressed(new.organization_id, new.id, array(
        select s.phone::text from suppressions s where s.organization_id = new.organization_id and s.since > v_since));
    if new.conduct #> '{exit,attributes}' is not null then
        perform leave_since(new, look_ahead_since(new));
    end if;
    return null;
end $$;
create trigger heed_before_start after update on campaigns
    for each row when (old.state in ('draft', 'scheduled') and new.state = 'active')
    execute function heed_before_start();

-- What follows an enrolment in its own transaction: who fulfils already what ends the campaign gets nothing of it, and
-- the others their slots. Whom a campaign that is not standing enrols was looked at before, and has a slot (0021). p_after, p_to: those enrolled behind the one and up to the other; p_only: those of them who are
-- meant, where not all who wait are. Read by pieces, as in give_slots and for the same reason.
create function settle_enrolled(
    p_org uuid, p_campaign uuid, p_variables text[], p_now timestamptz, p_only uuid[] default null,
    p_after uuid default '00000000-0000-0000-0000-000000000000', p_to uuid default 'ffffffff-ffff-ffff-ffff-ffffffffffff'
) returns integer
    language plpgsql
    set jit = off set plan_cache_mode = force_custom_plan set work_mem = '64MB'
    set enable_nestloop = off set enable_seqscan = off set enable_bitmapscan = off
as $$
declare
    v_exit     jsonb;
    v_keys     text[];
    v_since    timestamptz;
    v_ids      uuid[];
    v_contacts uuid[];
    v_reasons  text[];
    v_from     uuid;
    v_last     uuid;
    v_after    uuid;
begin
    -- A standing campaign enrols while it runs: whom its last call and a change of their attributes passed by, neither seeing
    -- the other, is seen by the next.
    select c.conduct -> 'exit', changed_since_made(c),
           case when c.standing is null then p_after else '00000000-0000-0000-0000-000000000000' end
      into v_exit, v_since, v_after
      from campaigns c where c.organization_id = p_org and c.id = p_campaign;
    if p_only is null then
        perform skip_suppressed(p_org, p_campaign, array(
            select s.phone::text from suppressions s where s.organization_id = p_org and s.since > v_since));
    end if;
    if v_exit ? 'attributes' then
        select array_agg(r.id order by r.id), array_agg(r.contact_id order by r.id) into v_ids, v_contacts
          from campaign_recipients r
         where r.organization_id = p_org and r.campaign_id = p_campaign and r.id > v_after and r.id <= p_to
           and r.state = 'queued' and (p_only is null or r.id = any (p_only));
        select (array_agg(k.id order by k.id))[1], (array_agg(k.id order by k.id desc))[1] into v_from, v_last
          from unnest(v_contacts) as k (id);
        -- Few people have any of these attributes, and what theirs say is asked once.
        v_keys := array(select jsonb_object_keys(v_exit -> 'attributes'));
        select array_agg(w.id), array_agg(w.reason) into v_ids, v_reasons
          from (select m.id, 'attribute: ' || leaving_attribute(v_exit, k.attributes) as reason
                  from unnest(v_ids, v_contacts) as m (id, contact_id)
                  join contacts k on k.organization_id = p_org and k.id = m.contact_id and k.id >= v_from and k.id <= v_last
                                 and (p_only is null or k.id = any (v_contacts)) and k.attributes ?| v_keys
                offset 0) w
         where w.reason is not null;
        update campaign_recipients r
           set state = 'skipped', attention = 'skipped', due_at = null, bound_number_id = null, updated_at = p_now,
               reason = w.reason
          from unnest(v_ids, v_reasons) as w (id, reason)
         where r.organization_id = p_org and r.campaign_id = p_campaign and r.id = w.id and r.state = 'queued'
           and r.id > v_after and r.id <= p_to and r.id = any (v_ids);
    end if;
    return give_slots(p_org, p_campaign, p_variables, p_now, p_only, p_after, p_to);
end $$;
