-- Keys of other programs: each belongs to an operator, and whoever shows it acts as that operator, in one organisation.

-- A key is 32 random bytes and is kept as their SHA-256. Nothing slower is needed: a password can be guessed from its digest
-- because people choose it, 256 random bits cannot.
create table api_keys (
    organization_id uuid not null
        constraint api_key_belongs_to_an_organization references organizations (id) on delete cascade,
    id              uuid not null,
    role_name       text not null,
    name            text not null,
    digest          bytea not null,
    made_at         timestamptz not null default clock_timestamp(),
    made_by         text not null,
    last_used_at    timestamptz,
    revoked_at      timestamptz,
    revoked_by      text,
    constraint api_keys_key primary key (organization_id, id),
    -- Who is an operator no more has no keys either.
    constraint api_key_is_an_operators foreign key (organization_id, role_name)
        references operators (organization_id, role_name) on delete cascade,
    constraint api_key_has_a_short_name check (octet_length(name) between 1 and 80),
    constraint api_key_is_kept_as_its_sha256 check (octet_length(digest) = 32),
    constraint api_key_is_revoked_iff_by_whom check ((revoked_at is null) = (revoked_by is null))
);
comment on table api_keys is 'Keys of other programs, as digests; whoever shows one acts as its operator.';
comment on column api_keys.role_name is 'The operator whose rights it has, as they are when it is shown.';
comment on column api_keys.name is 'What operators call it; of those that are not revoked, each has its own.';
comment on column api_keys.digest is 'SHA-256 of the key. The key itself is shown once and kept nowhere.';
comment on column api_keys.made_at is 'When it was made.';
comment on column api_keys.made_by is 'Who made it.';
comment on column api_keys.last_used_at is 'When it was shown last, to the minute.';
comment on column api_keys.revoked_at is 'Since when it opens nothing.';
comment on column api_keys.revoked_by is 'Who revoked it.';
create unique index one_api_key_per_digest on api_keys (organization_id, digest);
create unique index api_key_name_is_taken_once on api_keys (organization_id, name) where revoked_at is null;
create index api_keys_by_operator on api_keys (organization_id, role_name);
-- Written by the functions below alone.
select separate('api_keys', p_verbs => '{}');

-- Operators make and revoke their own keys, admins those of everybody in the organisation.
create function must_keep_keys_of(p_org uuid, p_role_name text) returns void language plpgsql stable as $$
begin
    if (p_role_name = session_user and p_org = any (organizations_of_login('sees')))
        or p_org = any (organizations_of_login('administers')) or login_is_owner()
    then
        return;
    end if;
    if p_org = any (organizations_of_login('sees')) then
        raise exception 'only an admin of the organisation makes and revokes keys of other operators'
            using errcode = 'insufficient_privilege';
    end if;
    raise exception 'no such organisation' using errcode = 'no_data_found';
end $$;
comment on function must_keep_keys_of is 'Refuses who may not decide about the keys of an operator.';

-- False: p_role_name is no operator of the organisation.
create function add_api_key(p_org uuid, p_id uuid, p_role_name text, p_name text, p_digest bytea, p_actor text,
                            p_instance uuid)
    returns boolean language plpgsql security definer as $$
declare
    v_new api_keys;
begin
    perform must_keep_keys_of(p_org, p_role_name);
    -- The operator stays one until the key is there.
    perform from operators where organization_id = p_org and role_name = p_role_name for key share;
    if not found then
        return false;
    end if;
    insert into api_keys (organization_id, id, role_name, name, digest, made_by)
    values (p_org, p_id, p_role_name, p_name, p_digest, p_actor) returning * into v_new;
    perform record_decision(p_org, clock_timestamp(), p_actor, p_instance, 'add key', 'key', p_id, p_name, null, null,
                            to_jsonb(v_new) - 'digest');
    return true;
end $$;
comment on function add_api_key is 'Makes a key of an operator, from its digest.';

-- 'done', 'already' or 'missing'.
create function revoke_api_key(p_org uuid, p_name text, p_actor text, p_instance uuid, p_reason text)
    returns text language plpgsql security definer as $$
declare
    v_old api_keys;
    v_new api_keys;
begin
    select * into v_old from api_keys k where k.organization_id = p_org and (k.name = p_name or k.id::text = p_name)
     order by k.revoked_at desc nulls first limit 1 for update;
    -- Who may not know whether there is such a key hears the same either way.
    perform must_keep_keys_of(p_org, coalesce(v_old.role_name, session_user));
    if v_old.id is null then
        return 'missing';
    end if;
    if v_old.revoked_at is not null then
        return 'already';
    end if;
    update api_keys set revoked_at = clock_timestamp(), revoked_by = p_actor
     where organization_id = p_org and id = v_old.id returning * into v_new;
    perform record_decision(p_org, clock_timestamp(), p_actor, p_instance, 'revoke key', 'key', v_old.id, v_old.name,
                            p_reason, to_jsonb(v_old) - 'digest', to_jsonb(v_new) - 'digest');
    return 'done';
end $$;
comment on function revoke_api_key is 'Lets a key, by its name or id, open nothing more.';

-- Who shows a key: no row for one that is not known, revoked or of another organisation. Asked with every request, so that
-- a revoked key and a changed role count at once.
create function use_api_key(p_org uuid, p_digest bytea)
    returns table (id uuid, name text, role_name text, role text, made_by text)
    language plpgsql security definer as $$
declare
    v_key api_keys;
begin
    if not (p_org = any (organizations_of_login('sees')) or login_is_owner()) then
        return;
    end if;
    select * into v_key from api_keys k
     where k.organization_id = p_org and k.digest = p_digest and k.revoked_at is null;
    if v_key.id is null then
        return;
    end if;
    if v_key.last_used_at is null or v_key.last_used_at < clock_timestamp() - interval '1 minute' then
        -- Whoever notes it at the same moment notes the same.
        update api_keys k set last_used_at = clock_timestamp()
          from (select k.organization_id, k.id from api_keys k
                 where k.organization_id = p_org and k.id = v_key.id for update skip locked) f
         where k.organization_id = f.organization_id and k.id = f.id;
    end if;
    return query select v_key.id, v_key.name, v_key.role_name, o.role::text, v_key.made_by from operators o
                  where o.organization_id = p_org and o.role_name = v_key.role_name;
end $$;
comment on function use_api_key is 'Whose key has this digest, and what that operator may do now.';

-- Creating twice is what a client that heard no answer would do. A request that names itself is carried out once, and its answer is
-- kept for a day.
create table api_requests (
    organization_id uuid not null
        constraint api_request_belongs_to_an_organization references organizations (id) on delete cascade,
    key_id          uuid not null,
    name            bytea not null,
    fingerprint     bytea not null,
    began_at        timestamptz not null default clock_timestamp(),
    status          integer,
    answer          text,
    constraint api_requests_key primary key (organization_id, key_id, name),
    constraint api_request_is_of_a_key foreign key (organization_id, key_id)
        references api_keys (organization_id, id) on delete cascade,
    constraint api_request_is_answered_with_a_status check ((status is null) = (answer is null))
);
comment on table api_requests is 'Requests that named themselves (Idempotency-Key), and how they were answered.';
comment on column api_requests.name is 'SHA-256 of the name that the client gave it.';
comment on column api_requests.fingerprint is 'SHA-256 of what was asked: the same name for something else is a mistake.';
comment on column api_requests.began_at is 'When it was first asked; long ago for one that failed in a way that tells nothing.';
comment on column api_requests.status is 'The status of the answer; none: it is being carried out, or nobody knows what became of it.';
comment on column api_requests.answer is 'The body of the answer.';
create index api_requests_by_time on api_requests (organization_id, began_at);
select separate('api_requests');

-- 'begun': carry it out. 'running', 'differs', or 'answered' with the answer of then. 'lost': it was begun p_lost ago and
-- nobody knows what became of it; it is never begun anew, for it may have sent somebody something.
create function begin_api_request(p_org uuid, p_key uuid, p_name bytea, p_fingerprint bytea, p_lost interval)
    returns table (verdict text, status integer, answer text) language plpgsql as $$
declare
    v_was   api_requests;
    -- Read once, or every request would look at those of the whole day.
    v_since timestamptz := clock_timestamp() - interval '1 day';
begin
    delete from api_requests r where r.organization_id = p_org and r.began_at < v_since;
    insert into api_requests (organization_id, key_id, name, fingerprint) values (p_org, p_key, p_name, p_fingerprint)
    on conflict on constraint api_requests_key do nothing;
    if found then
        return query select 'begun', null::integer, null::text;
        return;
    end if;
    select * into v_was from api_requests r
     where r.organization_id = p_org and r.key_id = p_key and r.name = p_name for update;
    if v_was.fingerprint is distinct from p_fingerprint then
        return query select 'differs', null::integer, null::text;
    elsif v_was.status is not null then
        return query select 'answered', v_was.status, v_was.answer;
    elsif v_was.began_at < clock_timestamp() - p_lost then
        return query select 'lost', null::integer, null::text;
    else
        return query select 'running', null::integer, null::text;
    end if;
end $$;
comment on function begin_api_request is 'Whether a request that named itself is to be carried out, or how it was answered.';

-- Functions with the owner's rights look for what they name in our schema alone.
do $$
declare
    v_function record;
begin
    for v_function in
        select p.oid::regprocedure as name from pg_proc p
         where p.pronamespace = current_schema()::regnamespace
           and p.proname in ('must_keep_keys_of', 'add_api_key', 'revoke_api_key', 'use_api_key')
    loop
        execute format('alter function %s set search_path = %I, pg_temp', v_function.name, current_schema());
    end loop;
end $$;
