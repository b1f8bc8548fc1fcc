-- Campaigns that stop themselves: too many messages fail, or too many people ask for no more.

alter table organizations
    add column stop_failed    integer not null default 3000,
    add column stop_opted_out integer not null default 500,
    add column stop_after     integer not null default 50,
    add constraint stop_shares_are_ten_thousandths
        check (stop_failed between 1 and 10000 and stop_opted_out between 1 and 10000),
    add constraint stop_needs_at_least_one_message check (stop_after >= 1);
comment on column organizations.stop_failed is
    'A campaign pauses when more than so many ten-thousandths of its messages of the last hour failed; 10000: never.';
comment on column organizations.stop_opted_out is 'The same for people who ask for no more, over 24 hours.';
comment on column organizations.stop_after is 'Messages that such a judgement needs.';

create index stops_by_campaign on inbound_messages (organization_id, campaign_id, received_at) where consent = 'stop';

-- How far a campaign was, so that the last hour and the last day can be told from all before.
create table campaign_marks (
    organization_id uuid not null
        constraint mark_belongs_to_an_organization references organizations (id) on delete cascade,
    campaign_id     uuid not null,
    at              timestamptz not null,
    made_at         timestamptz not null default clock_timestamp(),
    sent            bigint not null,
    failed          bigint not null,
    constraint campaign_marks_key primary key (organization_id, campaign_id, at)
);
comment on table campaign_marks is 'Sums of running campaigns every five minutes.';
comment on column campaign_marks.at is '-infinity: where it was when it was started or resumed; nothing before that counts.';

create function mark_campaign() returns trigger language plpgsql as $$
begin
    delete from campaign_marks where organization_id = new.organization_id and campaign_id = new.id;
    insert into campaign_marks (organization_id, campaign_id, at, sent, failed)
    select new.organization_id, new.id, '-infinity', coalesce(sum(k.sent), 0), coalesce(sum(k.failed), 0)
      from campaign_counts k where k.organization_id = new.organization_id and k.campaign_id = new.id;
    return null;
end $$;
create trigger mark_new_campaign after insert on campaigns
    for each row when (new.state = 'active') execute function mark_campaign();
create trigger mark_campaign after update of state on campaigns
    for each row when (new.state = 'active' and old.state <> 'active') execute function mark_campaign();

-- What the running campaigns sent lately and what became of it.
create function look_at_campaigns(p_org uuid, p_now timestamptz default null)
    returns table (campaign_id uuid, stop_when jsonb, stop_failed integer, stop_opted_out integer, stop_after integer,
                   hour_sent bigint, hour_failed bigint, day_sent bigint, day_stops bigint)
    language plpgsql
    set enable_seqscan = off set jit = off
as $$
#variable_conflict use_column
declare
    v_now timestamptz := coalesce(p_now, clock_timestamp());
begin
    insert into campaign_marks (organization_id, campaign_id, at, sent, failed)
    select p_org, c.id, v_now, k.sent, k.failed
      from campaigns c
     cross join lateral (select coalesce(sum(k.sent), 0) as sent, coalesce(sum(k.failed), 0) as failed
                           from campaign_counts k where k.organization_id = p_org and k.campaign_id = c.id) k
     where c.organization_id = p_org and c.state = 'active'
       and not exists (select from campaign_marks m where m.organization_id = p_org and m.campaign_id = c.id
                          and m.at > v_now - interval '5 minutes' and m.at <= v_now)
    on conflict do nothing;
    delete from campaign_marks m
     where m.organization_id = p_org and m.at < v_now - interval '25 hours' and m.at > '-infinity';
    return query
    select c.id, c.conduct -> 'stop_when', o.stop_failed, o.stop_opted_out, o.stop_after,
           (k.sent - h.sent)::bigint, (k.failed - h.failed)::bigint, (k.sent - d.sent)::bigint,
           -- People, however often they say it.
           (select count(distinct coalesce(i.phone, i.from_id, i.id::text)) from inbound_messages i
             where i.organization_id = p_org and i.campaign_id = c.id and i.consent = 'stop'
               and i.received_at > greatest(b.made_at, clock_timestamp() - interval '24 hours'))
      from organizations o
      join campaigns c on c.organization_id = o.id and c.state = 'active'
     cross join lateral (select coalesce(sum(k.sent), 0) as sent, coalesce(sum(k.failed), 0) as failed
                           from campaign_counts k where k.organization_id = p_org and k.campaign_id = c.id) k
     cross join lateral (select m.made_at from campaign_marks m
                          where m.organization_id = p_org and m.campaign_id = c.id order by m.at limit 1) b
     cross join lateral (select m.sent, m.failed from campaign_marks m
                          where m.organization_id = p_org and m.campaign_id = c.id
                            and (m.at <= v_now - interval '1 hour' or m.made_at = b.made_at)
                          order by m.at desc limit 1) h
     cross join lateral (select m.sent from campaign_marks m
                          where m.organization_id = p_org and m.campaign_id = c.id
                            and (m.at <= v_now - interval '24 hours' or m.made_at = b.made_at)
                          order by m.at desc limit 1) d
     where o.id = p_org;
end $$;
comment on function look_at_campaigns is 'What running campaigns sent in the last hour and day, and what became of it.';
