-- Enrolments of many people go on piece by piece: how far each is. One that is done has no row.

create table campaign_enrolments (
    organization_id   uuid not null,
    campaign_id       uuid not null,
    began_at          timestamptz not null,
    ms                bigint not null,
    salt              integer not null,
    last_within_limit uuid,
    contacts          bigint not null,
    looked            bigint not null,
    looked_to         uuid not null,
    enrolled          bigint not null,
    touched_at        timestamptz not null default clock_timestamp(),
    keeper            uuid,
    constraint campaign_enrolments_key primary key (organization_id, campaign_id),
    constraint enrolment_is_of_a_campaign foreign key (organization_id, campaign_id)
        references campaigns (organization_id, id) on delete cascade
);
comment on table campaign_enrolments is 'Campaigns that not all of their people are enrolled in yet: they cannot start.';
comment on column campaign_enrolments.looked_to is 'The last contact that was looked at; those behind it are still to come.';
comment on column campaign_enrolments.ms is 'What the ids of its recipients begin with, with salt: they ascend through all pieces.';
comment on column campaign_enrolments.keeper is 'The sender that goes on with it, because whoever began it does not.';

-- An enrolment that nobody has gone on with for a minute, or this instance already does; marks that it does.
create function take_enrolment(p_org uuid, p_instance uuid) returns table (id uuid, audience jsonb)
    language sql
as $$
    with left_behind as materialized (
        select e.campaign_id from campaign_enrolments e
         where e.organization_id = p_org
           and (e.touched_at < clock_timestamp() - interval '1 minute' or e.keeper = p_instance)
         order by e.campaign_id limit 1 for update skip locked
    )
    update campaign_enrolments e set touched_at = clock_timestamp(), keeper = p_instance
      from left_behind l
      join campaigns c on c.organization_id = p_org and c.id = l.campaign_id
     where e.organization_id = p_org and e.campaign_id = l.campaign_id
    returning c.id, c.audience
$$;
