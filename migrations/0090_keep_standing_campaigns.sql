-- Standing campaigns: they enrol by themselves whoever registered long enough ago, and yield while others run.

alter table campaigns
    add column standing jsonb,
    add column standing_looked_at timestamptz,
    add constraint standing_says_after_how_long_and_how_often
        check (standing is null
               or (jsonb_typeof(standing -> 'after') = 'string' and jsonb_typeof(standing -> 'every') = 'string'));
comment on column campaigns.standing is
    'Null: enrols once. Else after: how long ago somebody must have registered; every: how often it looks.';
comment on column campaigns.standing_looked_at is 'When a standing campaign last looked for people; null: it has yet to.';
create index standing_campaigns on campaigns (organization_id) where standing is not null;

alter table organizations add column allow_simultaneous boolean not null default false;
comment on column organizations.allow_simultaneous is 'Standing campaigns send while other campaigns run; else they yield.';

-- The campaign that a standing one waits for: the first of the others that run, unless the organisation lets them run
-- together. No state is changed for it, so that there is nothing to undo: when the last other one ends or is paused, the
-- standing one goes on, and an operator's own pause stays what it is. A test (0105) holds nobody up.
create function yields_to(p_org uuid, p_standing jsonb) returns text language plpgsql stable as $$
begin
    return (select g.name from organizations o
              join campaigns g on g.organization_id = o.id and g.state = 'active' and g.standing is null
                              and not g.conduct ? 'test_of'
             where p_standing is not null and o.id = p_org and not o.allow_simultaneous
             order by g.priority, g.name limit 1);
end $$;
comment on function yields_to is 'Null: sends whatever else runs. Else the campaign that a standing one waits for.';

-- The standing campaigns that are to look for people now, and marks that they do.
create function take_standing(p_org uuid, p_now timestamptz) returns table (id uuid, audience jsonb)
    language sql
as $$
    with due as materialized (
        -- A row that a claim holds is looked at the next time.
        select c.id from campaigns c
         where c.organization_id = p_org and c.standing is not null and c.state = 'active'
           and (c.standing_looked_at is null
                or c.standing_looked_at + make_interval(
                       secs => extract(epoch from (c.standing ->> 'every')::interval)::float8)
                   <= coalesce(p_now, clock_timestamp()))
         order by c.id for update skip locked
    )
    update campaigns c set standing_looked_at = coalesce(p_now, clock_timestamp())
      from due d where c.organization_id = p_org and c.id = d.id
    returning c.id, c.audience
$$;
