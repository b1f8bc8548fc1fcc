-- A gateway that takes messages faster than it sends them keeps a queue of its own, and what lies in it no pause, no STOP and
-- no failover reaches. So it is kept short: no more than queue_limit are given to it that it has not sent. How many it has is
-- read from it; what is claimed in between is counted here, with the pacing that every claim writes anyway.

alter table number_pacing
    add column queue_limit   integer,
    add column queued        integer,
    add column queue_read_at timestamptz,
    add constraint queue_limit_is_positive check (queue_limit > 0),
    add constraint queued_is_not_negative check (queued >= 0);
comment on column number_pacing.queue_limit is 'Most messages that may wait in the gateway''s own queue; null: it keeps none.';
comment on column number_pacing.queued is
    'As many wait there at most; null: the gateway does not say, and nothing is held back for it.';
comment on column number_pacing.queue_read_at is 'When the gateway was asked last.';

-- ultramsg.md, section 5: "keep the provider's queue short".
create function number_gets_a_queue_bound() returns trigger language plpgsql as $$
begin
    update number_pacing p set queue_limit = 5, queued = 0
      from accounts a
     where p.organization_id = new.organization_id and p.number_id = new.id
       and a.organization_id = new.organization_id and a.id = new.account_id and a.provider = 'ultramsg';
    return null;
end $$;
create trigger number_gets_a_queue_bound after insert on whatsapp_numbers
    for each row execute function number_gets_a_queue_bound();
update number_pacing p set queue_limit = 5, queued = 0
  from whatsapp_numbers n join accounts a on a.organization_id = n.organization_id and a.id = n.account_id
 where p.organization_id = n.organization_id and p.number_id = n.id and a.provider = 'ultramsg';

-- What a gateway says of its queue. p_before: what stood here when it was asked, so that what was claimed meanwhile is kept on
-- top. p_waiting null: it does not say. Only who holds the number's lease knows what is on the wire to it.
create function note_queue(p_org uuid, p_instance uuid, p_number uuid, p_before integer, p_waiting integer)
    returns integer language sql
as $$
    update number_pacing p
       set queued = case when p_waiting is null then null
                         else greatest(0, p_waiting + greatest(0, coalesce(p.queued, 0) - coalesce(p_before, 0))) end,
           queue_read_at = clock_timestamp()
     where p.organization_id = p_org and p.number_id = p_number
       and exists (select from number_leases l
                    where l.organization_id = p_org and l.number_id = p_number and l.holder = p_instance
                      and l.expires_at > clock_timestamp())
    returning p.queued
$$;
comment on function note_queue is 'Keeps how many messages wait in a gateway''s own queue.';
