-- What is asked of providers that push nothing, and of numbers that do nothing: seldom, and by one sender for all.

-- When the failures of a number's messages are asked for. Only where the provider does not report them by itself.
create table number_polls (
    organization_id uuid not null,
    number_id       uuid not null,
    next_poll_at    timestamptz not null default '-infinity',
    polled_at       timestamptz,
    constraint number_polls_key primary key (organization_id, number_id),
    constraint poll_is_of_a_number foreign key (organization_id, number_id)
        references whatsapp_numbers (organization_id, id) on delete cascade
) with (fillfactor = 50);
comment on table number_polls is 'When a provider that reports no failures was asked for those of a number.';

create function number_gets_a_poll_row() returns trigger language plpgsql as $$
begin
    insert into number_polls (organization_id, number_id)
    select new.organization_id, new.id from accounts a
     where a.organization_id = new.organization_id and a.id = new.account_id and a.provider = 'ultramsg';
    return null;
end $$;
create trigger number_gets_a_poll_row after insert on whatsapp_numbers
    for each row execute function number_gets_a_poll_row();
insert into number_polls (organization_id, number_id)
select n.organization_id, n.id from whatsapp_numbers n
  join accounts a on a.organization_id = n.organization_id and a.id = n.account_id and a.provider = 'ultramsg';

-- Numbers whose messages may have failed meanwhile: those that sent something within the day in which a message expires,
-- and a little more. The time is read once, by a select of its own: a clock that is read anew for each row bounds no index,
-- and all that a number ever sent would be read.
create function take_polls(p_org uuid, p_most integer, p_every interval) returns setof uuid language sql as $$
    with due as materialized (
        select p.number_id from number_polls p
         where p.organization_id = p_org and p.next_poll_at <= clock_timestamp()
           and exists (select from number_activity y
                        where y.organization_id = p_org and y.number_id = p.number_id
                          and y.minute > (select clock_timestamp() - interval '26 hours') and y.accepted + y.in_doubt > 0)
         order by p.next_poll_at limit p_most for update skip locked
    )
    update number_polls p
       set next_poll_at = clock_timestamp() + p_every * (0.9 + 0.2 * random()), polled_at = clock_timestamp()
      from due d where p.organization_id = p_org and p.number_id = d.number_id
    returning p.number_id
$$;

-- Numbers of a pool that sent nothing for long, and are to be exercised now: their turn is noted, and a check asked for.
alter table number_vitals add column exercised_at timestamptz;
comment on column number_vitals.exercised_at is 'When it was last exercised, because it stood by.';
create function take_standbys(p_org uuid, p_most integer) returns setof uuid language sql as $$
    with due as materialized (
        select v.number_id
          from number_vitals v
          join vital_rules r on r.organization_id = v.organization_id
          join whatsapp_numbers n on n.organization_id = v.organization_id and n.id = v.number_id
          join number_pacing p on p.organization_id = v.organization_id and p.number_id = v.number_id
         where v.organization_id = p_org and r.standby_after is not null and n.is_active and n.suspended_at is null
           and exists (select from pool_numbers m where m.organization_id = p_org and m.number_id = n.id)
           and greatest(coalesce(p.last_sent_at, n.created_at), coalesce(v.exercised_at, n.created_at))
               < clock_timestamp() - r.standby_after
         order by v.number_id limit p_most for update of v skip locked
    ), noted as (
        update number_vitals v set exercised_at = clock_timestamp()
          from due d where v.organization_id = p_org and v.number_id = d.number_id
    ), asked as (
        update number_health h set next_check_at = clock_timestamp()
          from due d where h.organization_id = p_org and h.number_id = d.number_id
    )
    select number_id from due
$$;
comment on function take_standbys is 'Numbers that stand by and are exercised now: a check, and a canary where a phone is set.';
