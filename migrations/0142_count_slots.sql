-- How many people have each slot, kept with every change: whoever looks at slots that a million people share reads as many
-- rows as there are slots. Those who change slots queue already (slot_queue), so nobody waits for these counts.
create table slot_counts (
    organization_id uuid not null
        constraint slot_count_belongs_to_an_organization references organizations (id) on delete cascade,
    scope_id        uuid not null,
    slot            integer not null,
    people          bigint not null,
    constraint slot_counts_key primary key (organization_id, scope_id, slot),
    constraint people_of_a_slot_are_not_negative check (people >= 0)
) with (fillfactor = 50);
comment on table slot_counts is 'How many people have each slot (contact_slots); nobody where there is no row.';

insert into slot_counts (organization_id, scope_id, slot, people)
select organization_id, scope_id, slot, count(*) from contact_slots group by 1, 2, 3;

create function count_slots() returns trigger language plpgsql as $$
begin
    if tg_op = 'INSERT' then
        insert into slot_counts as c (organization_id, scope_id, slot, people)
        select organization_id, scope_id, slot, count(*) from new_rows group by 1, 2, 3 order by 1, 2, 3
        on conflict on constraint slot_counts_key do update set people = c.people + excluded.people;
    else
        update slot_counts c set people = c.people - o.people
          from (select organization_id, scope_id, slot, count(*) as people from old_rows group by 1, 2, 3) o
         where c.organization_id = o.organization_id and c.scope_id = o.scope_id and c.slot = o.slot;
    end if;
    return null;
end $$;
create trigger count_given_slots after insert on contact_slots
    referencing new table as new_rows for each statement execute function count_slots();
create trigger count_released_slots after delete on contact_slots
    referencing old table as old_rows for each statement execute function count_slots();

-- Only who gets another slot counts elsewhere; that a million were used again changes nothing.
create function count_moved_slot() returns trigger language plpgsql as $$
begin
    update slot_counts set people = people - 1
     where organization_id = old.organization_id and scope_id = old.scope_id and slot = old.slot;
    insert into slot_counts as c (organization_id, scope_id, slot, people)
    values (new.organization_id, new.scope_id, new.slot, 1)
    on conflict on constraint slot_counts_key do update set people = c.people + 1;
    return null;
end $$;
create trigger count_moved_slots after update of organization_id, scope_id, slot on contact_slots
    for each row when ((old.organization_id, old.scope_id, old.slot) is distinct from
                       (new.organization_id, new.scope_id, new.slot))
    execute function count_moved_slot();
