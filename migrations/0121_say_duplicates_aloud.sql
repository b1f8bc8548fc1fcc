-- What a person got twice, for all that was done against it, is said aloud: in the log, under the number that the first copy
-- went through, and to every console. Nothing waits for it: the number's row is not touched.
create function duplicate_is_said() returns trigger language plpgsql as $$
declare
    v_number   whatsapp_numbers;
    v_what     text;
    v_is_twice boolean;
begin
    select * into v_number from whatsapp_numbers n where n.organization_id = new.organization_id and n.id = new.number_id;
    if not found then
        return null;
    end if;
    select coalesce('step ' || new.step || ' of ' || c.name, 'an answer') into v_what
      from (select) one
      left join campaigns c on c.organization_id = new.organization_id and c.id = new.campaign_id;
    v_is_twice := exists (select from attempts a
                           where a.organization_id = new.organization_id and a.recipient_id = new.recipient_id
                             and a.step = new.step and a.id <> new.id and a.state = 'accepted');
    insert into audit_log (organization_id, actor, action, entity, entity_id, entity_name, reason)
    values (new.organization_id, 'sender', 'duplicate', 'number', v_number.id, v_number.phone,
            format('%s %s: the provider has the copy that was settled as %s (signalbox attempt show %s)',
                   v_what,
                   case when v_is_twice then 'went to one person twice' else 'may go to one person twice' end,
                   replace(new.state::text, '_', ' '), new.id));
    perform tell(new.organization_id, 'whatsapp_numbers', v_number.id, v_number.revision);
    return null;
end $$;
-- Only statements that set this column look at it: none that record what usually becomes of messages.
create trigger duplicate_is_said after update of contradicted on attempts
    for each row when (new.contradicted and not old.contradicted) execute function duplicate_is_said();
