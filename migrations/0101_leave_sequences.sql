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

-- Takes one person out. With p_wait the row's lock is waited for; else, where somebody holds it, the person is put on the
-- list: who changes many people at once would otherwise wait in a circle with those who record outcomes.
create function leave_campaign(
    p_org uuid, p_campaign uuid, p_phone text, p_reason text, p_wait boolean
) returns boolean language plpgsql
    set enable_seqscan = off
as $$
declare
    v_row campaign_recipients;
begin
    if p_wait then
        select * into v_row from campaign_recipients
          where organization_id = p_org and campaign_id = p_campaign and phone = p_phone for update;
    else
        select * into v_row from campaign_recipients
          where organization_id = p_org and campaign_id = p_campaign and phone = p_phone for update skip locked;
        if not found then
            insert into leaving values (p_org, p_campaign, p_phone, p_reason) on conflict do nothing;
            return false;
        end if;
    end if;
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
    return true;
end $$;
comment on function leave_campaign is 'Takes one person out of one campaign, before the next claim.';

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
        perform leave_campaign(p_org, v_campaign, p_phone, 'replied', true);
    end loop;
end $$;

-- The first attribute of a contact that ends a campaign for it: 'paid=yes'.
create function leaving_attribute(p_exit jsonb, p_attributes jsonb) returns text
    language sql immutable parallel safe
    return (select w.key || '=' || (p_attributes ->> w.key) from jsonb_each(p_exit -> 'attributes') as w (key, wanted)
             where w.wanted ? (p_attributes ->> w.key) order by w.key limit 1);

create function leave_by_attribute() returns trigger language plpgsql as $$
declare
    v_row record;
begin
    if not exists (select from campaigns c where c.conduct ? 'exit' and c.state not in ('completed', 'cancelled')) then
        return null;
    end if;
    for v_row in
        select n.organization_id, c.id, n.phone, w.reason
          from new_rows n
          join campaigns c on c.organization_id = n.organization_id and c.conduct ? 'exit'
                          and c.state not in ('completed', 'cancelled')
         cross join lateral (select leaving_attribute(c.conduct -> 'exit', n.attributes) as reason) w
          join campaign_recipients r on r.organization_id = n.organization_id and r.campaign_id = c.id
                                    and r.phone = n.phone
                                    and (r.state in ('queued', 'sending', 'in_doubt')
                                         or r.state = 'failed' and r.exit_reason is null)
         where w.reason is not null
    loop
        perform leave_campaign(v_row.organization_id, v_row.id, v_row.phone, 'attribute: ' || v_row.reason, false);
    end loop;
    return null;
end $$;
create trigger leave_by_attribute after update on contacts
    referencing new table as new_rows for each statement execute function leave_by_attribute();

-- Takes out whose row was locked when they were to leave.
create function end_leaving(p_org uuid) returns void language plpgsql as $$
declare
    v_row leaving;
begin
    for v_row in delete from leaving where organization_id = p_org returning * loop
        perform leave_campaign(p_org, v_row.campaign_id, v_row.phone, v_row.reason, false);
    end loop;
end $$;

-- What follows an enrolment in its own transaction: who fulfils already what ends the campaign gets nothing of it, and
-- the others their slots. p_only: those of them who are meant, where not all who wait are.
create function settle_enrolled(
    p_org uuid, p_campaign uuid, p_variables text[], p_now timestamptz, p_only uuid[] default null
) returns integer
    language plpgsql
    set jit = off set plan_cache_mode = force_custom_plan
as $$
declare
    v_exit jsonb;
begin
    select conduct -> 'exit' into v_exit from campaigns where organization_id = p_org and id = p_campaign;
    if v_exit ? 'attributes' then
        update campaign_recipients r
           set state = 'skipped', attention = 'skipped', due_at = null, bound_number_id = null, updated_at = p_now,
               reason = 'attribute: ' || leaving_attribute(v_exit, k.attributes)
          from contacts k
         where r.organization_id = p_org and r.campaign_id = p_campaign and r.state = 'queued'
           and (p_only is null or r.id = any (p_only)) and k.organization_id = p_org and k.id = r.contact_id
           and leaving_attribute(v_exit, k.attributes) is not null;
    end if;
    return give_slots(p_org, p_campaign, p_variables, p_now, p_only);
end $$;

