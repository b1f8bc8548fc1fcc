-- One limit for all numbers of an account: unique people over a moving 24 hours, as Meta counts them. Somebody who wrote to
-- the number within 24 hours is being answered, and does not count.
--
-- People are only kept while a cap is in force: without one, a claim asks nothing of this. When a cap is set, those of the
-- last day are read from the attempts first.

alter table accounts
    add column provider_limit integer,
    add column rolling_cap integer generated always as (least(rolling_limit, provider_limit)) stored,
    add constraint account_provider_limit_is_not_negative check (provider_limit >= 0);
comment on column accounts.provider_limit is 'The least that the provider grants one of its numbers, as the last checks say.';
comment on column accounts.rolling_cap is 'The smaller of the two: it holds.';

create table account_recipients (
    organization_id uuid not null,
    account_id      uuid not null,
    phone           e164 not null,
    last_at         timestamptz not null,
    before_at       timestamptz,
    attempt_id      uuid not null,
    constraint account_recipients_key primary key (organization_id, account_id, phone),
    constraint reached_person_belongs_to_an_account foreign key (organization_id, account_id)
        references accounts (organization_id, id) on delete cascade
) with (fillfactor = 70, autovacuum_vacuum_scale_factor = 0.05);
comment on table account_recipients is 'Whom the numbers of an account with a cap wrote to within 24 hours.';
comment on column account_recipients.last_at is 'When a message to this person was charged last.';
comment on column account_recipients.before_at is 'And the time before: it counts again when the last one is given back.';
create index account_recipients_by_time on account_recipients (organization_id, account_id, last_at);

create table account_reach (
    organization_id uuid not null,
    account_id      uuid not null,
    reached         integer not null default 0,
    cap             integer not null,
    let_go_at       timestamptz,
    constraint account_reach_key primary key (organization_id, account_id),
    constraint reach_belongs_to_an_account foreign key (organization_id, account_id)
        references accounts (organization_id, id) on delete cascade,
    constraint account_reaches_no_more_than_its_cap check (reached between 0 and cap)
) with (fillfactor = 50);
comment on table account_reach is 'How many people an account with a cap has reached: the rows of account_recipients, counted.';
comment on column account_reach.let_go_at is 'As of when people who count no more were last let go of.';
comment on column account_reach.cap is 'The largest in force while these were reached; the claim compares with the current one.';

-- How long somebody counts. The provider counts from when it got the message, a little later than we do.
create function reach_window() returns interval language sql immutable parallel safe return interval '24 hours 1 minute';

-- Whether somebody wrote to this number so lately that an answer counts for nothing. Ten minutes are left for the way.
-- A rehearsal's clock knows nothing of when people wrote: there, everybody counts.
create function is_answer(p_org uuid, p_number uuid, p_phone text, p_now timestamptz) returns boolean
    language sql stable
as $$
    select exists (select from inbound_messages i
                    where i.organization_id = p_org and i.phone = p_phone and i.number_id = p_number
                      and i.received_at > p_now - interval '23 hours 50 minutes'
                      and i.received_at < p_now + interval '1 minute')
$$;

-- Whether a message to somebody takes nothing of the account's room.
create function counts_already(p_org uuid, p_account uuid, p_number uuid, p_phone text, p_now timestamptz)
    returns boolean language sql stable
as $$
    select exists (select from account_recipients k
                    where k.organization_id = p_org and k.account_id = p_account and k.phone = p_phone)
           or is_answer(p_org, p_number, p_phone, p_now)
$$;

-- Locks what accounts with a cap have reached, lets go of who counts no more, and answers how many people each may still
-- begin to talk to.
create function account_room(p_org uuid, p_accounts uuid[], p_now timestamptz)
    returns table (account_id uuid, room integer) language plpgsql
    set enable_seqscan = off set enable_bitmapscan = off set enable_hashjoin = off set enable_mergejoin = off
    set jit = off
as $$
#variable_conflict use_column
declare
    v_row  record;
    v_gone integer;
begin
    for v_row in
        select r.account_id, r.reached, a.rolling_cap from account_reach r
          join accounts a on a.organization_id = r.organization_id and a.id = r.account_id
         where r.organization_id = p_org and r.account_id = any (p_accounts)
         order by r.account_id for update of r
    loop
        delete from account_recipients k
         where k.ctid = any (array(select e.ctid from account_recipients e
                                    where e.organization_id = p_org and e.account_id = v_row.account_id
                                      and e.last_at <= p_now - reach_window()
                                    order by e.last_at limit 1000));
        get diagnostics v_gone = row_count;
        if v_gone > 0 then
            update account_reach r set reached = r.reached - v_gone, let_go_at = greatest(r.let_go_at, p_now)
             where r.organization_id = p_org and r.account_id = v_row.account_id;
        end if;
        account_id := v_row.account_id;
        room := v_row.rolling_cap - v_row.reached + v_gone;
        return next;
    end loop;
end $$;
comment on function account_room is 'How many people each account may still begin to talk to; holds them until the transaction ends.';

-- Who counts of an account at a time, and when the next of them counts no more if it is full.
create function account_standing(p_org uuid, p_account uuid, p_cap integer, p_at timestamptz)
    returns table (used integer, opens timestamptz) language sql stable
as $$
    select r.reached - g.gone,
           case when r.reached - g.gone >= p_cap then (
               select k.last_at + reach_window() from account_recipients k
                where k.organization_id = p_org and k.account_id = p_account
                order by k.last_at offset r.reached - p_cap limit 1) end
      from account_reach r
     cross join lateral (select count(*)::integer as gone from (
               select from account_recipients k
                where k.organization_id = p_org and k.account_id = p_account and k.last_at <= p_at - reach_window()
                limit 1000) e) g
     where r.organization_id = p_org and r.account_id = p_account
$$;
comment on function account_standing is 'How many people an account with a cap has reached, and when there is room again.';

-- The smallest id that something made at this time may have.
create function id_at(p_at timestamptz) returns uuid language sql immutable
    return ordered_uuid((extract(epoch from p_at) * 1000)::bigint, 0, 0);

-- Accounts follow what the checks of their numbers found. Answers how many changed.
create function follow_provider_limits(p_org uuid) returns integer language plpgsql as $$
declare
    v_count integer;
begin
    with told as materialized (
        select a.id, a.name, a.provider_limit as was, min(h.provider_limit) as granted
          from accounts a
          left join whatsapp_numbers n on n.organization_id = p_org and n.account_id = a.id and n.is_active
          left join number_health h on h.organization_id = p_org and h.number_id = n.id
         where a.organization_id = p_org group by a.id, a.name, a.provider_limit
    ), changed as (
        update accounts a set provider_limit = t.granted, revision = a.revision + 1
          from told t
         where a.organization_id = p_org and a.id = t.id and a.provider_limit is distinct from t.granted
        returning a.id, a.name, t.was, t.granted
    ), audited as (
        insert into audit_log (organization_id, actor, action, entity, entity_id, entity_name, reason, before, after)
        select p_org, 'sender', 'follow the provider''s limit', 'account', c.id, c.name, 'as the provider said when asked',
               jsonb_build_object('provider_limit', c.was), jsonb_build_object('provider_limit', c.granted)
          from changed c
    )
    select count(*) into v_count from changed;
    return v_count;
end $$;
comment on function follow_provider_limits is 'Keeps with each account what its provider grants its numbers.';
