-- Slots: the number that a person keeps, {{campaign_number}}. One for the whole organisation, or one in each campaign that
-- says so. The next free one of a range; unique until all are held; then the one that was used longest ago is shared.
--
--   select phone, campaign_number, shared from contact_numbers order by campaign_number;

alter table organizations
    add column slot_first       integer not null default 1,
    add column slot_last        integer not null default 30,
    add column slot_expiry_days integer,
    add constraint slot_range_is_within_1_and_9999 check (slot_first >= 1 and slot_last between slot_first and 9999),
    add constraint slot_expiry_is_between_1_and_3650_days check (slot_expiry_days between 1 and 3650);
comment on column organizations.slot_expiry_days is 'A slot that no campaign used for so long is free again; null: never.';

alter table campaigns
    add column conduct jsonb not null default '{}',
    add constraint conduct_is_an_object check (jsonb_typeof(conduct) = 'object');
comment on column campaigns.conduct is 'How it behaves: slots of its own, when people leave it, when it stops itself.';

create table contact_slots (
    organization_id uuid not null
        constraint slot_belongs_to_an_organization references organizations (id) on delete cascade,
    scope_id        uuid not null,
    contact_id      uuid not null,
    slot            integer not null,
    shared          boolean not null default false,
    given_by        text not null,
    given_at        timestamptz not null,
    used_at         timestamptz not null,
    constraint contact_slots_key primary key (organization_id, scope_id, contact_id),
    constraint slot_is_between_1_and_9999 check (slot between 1 and 9999)
);
create unique index slot_has_one_holder_unless_it_is_shared on contact_slots (organization_id, scope_id, slot)
    where not shared;
create index slots_by_use on contact_slots (organization_id, scope_id, slot, used_at);
comment on table contact_slots is 'Who has which number. Kept until it expires or is taken back.';
comment on column contact_slots.scope_id is 'The organisation; or the campaign, where the campaign has slots of its own.';
comment on column contact_slots.shared is 'All were held when it was given: somebody else has it too, or had.';
comment on column contact_slots.given_by is 'The campaign that gave it, or the operator.';

-- Where those who change the slots of an organisation queue.
create function slot_queue(p_org uuid) returns bigint
    language sql immutable strict parallel safe
    return hashtextextended('slots ' || p_org::text, 100);

-- Whether a message that is still to be sent, or may be on the wire, shows this person's slot.
create function slot_is_shown(p_org uuid, p_scope uuid, p_contact uuid) returns boolean
    language sql stable
    set enable_seqscan = off
as $$
    select exists (
        select from contacts k
          join campaigns c on c.organization_id = p_org and c.state not in ('completed', 'cancelled')
                          and case when c.conduct ->> 'slots' = 'campaign' then c.id else p_org end = p_scope
          join campaign_recipients r on r.organization_id = p_org and r.campaign_id = c.id and r.phone = k.phone
                                    and r.state in ('queued', 'sending', 'in_doubt')
          join recipient_parameters p on p.organization_id = p_org and p.campaign_id = c.id and p.recipient_id = r.id
         where k.organization_id = p_org and k.id = p_contact and p.parameters ? 'campaign_number')
$$;

-- The people whose slots such messages show: of a whole scope at once, where each by itself would be asked for a hundred
-- thousand times.
create function shown_slots(p_org uuid, p_scope uuid) returns table (contact_id uuid)
    language sql stable
    set jit = off set work_mem = '16MB'
as $$
    select k.id
      from campaigns c
      join campaign_recipients r on r.organization_id = p_org and r.campaign_id = c.id
                                and r.state in ('queued', 'sending', 'in_doubt')
      join recipient_parameters p on p.organization_id = p_org and p.campaign_id = c.id and p.recipient_id = r.id
                                 and p.parameters ? 'campaign_number'
      join contacts k on k.organization_id = p_org and k.phone = r.phone
     where c.organization_id = p_org and c.state not in ('completed', 'cancelled')
       and case when c.conduct ->> 'slots' = 'campaign' then c.id else p_org end = p_scope
$$;
comment on function shown_slots is 'Whose slots are shown by messages that are still to be sent or may be on the wire.';

-- Gives a slot to whoever of these people has none in a campaign's scope, in this order, and answers what each of them has.
-- Slots expire here. The caller stands in the queue (slot_queue) since before it began the statement that names the people.
-- p_few: they are a few, who lie anywhere; else they lie side by side, as they were enrolled.
--
-- The figures know nothing of a campaign that is being made: one row, they say, and whatever the planner looks for row by row
-- it then looks for in all of them, once for each. So nothing is looked for row by row: a piece of each table is read, by its
-- key from the first to the last or by the ids, and the pieces are put side by side. Not planned anew at every call, as its
-- callers are: so would be the look at the organisation that the foreign key takes for each row.
create function hand_out_slots(
    p_org uuid, p_campaign uuid, p_contacts uuid[], p_now timestamptz, p_few boolean default false
) returns table (holder uuid, slot integer, is_new boolean)
    language plpgsql
    set jit = off set plan_cache_mode = auto set work_mem = '64MB'
    set enable_nestloop = off set enable_seqscan = off set enable_bitmapscan = off
    set enable_hashjoin = on set enable_mergejoin = on set enable_sort = on
as $$
declare
    v_campaign campaigns;
    v_org      organizations;
    v_scope    uuid;
    v_from     uuid;
    v_last     uuid;
    v_given    integer;
    v_shared   integer;
    v_expired  integer := 0;
    v_holders  uuid[];
    v_slots    integer[];
    v_known    uuid[];
    v_theirs   integer[];
begin
    perform pg_advisory_xact_lock(slot_queue(p_org));
    select * into v_campaign from campaigns where organization_id = p_org and id = p_campaign;
    v_scope := case when v_campaign.conduct ->> 'slots' = 'campaign' then p_campaign else p_org end;
    select * into v_org from organizations where id = p_org;
    -- Asked of each slot: of each person it would be asked for every piece of an enrolment.
    if v_org.slot_expiry_days is not null and exists (
           select from generate_series(v_org.slot_first, v_org.slot_last) as n (slot)
            where (select min(s.used_at) from contact_slots s
                    where s.organization_id = p_org and s.scope_id = v_scope and s.slot = n.slot)
                  < p_now - make_interval(days => v_org.slot_expiry_days))
    then
        with shown as materialized (select n.contact_id from shown_slots(p_org, v_scope) n)
        delete from contact_slots s
         where s.organization_id = p_org and s.scope_id = v_scope
           and s.used_at < p_now - make_interval(days => v_org.slot_expiry_days)
           and s.contact_id not in (select n.contact_id from shown n);
        get diagnostics v_expired = row_count;
    end if;
    -- People are enrolled in the order of the contacts, so that theirs lie side by side too.
    select (array_agg(k.id order by k.id))[1], (array_agg(k.id order by k.id desc))[1] into v_from, v_last
      from unnest(p_contacts) as k (id);
    with again as (
        update contact_slots s set used_at = p_now
          from unnest(p_contacts) as k (id)
         where s.organization_id = p_org and s.scope_id = v_scope and s.contact_id = k.id
           and s.contact_id >= v_from and s.contact_id <= v_last
           and (not p_few or s.contact_id = any (p_contacts))
        returning s.contact_id, s.slot
    )
    select array_agg(a.contact_id), array_agg(a.slot) into v_known, v_theirs from again a;
    with known as materialized (
        select k.id from unnest(v_known) as k (id)
    ), newcomer as materialized (
        select k.contact_id, row_number() over (order by k.place) as place
          from unnest(p_contacts) with ordinality as k (contact_id, place)
         where not exists (select from known w where w.id = k.contact_id)
    ), held as materialized (
        select h.slot, h.used_at
          from (select n.slot, (select max(s.used_at) from contact_slots s
                                 where s.organization_id = p_org and s.scope_id = v_scope and s.slot = n.slot) as used_at
                  from generate_series(v_org.slot_first, v_org.slot_last) as n (slot) offset 0) h
         where h.used_at is not null
    ), free as materialized (
        select n.slot, row_number() over (order by n.slot) as place
          from generate_series(v_org.slot_first, v_org.slot_last) as n (slot)
         where not exists (select from held h where h.slot = n.slot)
    ), ring as materialized (
        -- Used longest ago first; what is given out now was used last. Who comes after the last free one goes round it.
        select k.slot, row_number() over (order by k.used_at, k.slot) as place
          from (select h.slot, h.used_at from held h union all select f.slot, p_now from free f) k
    ), given as (
        insert into contact_slots (organization_id, scope_id, contact_id, slot, shared, given_by, given_at, used_at)
        select p_org, v_scope, n.contact_id, coalesce(f.slot, g.slot), f.slot is null, v_campaign.name, p_now, p_now
          from newcomer n
          left join free f on f.place = n.place
          left join ring g on f.slot is null
                and g.place = (n.place - (select count(*) from free) - 1) % (v_org.slot_last - v_org.slot_first + 1) + 1
        returning contact_slots.contact_id, contact_slots.slot, contact_slots.shared
    )
    select array_agg(v.contact_id), array_agg(v.slot), count(*), count(*) filter (where v.shared)
      into v_holders, v_slots, v_given, v_shared from given v;
    if v_given + v_expired > 0 then
        perform record_decision(p_org, p_now, v_campaign.changed_by, null, 'give slots', 'campaign', p_campaign,
                                v_campaign.name, format('%s people got a slot', v_given), null,
                                jsonb_build_object('given', v_given, 'shared', v_shared, 'expired', v_expired));
    end if;
    return query select u.h, u.s, true from unnest(v_holders, v_slots) as u (h, s)
                 union all select u.h, u.s, false from unnest(v_known, v_theirs) as u (h, s);
end $$;
comment on function hand_out_slots is 'Gives slots to people of a campaign who have none, and answers what each of them has.';

-- Gives a slot to everybody of a campaign who waits, or may wait for the next step in a moment, and has none frozen yet, in the
-- order of enrolment, and freezes it with their other values, before any message can show it. Answers how many got one anew.
-- p_after, p_to: to those enrolled behind the one and up to the other; p_only: to those of them, where not all are meant; of
-- those who failed only to whom it names. Read by pieces, as in hand_out_slots and for the same reason.
create function give_slots(
    p_org uuid, p_campaign uuid, p_variables text[], p_now timestamptz, p_only uuid[] default null,
    p_after uuid default '00000000-0000-0000-0000-000000000000', p_to uuid default 'ffffffff-ffff-ffff-ffff-ffffffffffff'
) returns integer
    language plpgsql
    set jit = off set plan_cache_mode = force_custom_plan set work_mem = '64MB'
    set enable_nestloop = off set enable_seqscan = off set enable_bitmapscan = off
    set enable_hashjoin = on set enable_mergejoin = on set enable_sort = on
as $$
declare
    v_ids      uuid[];
    v_contacts uuid[];
    v_given    integer;
begin
    if not 'campaign_number' = any (p_variables) then
        return 0;
    end if;
    -- Of two that enrol at once, the second sees what the first gave out.
    perform pg_advisory_xact_lock(slot_queue(p_org));
    select array_agg(r.id order by r.id), array_agg(r.contact_id order by r.id) into v_ids, v_contacts
      from campaign_recipients r
      join recipient_parameters p on p.organization_id = p_org and p.campaign_id = p_campaign and p.recipient_id = r.id
                                 and p.recipient_id > p_after and p.recipient_id <= p_to
                                 and (p_only is null or p.recipient_id = any (p_only))
                                 and not p.parameters ? 'campaign_number'
     where r.organization_id = p_org and r.campaign_id = p_campaign and r.id > p_after and r.id <= p_to
       and (r.state in ('queued', 'sending', 'in_doubt') or r.state = 'failed' and p_only is not null)
       and (p_only is null or r.id = any (p_only));
    with theirs as materialized (
        select h.holder, h.slot, h.is_new
          from hand_out_slots(p_org, p_campaign, v_contacts, p_now, p_only is not null) h
    ), frozen as (
        update recipient_parameters p
           set parameters = p.parameters || jsonb_build_object('campaign_number', t.slot::text)
          from unnest(v_ids, v_contacts) as k (id, contact_id)
          join theirs t on t.holder = k.contact_id
         where p.organization_id = p_org and p.campaign_id = p_campaign and p.recipient_id = k.id
           and p.recipient_id > p_after and p.recipient_id <= p_to
           and (p_only is null or p.recipient_id = any (p_only))
    )
    select count(*) filter (where t.is_new) into v_given from theirs t;
    return v_given;
end $$;
comment on function give_slots is 'Gives and freezes the slots of a campaign''s people; nothing where no text shows them.';

-- Whether a campaign's texts may show slots: by the word, wherever in a step it stands.
create function shows_slots(p_org uuid, p_campaign uuid) returns boolean language sql stable as $$
    select exists (select from campaign_steps s where s.organization_id = p_org and s.campaign_id = p_campaign
                      and to_jsonb(s)::text like '%campaign\_number%')
$$;

-- A place in the queue of those who change slots, for a campaign that shows them. Taken before the locks that others wait
-- for, the campaign's and those of decisions.
create function queue_for_slots(p_org uuid, p_campaign uuid) returns void language sql as $$
    select pg_advisory_xact_lock(slot_queue(p_org)) where shows_slots(p_org, p_campaign)
$$;

-- People who are queued again show the slot that they hold now, not the one that was frozen: while nothing of theirs was to
-- be sent, it may have gone to somebody else. The caller stands in the queue already (queue_for_slots).
create function give_slots_again(p_org uuid, p_campaign uuid, p_recipients uuid[]) returns void language plpgsql as $$
begin
    if not shows_slots(p_org, p_campaign) then
        return;
    end if;
    update recipient_parameters p set parameters = p.parameters - 'campaign_number'
     where p.organization_id = p_org and p.campaign_id = p_campaign and p.recipient_id = any (p_recipients)
       and p.parameters ? 'campaign_number';
    perform give_slots(p_org, p_campaign, '{campaign_number}', clock_timestamp(), p_recipients);
end $$;
comment on function give_slots_again is 'Freezes the slots anew that queued people show, and gives one to who lost theirs.';

-- The scope that a campaign's slots are in; the organisation's where no campaign is named.
create function slot_scope(p_org uuid, p_campaign uuid) returns uuid
    language sql stable
    return coalesce((select c.id from campaigns c where c.organization_id = p_org and c.id = p_campaign
                        and c.conduct ->> 'slots' = 'campaign'), p_org);

-- Gives a person this slot (p_slot), or none any more (null). What is queued and shows it shows the new one; whoever has a
-- message on the wire gets it with the next.
create function change_slot(
    p_org uuid, p_campaign uuid, p_phone text, p_slot integer, p_actor text, p_instance uuid, p_reason text
) returns change_answer language plpgsql as $$
declare
    v_scope   uuid := slot_scope(p_org, p_campaign);
    v_contact uuid;
    v_org     organizations;
    v_old     contact_slots;
    v_new     contact_slots;
    v_holder  text;
    v_now     timestamptz;
begin
    perform pg_advisory_xact_lock(slot_queue(p_org));
    v_now := clock_timestamp();
    select id into v_contact from contacts where organization_id = p_org and phone = p_phone;
    if not found then
        return row ('missing', null, null, null, p_phone, null, null)::change_answer;
    end if;
    select * into v_org from organizations where id = p_org;
    select * into v_old from contact_slots
      where organization_id = p_org and scope_id = v_scope and contact_id = v_contact;
    if v_old.slot is not distinct from p_slot then
        return row ('already', null, coalesce(v_old.given_by, 'nobody'), coalesce(v_old.given_at, v_now), p_phone,
                    coalesce(v_old.slot::text, 'none'), null)::change_answer;
    end if;
    if p_slot not between v_org.slot_first and v_org.slot_last then
        return row ('refused', null, null, v_now, p_phone, format('range %s-%s', v_org.slot_first, v_org.slot_last),
                    null)::change_answer;
    end if;
    select k.phone into v_holder from contact_slots s
      join contacts k on k.organization_id = p_org and k.id = s.contact_id
     where s.organization_id = p_org and s.scope_id = v_scope and s.slot = p_slot order by s.shared limit 1;
    if found then
        return row ('refused', null, null, v_now, p_phone, 'held ' || v_holder, null)::change_answer;
    end if;
    if p_slot is null then
        if slot_is_shown(p_org, v_scope, v_contact) then
            return row ('refused', null, null, v_now, p_phone, 'shown', null)::change_answer;
        end if;
        delete from contact_slots where organization_id = p_org and scope_id = v_scope and contact_id = v_contact;
    else
        insert into contact_slots (organization_id, scope_id, contact_id, slot, given_by, given_at, used_at)
        values (p_org, v_scope, v_contact, p_slot, p_actor, v_now, v_now)
        on conflict on constraint contact_slots_key do update
           set slot = excluded.slot, shared = false, given_by = excluded.given_by, given_at = excluded.given_at,
               used_at = excluded.used_at
        returning * into v_new;
        update recipient_parameters p
           set parameters = p.parameters || jsonb_build_object('campaign_number', p_slot::text)
          from campaigns c
          join campaign_recipients r on r.organization_id = p_org and r.campaign_id = c.id and r.phone = p_phone
                                    and r.state in ('queued', 'sending', 'in_doubt')
         where c.organization_id = p_org and c.state not in ('completed', 'cancelled')
           and case when c.conduct ->> 'slots' = 'campaign' then c.id else p_org end = v_scope
           and p.organization_id = p_org and p.campaign_id = c.id and p.recipient_id = r.id
           and p.parameters ? 'campaign_number';
    end if;
    perform record_decision(p_org, v_now, p_actor, p_instance,
                            case when p_slot is null then 'release slot' else 'set slot' end, 'contact', v_contact,
                            p_phone, p_reason, jsonb_build_object('slot', v_old.slot),
                            jsonb_build_object('slot', v_new.slot));
    return row ('done', null, p_actor, v_now, p_phone, p_slot::text, null)::change_answer;
end $$;
comment on function change_slot is 'Gives a person a slot by hand, or takes it back, with who and why.';

-- Takes back every slot of a scope but those that messages still to be sent show. p_dry_run: only counts.
create function reset_slots(
    p_org uuid, p_campaign uuid, p_dry_run boolean, p_actor text, p_instance uuid, p_reason text,
    out released integer, out kept integer
) language plpgsql
    set enable_nestloop = off set work_mem = '64MB' set jit = off
as $$
declare
    v_scope uuid := slot_scope(p_org, p_campaign);
    v_shown uuid[];
begin
    perform pg_advisory_xact_lock(slot_queue(p_org));
    select array_agg(distinct n.contact_id) into v_shown from shown_slots(p_org, v_scope) n;
    -- As sets, which may be a million each: what is not in a list would be looked for in all of it.
    select count(*) filter (where n.contact_id is null), count(n.contact_id) into released, kept
      from contact_slots s
      left join unnest(v_shown) as n (contact_id) on n.contact_id = s.contact_id
     where s.organization_id = p_org and s.scope_id = v_scope;
    if p_dry_run or released = 0 then
        return;
    end if;
    delete from contact_slots s
     where s.organization_id = p_org and s.scope_id = v_scope
       and not exists (select from unnest(v_shown) as n (contact_id) where n.contact_id = s.contact_id);
    get diagnostics released = row_count;
    perform record_decision(p_org, clock_timestamp(), p_actor, p_instance, 'reset slots', 'organization', p_org,
                            coalesce((select name from campaigns where organization_id = p_org and id = v_scope),
                                     (select slug from organizations where id = p_org)),
                            p_reason, null, jsonb_build_object('released', released, 'kept', kept));
end $$;

-- Which slots there are and how long they last. Refused while somebody holds one outside of the new range.
create function change_slot_rules(
    p_org uuid, p_first integer, p_last integer, p_set_expiry boolean, p_expiry_days integer, p_actor text,
    p_instance uuid, p_reason text
) returns change_answer language plpgsql as $$
declare
    v_old     organizations;
    v_new     organizations;
    v_outside bigint;
begin
    perform pg_advisory_xact_lock(slot_queue(p_org));
    select * into v_old from organizations where id = p_org for update;
    select count(*) into v_outside from contact_slots s
      where s.organization_id = p_org and s.slot not between coalesce(p_first, v_old.slot_first)
                                                         and coalesce(p_last, v_old.slot_last);
    if v_outside > 0 then
        return row ('refused', null, null, clock_timestamp(), v_old.slug, v_outside::text, null)::change_answer;
    end if;
    update organizations
       set slot_first = coalesce(p_first, slot_first), slot_last = coalesce(p_last, slot_last),
           slot_expiry_days = case when p_set_expiry then p_expiry_days else slot_expiry_days end,
           revision = revision + 1
     where id = p_org returning * into v_new;
    perform record_decision(p_org, clock_timestamp(), p_actor, p_instance, 'edit organization', 'organization', p_org,
                            v_old.slug, p_reason, to_jsonb(v_old), to_jsonb(v_new));
    return row ('done', v_new.revision, p_actor, clock_timestamp(), v_old.slug, null, null)::change_answer;
end $$;

create view contact_numbers with (security_invoker = true) as
select s.organization_id, c.phone::text as phone, c.name, s.slot as campaign_number, k.name as campaign,
       exists (select from contact_slots o
                where o.organization_id = s.organization_id and o.scope_id = s.scope_id and o.slot = s.slot
                  and o.contact_id <> s.contact_id) as shared,
       s.given_by, s.given_at, s.used_at
  from contact_slots s
  join contacts c on c.organization_id = s.organization_id and c.id = s.contact_id
  left join campaigns k on k.organization_id = s.organization_id and k.id = s.scope_id;
comment on view contact_numbers is
    'Who has which number; campaign: of which alone, null: of all. Select phone, campaign_number from contact_numbers.';
