-- How fast a campaign went: its sums at the end of each minute in which it ran. One row for each minute and campaign, written
-- beside the sending by one sender for all, never by a claim or an outcome.
create table campaign_pace (
    organization_id uuid not null,
    campaign_id     uuid not null,
    minute          timestamptz not null,
    sent            bigint not null,
    failed          bigint not null,
    constraint campaign_pace_key primary key (organization_id, campaign_id, minute),
    constraint pace_is_of_a_campaign foreign key (organization_id, campaign_id)
        references campaigns (organization_id, id) on delete cascade,
    constraint pace_is_kept_by_the_minute check (date_trunc('minute', minute, 'UTC') = minute)
) with (fillfactor = 80);
create index pace_by_minute on campaign_pace (organization_id, minute);
comment on table campaign_pace is 'What a campaign had sent and failed at the end of a minute, all in all; kept for two weeks.';

-- Notes the sums of campaigns that run or ended a moment ago, and forgets what is older than two weeks.
create function note_pace(p_org uuid) returns void
    language sql
    set enable_seqscan = off
as $$
    delete from campaign_pace where organization_id = p_org and minute < clock_timestamp() - interval '14 days';
    insert into campaign_pace as p (organization_id, campaign_id, minute, sent, failed)
    select p_org, c.id, date_trunc('minute', clock_timestamp(), 'UTC'), k.sent, k.failed
      from campaigns c
     cross join lateral (select coalesce(sum(k.sent), 0) as sent, coalesce(sum(k.failed), 0) as failed
                           from campaign_counts k where k.organization_id = p_org and k.campaign_id = c.id) k
     where c.organization_id = p_org
       and (c.state = 'active' or c.state in ('paused', 'completed', 'cancelled')
                                  and c.updated_at > clock_timestamp() - interval '3 minutes')
    on conflict on constraint campaign_pace_key do update set sent = excluded.sent, failed = excluded.failed
     where (p.sent, p.failed) is distinct from (excluded.sent, excluded.failed)
$$;
comment on function note_pace is 'Keeps how far each running campaign is, minute by minute.';
