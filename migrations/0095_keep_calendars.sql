-- When campaigns may send: windows, quiet hours and business days, an order among campaigns, an end.

create function is_time_zone(p_name text) returns boolean
    language plpgsql immutable strict parallel safe
as $$
begin
    perform timestamptz '2000-01-01 00:00:00+00' at time zone p_name;
    return true;
exception when invalid_parameter_value then
    return false;
end $$;

-- Whether a clock in that zone shows one of these hours. Minutes of the day; days of the week, Monday in the lowest bit.
-- Hours that end before they begin go over midnight and belong to the day on which they begin. No hours: always.
create function hours_are_open(p_from smallint, p_to smallint, p_days smallint, p_zone text, p_at timestamptz)
    returns boolean language plpgsql stable parallel safe
as $$
declare
    v_local     timestamp;
    v_minute    integer;
    v_today     boolean;
    v_yesterday boolean;
begin
    if p_from is null then
        return true;
    end if;
    v_local := p_at at time zone p_zone;
    v_minute := extract(hour from v_local)::integer * 60 + extract(minute from v_local)::integer;
    v_today := p_days >> (extract(isodow from v_local)::integer - 1) & 1 = 1;
    if p_from < p_to then
        return v_today and v_minute >= p_from and v_minute < p_to;
    end if;
    v_yesterday := p_days >> ((extract(isodow from v_local)::integer + 5) % 7) & 1 = 1;
    return v_today and v_minute >= p_from or v_yesterday and v_minute < p_to;
end $$;
comment on function hours_are_open is
    'Whether a clock in a zone shows one of these hours: the rule that claims obey and screens foretell.';

alter table organizations
    add column open_from smallint,
    add column open_to smallint,
    add column open_days smallint,
    add column subscription_ends_at timestamptz,
    add constraint business_hours_are_whole
        check ((open_from is null) = (open_to is null) and (open_from is null) = (open_days is null)),
    add constraint business_hours_are_minutes_of_a_day
        check (open_from between 0 and 1439 and open_to between 1 and 1440 and open_from <> open_to),
    add constraint business_days_are_days_of_a_week check (open_days between 1 and 127);
comment on column organizations.open_from is 'The minute of the day from which campaigns may send; null: always.';
comment on column organizations.open_days is 'Business days, Monday in the lowest bit.';
comment on column organizations.subscription_ends_at is 'From then on nothing is sent; null: no end.';

alter table campaigns
    add column window_from smallint,
    add column window_to smallint,
    add column window_days smallint,
    add column window_zone text,
    add column zoned boolean not null default false,
    add column run_after_id uuid,
    add column missed text not null default 'send',
    add column missed_at timestamptz,
    add column expires_after bigint,
    add column expires_at timestamptz,
    add column only_number_id uuid,
    add constraint window_is_whole
        check ((window_from is null) = (window_to is null) and (window_from is null) = (window_days is null)
               and (window_from is null) = (window_zone is null)),
    add constraint window_is_minutes_of_a_day
        check (window_from between 0 and 1439 and window_to between 1 and 1440 and window_from <> window_to),
    add constraint window_days_are_days_of_a_week check (window_days between 1 and 127),
    add constraint window_is_on_somebodys_clock
        check (window_zone in ('recipient', 'organization') or is_time_zone(window_zone)),
    add constraint own_clocks_were_frozen_at_enrolment check (window_zone <> 'recipient' or zoned),
    add constraint campaign_runs_after_one_of_its_organization foreign key (organization_id, run_after_id)
        references campaigns (organization_id, id),
    add constraint campaign_does_not_run_after_itself check (run_after_id <> id),
    add constraint missed_start_policy_is_known check (missed in ('send', 'next_window', 'ask')),
    add constraint message_expires_after_some_time check (expires_after > 0),
    drop constraint scheduled_has_a_time,
    add constraint scheduled_has_a_time_or_a_predecessor
        check (state <> 'scheduled' or starts_at is not null or run_after_id is not null);
comment on column campaigns.window_zone is 'Whose clock: recipient, organization or the name of a zone.';
comment on column campaigns.zoned is 'Its recipients are picked by their own zones (campaign_zones).';
comment on column campaigns.run_after_id is 'It starts when that one is completed.';
comment on column campaigns.missed is 'What becomes of a start that no sender was there for: send, next_window or ask.';
comment on column campaigns.missed_at is 'The start that was missed, while somebody is asked.';
comment on column campaigns.expires_after is 'Seconds after a message was due when it is too late for it.';
comment on column campaigns.expires_at is 'From then on it is too late for all of its messages.';
comment on column campaigns.only_number_id is 'The only number that may send for it.';

-- Where a window is on the recipients' own clocks, each of them has a zone and a due time, and claims pick zone by zone:
-- who sleeps is not looked at, however many they are.
alter table campaign_recipients
    add column zone text,
    add column expires_at timestamptz,
    add constraint own_clocks_have_a_due_time check (zone is null or state <> 'queued' or due_at is not null);
comment on column campaign_recipients.zone is 'Whose clock the window is on, frozen at enrolment; null: not their own.';
comment on column campaign_recipients.expires_at is 'When it is too late to try this step again; set by its first try.';
create index queued_by_zone_and_due_time on campaign_recipients (organization_id, campaign_id, zone, due_at)
    where zone is not null and due_at is not null;
create index queued_by_zone_and_number
    on campaign_recipients (organization_id, campaign_id, zone, bound_number_id, due_at, is_kept)
    where zone is not null and due_at is not null and bound_number_id is not null;

create table campaign_zones (
    organization_id uuid not null,
    campaign_id     uuid not null,
    zone            text not null,
    constraint campaign_zones_key primary key (organization_id, campaign_id, zone),
    constraint zone_is_of_a_campaign foreign key (organization_id, campaign_id)
        references campaigns (organization_id, id) on delete cascade,
    constraint zone_is_known check (is_time_zone(zone))
);
comment on table campaign_zones is 'The zones of a campaign''s recipients, where its window is on their own clocks.';

-- The zones of a campaign whose people may be written to now: those that close first come first.
create function open_zones(p_org uuid, p_campaign uuid, p_now timestamptz) returns text[] language sql stable as $$
    select coalesce(array_agg(z.zone order by left_in_minutes, z.zone), '{}')
      from campaigns c
      join campaign_zones z on z.organization_id = p_org and z.campaign_id = c.id
     cross join lateral (select (c.window_to + 1440 - extract(hour from p_now at time zone z.zone)::integer * 60
                                 - extract(minute from p_now at time zone z.zone)::integer) % 1440) l (left_in_minutes)
     where c.organization_id = p_org and c.id = p_campaign
       and (c.window_zone is distinct from 'recipient'
            or hours_are_open(c.window_from, c.window_to, c.window_days, z.zone, p_now))
$$;

alter table whatsapp_numbers
    add column label text,
    add constraint label_is_a_short_word check (label ~ '^[A-Za-z0-9][A-Za-z0-9._-]{0,39}$');
comment on column whatsapp_numbers.label is 'What a campaign may switch within: numbers that people take for the same sender.';

-- Of these numbers those that people take for the same sender.
create function with_same_label(p_org uuid, p_number uuid, p_numbers uuid[]) returns uuid[] language sql stable as $$
    select coalesce(array_agg(o.id order by o.id), '{}') from whatsapp_numbers n
      join whatsapp_numbers o on o.organization_id = p_org and o.id = any (p_numbers) and o.label = n.label
     where n.organization_id = p_org and n.id = p_number
$$;

-- Changes an organisation's hours and the end of its subscription. Claims that come after it obey.
create function edit_calendar(
    p_org uuid, p_hours boolean, p_from smallint, p_to smallint, p_days smallint,
    p_ends boolean, p_ends_at timestamptz, p_actor text, p_instance uuid, p_reason text
) returns boolean language plpgsql as $$
declare
    v_old organizations;
    v_new organizations;
begin
    -- Before the claims that come after it (migration 0009).
    perform pg_advisory_xact_lock(decision_queue(p_org));
    select * into v_old from organizations where id = p_org for update;
    if not found then
        return false;
    end if;
    update organizations
       set open_from = case when p_hours then p_from else open_from end,
           open_to = case when p_hours then p_to else open_to end,
           open_days = case when p_hours then p_days else open_days end,
           subscription_ends_at = case when p_ends then p_ends_at else subscription_ends_at end,
           revision = revision + 1
     where id = p_org
    returning * into v_new;
    return record_decision(p_org, clock_timestamp(), p_actor, p_instance, 'edit organization', 'organization', p_org,
                           v_old.slug, p_reason, to_jsonb(v_old), to_jsonb(v_new));
end $$;
