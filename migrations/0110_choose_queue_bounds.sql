-- How many messages may wait in a gateway's own queue is an operator's choice. The claim reads it with the pacing.
alter table whatsapp_numbers
    add column queue_limit integer not null default 5,
    add constraint queue_limit_is_1_to_1000 check (queue_limit between 1 and 1000);
comment on column whatsapp_numbers.queue_limit is 'Most messages that may wait in its gateway''s own queue, where that keeps one.';
create function queue_limit_reaches_the_pacing() returns trigger language plpgsql as $$
begin
    update number_pacing p set queue_limit = new.queue_limit
     where p.organization_id = new.organization_id and p.number_id = new.id and p.queue_limit is not null;
    return null;
end $$;
create trigger queue_limit_reaches_the_pacing after update of queue_limit on whatsapp_numbers
    for each row when (old.queue_limit is distinct from new.queue_limit) execute function queue_limit_reaches_the_pacing();
