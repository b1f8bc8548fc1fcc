-- What the planner knows of people who came in by the thousand a moment ago. It takes them for a handful until autovacuum comes
-- by, which in a large table may be never for one campaign, and then walks all of them for each of them. Only the owner of a
-- table may have it looked at: with the owner's rights, for who runs the organisation. Where somebody is at the table already
-- nobody waits for that: it is most likely autovacuum, which looks too.
create function analyze_contacts(p_org uuid) returns void language plpgsql security definer
    set lock_timeout = '500ms'
as $$
begin
    perform must_run(p_org);
    analyze contacts;
exception when lock_not_available then
    null;
end $$;
comment on function analyze_contacts is 'Lets the planner know how many contacts there are now: select analyze_contacts($1).';

create function analyze_recipients(p_org uuid) returns void language plpgsql security definer
    set lock_timeout = '500ms'
as $$
begin
    perform must_run(p_org);
    analyze campaign_recipients, recipient_parameters, contact_slots;
exception when lock_not_available then
    null;
end $$;
comment on function analyze_recipients is 'Lets the planner know how many recipients there are now: select analyze_recipients($1).';

do $$
begin
    execute format('alter function analyze_contacts(uuid) set search_path = %I, pg_temp', current_schema());
    execute format('alter function analyze_recipients(uuid) set search_path = %I, pg_temp', current_schema());
end $$;
