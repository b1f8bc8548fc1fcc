-- What was foretold when a campaign was made or started: how much on which day, and who first. People have their turn in the
-- order of their enrolment, so the first of each day says the day of everybody, however many they are.
create table campaign_plan (
    organization_id    uuid not null,
    campaign_id        uuid not null,
    day                date not null,
    messages           bigint not null,
    first_recipient_id uuid,
    planned_at         timestamptz not null default clock_timestamp(),
    constraint campaign_plan_key primary key (organization_id, campaign_id, day),
    constraint plan_is_of_a_campaign foreign key (organization_id, campaign_id)
        references campaigns (organization_id, id) on delete cascade,
    constraint planned_messages_are_not_negative check (messages >= 0)
);
comment on table campaign_plan is 'What was foretold at the start, day by day: kept to compare with what was sent.';
comment on column campaign_plan.first_recipient_id is
    'The first whose first message is planned for this day; null: nobody''s is.';

-- Keeps a forecast: how many messages on each day, and how many of them are somebody's first.
create function plan_campaign(p_org uuid, p_campaign uuid, p_days date[], p_messages bigint[], p_people bigint[])
    returns void language sql as $$
    delete from campaign_plan where organization_id = p_org and campaign_id = p_campaign;
    insert into campaign_plan (organization_id, campaign_id, day, messages, first_recipient_id)
    select p_org, p_campaign, d.day, d.messages, w.id
      from (select p.day, p.messages, p.people,
                   1 + coalesce(sum(p.people) over (order by p.day rows between unbounded preceding and 1 preceding), 0)
                       as first_place
              from unnest(p_days, p_messages, p_people) as p (day, messages, people)) d
      left join (select r.id, row_number() over (order by r.id) as place from campaign_recipients r
                  where r.organization_id = p_org and r.campaign_id = p_campaign and r.state = 'queued' and r.step = 1) w
        on d.people > 0 and w.place = d.first_place
$$;
comment on function plan_campaign is 'Keeps a forecast of a campaign, with the first person of each day.';

-- On which day a person's first message is planned.
create function planned_on(p_org uuid, p_campaign uuid, p_recipient uuid) returns date language sql stable as $$
    select p.day from campaign_plan p
     where p.organization_id = p_org and p.campaign_id = p_campaign and p.first_recipient_id <= p_recipient
     order by p.first_recipient_id desc limit 1
$$;
comment on function planned_on is 'On which day of the organisation''s zone somebody''s first message was planned.';
