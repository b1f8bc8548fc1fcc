-- Organisations are separate: row-level security, forced on every table, by the role that is logged in.
--
-- Who sees and changes what is decided by operators and session_user, which nobody can set. Three rights: who *sees* an
-- organisation (every operator of it), who *runs* it (all but viewers), who *administers* it. The owner of the tables sees
-- everything by a policy of its own: migrations change data, and functions that check the caller themselves run with its rights.
--
-- Policies hold "organization_id in (select unnest(...))": the function runs once for each table of a statement, and the
-- rest is a look into a hash, beside whatever index the statement walks. Postgres lets only leak-proof operators run
-- before a policy; comparing enums is none, so what an index finds by state is a partial index.

create index operators_by_role on operators (role_name);
alter table operators add constraint operator_is_a_role_name
    check (role_name <> '' and octet_length(role_name) <= 63);

-- The organisations that the login role sees, runs or administers.
create function organizations_of_login(p_right text) returns uuid[]
    language plpgsql stable parallel safe security definer
as $$
begin
    return array(select o.organization_id from operators o
                  where o.role_name = session_user
                    and case p_right when 'sees' then true
                                     when 'runs' then o.role <> 'viewer'
                                     when 'administers' then o.role = 'admin' else false end);
end $$;
comment on function organizations_of_login is 'Whose rows the login role sees, runs or administers: every policy asks it.';

-- Whether policies do not bind the login role: a superuser, a role that bypasses them, or the owner.
create function login_is_owner() returns boolean language sql stable parallel safe
as $$
    select exists (select from pg_roles r where r.rolname = session_user
                      and (r.rolsuper or r.rolbypassrls
                           or pg_has_role(r.oid, (select c.relowner from pg_class c
                                                   where c.oid = 'organizations'::regclass), 'usage')))
$$;
comment on function login_is_owner is 'Whether row-level security leaves the login role everything.';

-- The check of functions that run with the owner's rights. Organisations of others are refused as those are that do not exist.
create function must_run(p_org uuid) returns void language plpgsql stable
as $$
begin
    if p_org = any (organizations_of_login('runs')) or login_is_owner() then
        return;
    end if;
    if p_org = any (organizations_of_login('sees')) then
        raise exception 'a viewer may look, not change' using errcode = 'insufficient_privilege';
    end if;
    raise exception 'no such organisation' using errcode = 'no_data_found';
end $$;
comment on function must_run is 'Refuses who does not run the organisation; for functions with the owner''s rights.';

-- The policies of a table whose rows belong to an organisation. Every new table is named to it in the migration that
-- makes it.
create function separate(p_table regclass, p_column text default 'organization_id', p_changes text default 'runs',
                         p_verbs text[] default '{insert,update,delete}') returns void language plpgsql as $$
declare
    v_sees    text := format('%I in (select unnest(organizations_of_login(''sees'')))', p_column);
    v_changes text := format('%I in (select unnest(organizations_of_login(%L)))', p_column, p_changes);
begin
    execute format('alter table %s enable row level security', p_table);
    execute format('alter table %s force row level security', p_table);
    execute format('create policy the_owner_keeps_everything on %s to current_user using (true) with check (true)',
                   p_table);
    execute format('create policy operators_see_their_own on %s for select using (%s)', p_table, v_sees);
    if 'insert' = any (p_verbs) then
        execute format('create policy operators_add_to_their_own on %s for insert with check (%s)', p_table, v_changes);
    end if;
    if 'update' = any (p_verbs) then
        execute format('create policy operators_change_their_own on %s for update using (%s) with check (%s)',
                       p_table, v_changes, v_changes);
    end if;
    if 'delete' = any (p_verbs) then
        execute format('create policy operators_remove_their_own on %s for delete using (%s)', p_table, v_changes);
    end if;
end $$;
comment on function separate is 'Puts a table under row-level security, by the organisation of its rows.';

-- Each organisation is told of its changes on a channel that only its operators know: who listens on another hears nothing.
create table channels (
    organization_id uuid not null
        constraint channel_belongs_to_an_organization references organizations (id) on delete cascade,
    secret          uuid not null default gen_random_uuid(),
    constraint channels_key primary key (organization_id)
);
comment on table channels is 'Where changes of an organisation are told (LISTEN). A secret of its operators.';
comment on column channels.secret is 'Random: ids of rows begin with a time and could be guessed.';
insert into channels (organization_id) select id from organizations;

create function organization_gets_a_channel() returns trigger language plpgsql as $$
begin
    insert into channels (organization_id) values (new.id);
    return null;
end $$;
-- Named to come before those that tell.
create trigger a_channel_is_made after insert on organizations
    for each row execute function organization_gets_a_channel();

create function channel_of(p_org uuid) returns text language sql stable as $$
    select 'signalbox_' || c.secret from channels c where c.organization_id = p_org
$$;
comment on function channel_of is 'The channel on which changes of an organisation are told.';

create function tell(p_org uuid, p_table text, p_id uuid, p_revision bigint) returns void language sql as $$
    select pg_notify(channel_of(p_org), jsonb_build_object('table', p_table, 'org', p_org, 'id', p_id,
                                                           'revision', p_revision)::text)
     where channel_of(p_org) is not null
$$;
comment on function tell is 'Tells an organisation''s senders and consoles that a row has moved on.';

create or replace function notify_change() returns trigger language plpgsql as $$
declare
    v_row jsonb := case when tg_op = 'DELETE' then to_jsonb(old) else to_jsonb(new) end;
begin
    perform tell((coalesce(v_row -> 'organization_id', v_row -> 'id') #>> '{}')::uuid, tg_table_name::text,
                 (v_row ->> 'id')::uuid, (v_row ->> 'revision')::bigint);
    return null;
end $$;

-- Who wrote an entry, whatever name it gives: an operator can sign with any, and cannot log in as anybody else.
alter table audit_log add column login text;
alter table audit_log alter column login set default session_user;
comment on column audit_log.login is 'The role that was logged in.';

do $$
declare
    v_table regclass;
begin
    for v_table in
        select c.oid::regclass from pg_class c
          join pg_attribute a on a.attrelid = c.oid and a.attname = 'organization_id' and not a.attisdropped
         where c.relnamespace = current_schema()::regnamespace and c.relkind = 'r'
           and c.relname not in ('operators', 'accounts', 'alert_channels', 'audit_log', 'channels')
         order by c.relname
    loop
        perform separate(v_table);
    end loop;
end $$;
-- Made by the owner, who says whose they are.
select separate('organizations', 'id', 'runs', '{update}');
-- Written by the functions below alone.
select separate('operators', p_verbs => '{}');
select separate('channels', p_verbs => '{}');
-- Who may add an account, or lead one elsewhere, holds its credential.
select separate('accounts', p_changes => 'administers', p_verbs => '{insert,delete}');
create policy operators_change_their_own on accounts for update
    using (organization_id in (select unnest(organizations_of_login('runs'))))
    with check (organization_id in (select unnest(organizations_of_login('runs'))));
-- So it is with the mail server of a channel for alerts and its password, which every sender notes the fate of.
select separate('alert_channels', p_changes => 'administers', p_verbs => '{insert,delete}');
create policy operators_change_their_own on alert_channels for update
    using (organization_id in (select unnest(organizations_of_login('runs'))))
    with check (organization_id in (select unnest(organizations_of_login('runs'))));
-- Written once, under one's own login.
select separate('audit_log', p_verbs => '{}');
create policy operators_add_to_their_own on audit_log for insert
    with check (login = session_user and organization_id in (select unnest(organizations_of_login('runs'))));
-- The keys are the database's.
alter table key_check enable row level security;
alter table key_check force row level security;
create policy the_owner_keeps_everything on key_check to current_user using (true) with check (true);
create policy operators_compare_their_keys on key_check for select
    using ((select cardinality(organizations_of_login('sees')) > 0));
create policy the_first_key_is_kept on key_check for insert
    with check ((select cardinality(organizations_of_login('runs')) > 0));

-- What an operator may not change of rows that operators may change.
create function led_by_admins() returns trigger language plpgsql as $$
begin
    if not (new.organization_id = any (organizations_of_login('administers')) or login_is_owner()) then
        raise exception 'only an admin of the organisation changes %', tg_argv[0] using errcode = 'insufficient_privilege';
    end if;
    return new;
end $$;
create trigger account_is_led_by_admins before update on accounts for each row
    when ((old.name, old.provider, old.external_id, old.sealed_token, old.base_url, old.sealed_app_secret,
           old.sealed_verify_token, old.sealed_webhook_secret)
          is distinct from
          (new.name, new.provider, new.external_id, new.sealed_token, new.base_url, new.sealed_app_secret,
           new.sealed_verify_token, new.sealed_webhook_secret))
    execute function led_by_admins('an account and its credentials');

-- A password goes to whatever server a channel names.
create trigger alert_channel_is_led_by_admins before update on alert_channels for each row
    when ((old.organization_id, old.id, old.kind, old.smtp, old.sealed_secret)
          is distinct from (new.organization_id, new.id, new.kind, new.smtp, new.sealed_secret))
    execute function led_by_admins('the server of an alert channel and its secret');

create function organization_is_named_by_the_owner() returns trigger language plpgsql as $$
begin
    if not login_is_owner() then
        raise exception 'only the owner of the database changes what an organisation is called and whether it is a rehearsal'
            using errcode = 'insufficient_privilege';
    end if;
    return new;
end $$;
-- Before the constraint that would say whether another organisation has that name.
create trigger organization_is_named_by_the_owner before update on organizations for each row
    when ((old.id, old.slug, old.rehearsal) is distinct from (new.id, new.slug, new.rehearsal))
    execute function organization_is_named_by_the_owner();

create function subscription_is_kept_by_admins() returns trigger language plpgsql as $$
begin
    if not (new.id = any (organizations_of_login('administers')) or login_is_owner()) then
        raise exception 'only an admin of the organisation changes when its subscription ends'
            using errcode = 'insufficient_privilege';
    end if;
    return new;
end $$;
create trigger subscription_is_kept_by_admins before update on organizations for each row
    when (old.subscription_ends_at is distinct from new.subscription_ends_at)
    execute function subscription_is_kept_by_admins();

-- Found by state under a policy as well: only leak-proof comparisons reach an index then, and a partial index needs none.
drop index recipients_by_attention;
create index failed_recipients on campaign_recipients (organization_id, campaign_id, id) where attention = 'failed';
create index doubtful_recipients on campaign_recipients (organization_id, campaign_id, id) where attention = 'in_doubt';
create index skipped_recipients on campaign_recipients (organization_id, campaign_id, id) where attention = 'skipped';

-- Under a policy the planner may not look at the figures of a column that it compares by anything but a leak-proof operator, and
-- takes everybody for skipped: left to itself it would read the campaign whole.
create function skip_reasons(p_org uuid, p_campaign uuid) returns table (reason text, people bigint) language sql stable
    set enable_seqscan = off
as $$
    select r.reason, count(*) from campaign_recipients r
     where r.organization_id = p_org and r.campaign_id = p_campaign and r.attention = 'skipped'
     group by r.reason order by 2 desc, 1
$$;
comment on function skip_reasons is 'How many of a campaign are skipped, by reason, the most frequent first.';
