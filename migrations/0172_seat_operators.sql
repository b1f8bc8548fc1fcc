-- Operators: login roles, their grants and their memberships. Grants are the role's own and not a group's: roles belong to the
-- whole server, and a group would carry over into every other database of it.

-- Gives a login role what its memberships in this database need, and takes what they do not. The owner and superusers have
-- their rights from elsewhere.
create function grant_operator(p_role text, p_is_seated boolean default false) returns void language plpgsql as $$
declare
    v_schema name := (select c.relnamespace::regnamespace from pg_class c where c.oid = 'organizations'::regclass);
    -- Whose the database is may say who connects; where that is everybody, this changes nothing.
    v_doors  boolean := has_database_privilege(current_user, current_database(), 'connect with grant option');
    v_runs   boolean;
begin
    if not exists (select from pg_roles r where r.rolname = p_role and not r.rolsuper
                      and r.oid <> (select c.relowner from pg_class c where c.oid = 'organizations'::regclass))
    then
        return;
    end if;
    -- Two grants on one table at once would fail. A lock that takes rights, on a table that operators only read: an advisory
    -- one is open to every login, and whoever held it could keep an admin from taking its rights.
    lock table channels in share row exclusive mode;
    select bool_or(o.role <> 'viewer') into v_runs from operators o where o.role_name = p_role;
    v_runs := p_is_seated or v_runs;
    execute format('revoke all on all tables in schema %I from %I', v_schema, p_role);
    if v_runs is null then
        execute format('revoke usage on schema %I from %I', v_schema, p_role);
        if v_doors then
            execute format('revoke connect on database %I from %I', current_database(), p_role);
        end if;
        return;
    end if;
    if v_doors then
        execute format('grant connect on database %I to %I', current_database(), p_role);
    end if;
    execute format('grant usage on schema %I to %I', v_schema, p_role);
    execute format('grant select on all tables in schema %I to %I', v_schema, p_role);
    if v_runs then
        execute format('grant insert, update, delete on all tables in schema %I to %I', v_schema, p_role);
        execute format('revoke insert, update, delete on operators, channels from %I', p_role);
        execute format('revoke update, delete on audit_log, key_check from %I', p_role);
        execute format('revoke insert, delete on organizations from %I', p_role);
        if to_regclass('_sqlx_migrations') is not null then
            execute format('revoke insert, update, delete on _sqlx_migrations from %I', p_role);
        end if;
    end if;
end $$;
comment on function grant_operator is 'Makes a login role''s grants fit its memberships.';

create function grant_operators() returns void language plpgsql as $$
declare
    v_role text;
begin
    for v_role in select distinct o.role_name from operators o
                    join pg_roles r on r.rolname = o.role_name order by 1
    loop
        perform grant_operator(v_role);
    end loop;
end $$;
comment on function grant_operators is 'What every migration ends with: operators get their rights on new tables.';

create function must_administer(p_org uuid) returns void language plpgsql stable as $$
begin
    if p_org = any (organizations_of_login('administers')) or login_is_owner() then
        return;
    end if;
    if p_org = any (organizations_of_login('sees')) then
        raise exception 'only an admin of the organisation, or the owner of the database, decides who its operators are'
            using errcode = 'insufficient_privilege';
    end if;
    raise exception 'no such organisation' using errcode = 'no_data_found';
end $$;

drop function add_operator(uuid, text, operator_role, text, text, uuid);

-- Makes a role an operator; makes the login role where there is none. The owner may also name roles that are there, and
-- give them a new password. An admin may only name those that are operators of an organisation of theirs: everybody else who
-- is called so already would get in as well.
create function add_operator(
    p_org uuid, p_role_name text, p_role operator_role, p_password text, p_actor text, p_instance uuid
) returns boolean language plpgsql security definer as $$
declare
    v_known boolean := exists (select from pg_roles where rolname = p_role_name);
    v_new   operators;
begin
    perform must_administer(p_org);
    insert into operators (organization_id, role_name, role) values (p_org, p_role_name, p_role) returning * into v_new;
    if v_known and not login_is_owner() then
        if not exists (select from operators o where o.role_name = p_role_name and o.organization_id <> p_org
                          and o.organization_id = any (organizations_of_login('administers')))
        then
            raise exception 'there is a login role % already; choose another name, or have the owner of the database add it',
                p_role_name using errcode = 'insufficient_privilege';
        end if;
        if p_password is not null then
            raise exception 'the password of a login role that is there already is changed by the owner of the database'
                using errcode = 'insufficient_privilege';
        end if;
    end if;
    if not v_known then
        execute format('create role %I login nosuperuser nocreatedb nocreaterole noreplication nobypassrls', p_role_name);
    end if;
    if p_password is not null then
        execute format('alter role %I password %L', p_role_name, p_password);
    end if;
    perform grant_operator(p_role_name);
    perform record_decision(p_org, clock_timestamp(), p_actor, p_instance, 'add operator', 'operator', p_org,
                            p_role_name, 'added', null, to_jsonb(v_new));
    return not v_known;
end $$;
comment on function add_operator is 'Makes a role an operator, with its grants; p_password is a SCRAM verifier, never the word itself.';

-- Gives an operator another role. False: it is none.
create function edit_operator(
    p_org uuid, p_role_name text, p_role operator_role, p_actor text, p_instance uuid, p_reason text
) returns boolean language plpgsql security definer as $$
declare
    v_old operators;
    v_new operators;
begin
    perform must_administer(p_org);
    select * into v_old from operators where organization_id = p_org and role_name = p_role_name for update;
    if not found then
        return false;
    end if;
    update operators set role = p_role where organization_id = p_org and role_name = p_role_name returning * into v_new;
    perform grant_operator(p_role_name);
    perform record_decision(p_org, clock_timestamp(), p_actor, p_instance, 'edit operator', 'operator', p_org,
                            p_role_name, p_reason, to_jsonb(v_old), to_jsonb(v_new));
    return true;
end $$;

-- Takes an operator's membership, and with the last one its grants. The login role stays. False: it is none.
create function remove_operator(p_org uuid, p_role_name text, p_actor text, p_instance uuid, p_reason text)
    returns boolean language plpgsql security definer as $$
declare
    v_old operators;
begin
    perform must_administer(p_org);
    delete from operators where organization_id = p_org and role_name = p_role_name returning * into v_old;
    if not found then
        return false;
    end if;
    perform grant_operator(p_role_name);
    -- They know where changes are told, and a connection of theirs may still listen there. Whoever stays hears that the place is
    -- another one, and looks it up.
    perform tell(p_org, 'channels', p_org, 0);
    update channels set secret = gen_random_uuid() where organization_id = p_org;
    perform record_decision(p_org, clock_timestamp(), p_actor, p_instance, 'remove operator', 'operator', p_org,
                            p_role_name, p_reason, to_jsonb(v_old), null);
    return true;
end $$;

-- Gives the role of a local cluster a seat in every organisation: whoever reaches its socket owns all of it. Run by the owner.
create function seat_everywhere(p_role text) returns void language plpgsql as $$
begin
    lock table channels in share row exclusive mode;
    if not exists (select from pg_roles where rolname = p_role) then
        begin
            execute format('create role %I login nosuperuser nocreatedb nocreaterole noreplication nobypassrls', p_role);
        exception when duplicate_object or unique_violation then
            -- Made at the same moment for another database of the server.
            null;
        end;
    end if;
    insert into operators (organization_id, role_name, role) select o.id, p_role, 'admin' from organizations o
    on conflict on constraint operator_is_named_once_per_organization do nothing;
    if exists (select from pg_class c where c.relnamespace = current_schema()::regnamespace and c.relkind in ('r', 'v')
                  and not has_table_privilege(p_role, c.oid, 'select'))
    then
        perform grant_operator(p_role, true);
    end if;
end $$;
comment on function seat_everywhere is 'Makes a role an admin of every organisation; what a local cluster does for its one role.';

-- Functions that run with the owner's rights, or decide about them, look for what they name in our schema alone: a session's
-- temporary tables come first otherwise.
do $$
declare
    v_function record;
begin
    for v_function in
        select p.oid::regprocedure as name, p.proname not in ('login_is_owner', 'must_run', 'must_administer') as as_owner
          from pg_proc p
         where p.pronamespace = current_schema()::regnamespace
           and p.proname in ('organizations_of_login', 'login_is_owner', 'must_run', 'must_administer', 'add_operator',
                             'edit_operator', 'remove_operator', 'claim', 'record_outcomes',
                             'attempts_of_message', 'take_receipts', 'apply_receipts')
    loop
        execute format('alter function %s set search_path = %I, pg_temp', v_function.name, current_schema());
        if v_function.as_owner then
            execute format('alter function %s security definer', v_function.name);
        end if;
    end loop;
end $$;
