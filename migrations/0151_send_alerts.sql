-- Alerts that go out: by e-mail and by webhook, each to each channel once, by whichever sender comes to it.

create table alert_channels (
    organization_id uuid not null
        constraint channel_belongs_to_an_organization references organizations (id) on delete cascade,
    id              uuid not null,
    name            text not null,
    kind            text not null,
    address         text not null,
    smtp            text,
    mail_from       text,
    sealed_secret   text,
    least           text not null default 'warning',
    kinds           text[],
    daily_report    boolean not null default false,
    is_active       boolean not null default true,
    failing_since   timestamptz,
    failing_reason  text,
    revision        bigint not null default 1,
    created_at      timestamptz not null default clock_timestamp(),
    constraint alert_channels_key primary key (organization_id, id),
    constraint channel_name_is_taken_once unique (organization_id, name),
    constraint channel_is_mail_or_a_webhook check (kind in ('email', 'webhook')),
    constraint mail_has_a_server_and_a_sender check ((kind = 'email') = (smtp is not null) and (smtp is null) = (mail_from is null)),
    constraint webhook_is_signed check (kind <> 'webhook' or sealed_secret is not null),
    constraint channel_severity_is_known check (least in ('info', 'warning', 'critical')),
    constraint failing_says_why check ((failing_since is null) = (failing_reason is null))
);
comment on table alert_channels is 'Where alerts go besides the console.';
comment on column alert_channels.address is 'Mailboxes, with commas between them; or the address that is posted to.';
comment on column alert_channels.smtp is 'The mail server: smtps://user@host:465, or smtp://user@host:587 with STARTTLS.';
comment on column alert_channels.sealed_secret is 'Sealed: the mail server''s password; or what signs the webhook.';
comment on column alert_channels.least is 'Nothing below this goes there.';
comment on column alert_channels.kinds is 'Only these kinds go there; null: all.';
comment on column alert_channels.failing_since is 'Nothing has got through since then.';

create table alert_deliveries (
    organization_id uuid not null,
    id              uuid not null default new_uuid(),
    channel_id      uuid not null,
    alert_id        uuid,
    report_day      date,
    state           text not null default 'waiting',
    tries           integer not null default 0,
    created_at      timestamptz not null default clock_timestamp(),
    due_at          timestamptz not null default clock_timestamp(),
    sent_at         timestamptz,
    problem         text,
    constraint alert_deliveries_key primary key (organization_id, id),
    constraint delivery_goes_to_a_channel foreign key (organization_id, channel_id)
        references alert_channels (organization_id, id) on delete cascade,
    constraint delivery_is_of_an_alert foreign key (organization_id, alert_id)
        references alerts (organization_id, id) on delete cascade,
    constraint alert_goes_to_a_channel_once unique (organization_id, channel_id, alert_id),
    constraint report_goes_to_a_channel_once unique (organization_id, channel_id, report_day),
    constraint delivery_is_an_alert_or_a_report check ((alert_id is null) <> (report_day is null)),
    constraint delivery_state_is_known check (state in ('waiting', 'sent', 'given_up')),
    constraint sent_iff_when check ((state = 'sent') = (sent_at is not null))
);
comment on table alert_deliveries is 'What goes to which channel, and whether it got through.';
comment on column alert_deliveries.due_at is
    'When it is tried next. Whoever takes it sets this ahead: if nothing comes of that, somebody else tries.';
create index deliveries_that_wait on alert_deliveries (organization_id, due_at) where state = 'waiting';
create index deliveries_by_alert on alert_deliveries (organization_id, alert_id) where alert_id is not null;

create function alert_goes_out() returns trigger language plpgsql as $$
begin
    insert into alert_deliveries (organization_id, channel_id, alert_id)
    select c.organization_id, c.id, new.id
      from alert_channels c
     where c.organization_id = new.organization_id and c.is_active
       and alert_rank(new.severity) >= alert_rank(c.least) and (c.kinds is null or new.kind = any (c.kinds))
    on conflict do nothing;
    return null;
end $$;
create trigger alert_goes_out after insert on alerts for each row execute function alert_goes_out();

-- Takes what is due for the caller to send, for three minutes. In quiet hours only what is critical is due.
create function take_deliveries(p_org uuid, p_most integer)
    returns table (delivery_id uuid, channel_id uuid, tries integer, report_day date, alert_id uuid, at timestamptz)
    language sql
as $$
    with quiet as materialized (
        select r.quiet_from is not null
               and hours_are_open(r.quiet_from, r.quiet_to, 127::smallint, o.time_zone, clock_timestamp()) as is_now
          from organizations o join alert_rules r on r.organization_id = o.id where o.id = p_org
    ), due as materialized (
        select d.id
          from alert_deliveries d
          join alert_channels c on c.organization_id = p_org and c.id = d.channel_id and c.is_active
          left join alerts a on a.organization_id = p_org and a.id = d.alert_id
         where d.organization_id = p_org and d.state = 'waiting' and d.due_at <= clock_timestamp()
           and (a.severity = 'critical' or not (select is_now from quiet))
         order by d.due_at, d.id limit p_most for update of d skip locked
    )
    update alert_deliveries d set due_at = clock_timestamp() + interval '3 minutes', tries = d.tries + 1
      from due where d.organization_id = p_org and d.id = due.id
    returning d.id, d.channel_id, d.tries, d.report_day, d.alert_id, clock_timestamp()
$$;
comment on function take_deliveries is 'Takes what is due to go out; whoever took it says what came of it within three minutes.';

-- What got through.
create function note_delivered(p_org uuid, p_ids uuid[]) returns void language sql as $$
    with sent as (
        update alert_deliveries d set state = 'sent', sent_at = clock_timestamp(), problem = null
         where d.organization_id = p_org and d.id = any (p_ids) and d.state <> 'sent'
        returning d.channel_id
    )
    update alert_channels c set failing_since = null, failing_reason = null
     where c.organization_id = p_org and c.failing_since is not null and c.id in (select channel_id from sent)
$$;

-- What did not: it is tried again after 15 s, 30 s, 1 min, … up to an hour, and given up after a day.
create function note_not_delivered(p_org uuid, p_ids uuid[], p_problem text) returns void language sql as $$
    with failed as (
        update alert_deliveries d
           set state = case when d.created_at < clock_timestamp() - interval '1 day' then 'given_up' else 'waiting' end,
               due_at = clock_timestamp() + least(interval '15 seconds' * power(2, least(d.tries - 1, 10)), interval '1 hour'),
               problem = p_problem
         where d.organization_id = p_org and d.id = any (p_ids) and d.state = 'waiting'
        returning d.channel_id
    )
    update alert_channels c set failing_since = coalesce(c.failing_since, clock_timestamp()), failing_reason = p_problem
     where c.organization_id = p_org and c.id in (select channel_id from failed)
$$;

-- Queues the report of the day before, once for each channel that wants it, when its time has come; and the one before that,
-- if no sender was there from then to midnight, for channels that were there. Answers how many.
create function queue_reports(p_org uuid) returns integer language sql as $$
    with due as materialized (
        select b.day, (b.day + 1 + make_interval(mins => r.report_at)) at time zone o.time_zone as since,
               b.day = l.local::date - 1 as is_latest
          from organizations o
          join alert_rules r on r.organization_id = o.id
         cross join lateral (select clock_timestamp() at time zone o.time_zone as local) l
         cross join lateral (values (l.local::date - 1), (l.local::date - 2)) b (day)
         where o.id = p_org and l.local >= b.day + 1 + make_interval(mins => r.report_at)
    ), queued as (
        insert into alert_deliveries (organization_id, channel_id, report_day)
        select p_org, c.id, d.day from due d
          join alert_channels c on c.organization_id = p_org and c.is_active and c.daily_report
                               and (d.is_latest or c.created_at <= d.since)
         order by d.day
        on conflict on constraint report_goes_to_a_channel_once do nothing
        returning 1
    )
    select count(*)::integer from queued
$$;
comment on function queue_reports is 'Queues the report of the day before for each channel that wants it, once.';

-- What nobody looks at any more. What lasts stays, also if somebody has taken note: the next look would raise it anew.
create function forget_alerts(p_org uuid) returns void language sql as $$
    delete from alerts a
     where a.organization_id = p_org and a.raised_at < clock_timestamp() - interval '90 days'
       and a.ended_at < clock_timestamp() - interval '90 days';
    delete from alert_deliveries d
     where d.organization_id = p_org and d.report_day < clock_timestamp()::date - 30 and d.state <> 'waiting';
$$;
