-- Meta's messaging limit belongs to a whole business portfolio: accounts that name the same one count people together. One of
-- them, the first that was added, keeps the people of all; the least of their limits holds for all.

alter table accounts
    drop column rolling_cap,
    add column portfolio text,
    add column portfolio_limit integer,
    add column reach_id uuid,
    add constraint portfolio_has_a_name check (portfolio <> ''),
    add constraint portfolio_limit_is_not_negative check (portfolio_limit >= 0);
update accounts set reach_id = id;
alter table accounts
    alter column reach_id set not null,
    add column rolling_cap integer
        generated always as (least(rolling_limit, provider_limit, portfolio_limit)) stored;
comment on column accounts.portfolio is 'The business portfolio that it belongs to, as its provider names it; null: it shares with nobody.';
comment on column accounts.portfolio_limit is 'The least limit of the accounts of its portfolio.';
comment on column accounts.reach_id is 'The account where the people are counted whom it reaches: its own, or the first of its portfolio.';
comment on column accounts.rolling_cap is 'The smallest of the three: it holds.';
create index accounts_of_a_portfolio on accounts (organization_id, portfolio) where portfolio is not null;

create function account_counts_for_itself() returns trigger language plpgsql as $$
begin
    new.reach_id := new.id;
    return new;
end $$;
create trigger account_counts_for_itself before insert on accounts
    for each row execute function account_counts_for_itself();

-- Keeps with every account of a portfolio what follows from all of them.
create function share_portfolio(p_org uuid, p_portfolio text) returns void language sql as $$
    with members as materialized (
        select a.id from accounts a where a.organization_id = p_org and a.portfolio = p_portfolio order by a.id for update
    ), together as (
        select min(a.id::text)::uuid as first, min(least(a.rolling_limit, a.provider_limit)) as least_limit
          from members m join accounts a on a.organization_id = p_org and a.id = m.id
    )
    update accounts a set reach_id = t.first, portfolio_limit = t.least_limit
      from together t
     where a.organization_id = p_org and a.portfolio = p_portfolio
       and (a.reach_id, a.portfolio_limit) is distinct from (t.first, t.least_limit)
$$;

create function portfolio_follows_its_accounts() returns trigger language plpgsql as $$
begin
    if tg_op <> 'DELETE' and new.portfolio is null and tg_op = 'UPDATE' and old.portfolio is not null then
        update accounts set reach_id = id, portfolio_limit = null
         where organization_id = new.organization_id and id = new.id;
    end if;
    if tg_op <> 'INSERT' and old.portfolio is not null then
        perform share_portfolio(old.organization_id, old.portfolio);
    end if;
    if tg_op <> 'DELETE' and new.portfolio is not null and (tg_op = 'INSERT' or new.portfolio is distinct from old.portfolio) then
        perform share_portfolio(new.organization_id, new.portfolio);
    end if;
    return null;
end $$;
create trigger account_joins_a_portfolio after insert on accounts
    for each row when (new.portfolio is not null) execute function portfolio_follows_its_accounts();
create trigger account_changes_its_portfolio after update of portfolio, rolling_limit, provider_limit on accounts
    for each row when (old.portfolio is distinct from new.portfolio
                       or new.portfolio is not null and (old.rolling_limit is distinct from new.rolling_limit
                                                         or old.provider_limit is distinct from new.provider_limit))
    execute function portfolio_follows_its_accounts();
create trigger account_leaves_a_portfolio after delete on accounts
    for each row when (old.portfolio is not null) execute function portfolio_follows_its_accounts();

-- Counts the people of attempts that were just made. The check behind the table refuses whatever would pass the cap.
create function charge_accounts(p_org uuid, p_accounts uuid[], p_attempts uuid[], p_now timestamptz)
    returns void language sql
    set enable_seqscan = off set enable_bitmapscan = off set enable_hashjoin = off set enable_mergejoin = off
    set jit = off
as $$
    with reached as materialized (
        select c.reach_id as account_id, r.phone, max(a.id::text)::uuid as attempt_id
          from unnest(p_attempts) as t (id)
          join attempts a on a.organization_id = p_org and a.id = t.id
          join whatsapp_numbers n on n.organization_id = p_org and n.id = a.number_id
          join accounts c on c.organization_id = p_org and c.id = n.account_id
         -- By the key whatever the figures are, as in record_outcomes.
         cross join lateral (select q.phone from campaign_recipients q
                              where q.organization_id = p_org and q.campaign_id = a.campaign_id
                                and q.id >= a.recipient_id and q.id <= a.recipient_id order by q.id limit 1) r
         where c.reach_id = any (p_accounts) and not is_answer(p_org, a.number_id, r.phone, p_now)
         group by c.reach_id, r.phone
    ), kept as (
        insert into account_recipients as k (organization_id, account_id, phone, last_at, attempt_id)
        select p_org, c.account_id, c.phone, p_now, c.attempt_id from reached c order by c.account_id, c.phone
        on conflict on constraint account_recipients_key do update
           set before_at = k.last_at, last_at = greatest(k.last_at, excluded.last_at), attempt_id = excluded.attempt_id
        returning account_id, xmax = 0 as is_new
    )
    update account_reach r
       set reached = r.reached + k.fresh, cap = greatest(a.rolling_cap, r.reached)
      from (select account_id, count(*) filter (where is_new)::integer as fresh from kept group by account_id) k
      join accounts a on a.organization_id = p_org and a.id = k.account_id
     where r.organization_id = p_org and r.account_id = k.account_id
$$;

-- People whose message the provider never had, or refused, count no more; who counted before goes on to.
create function uncharge_accounts(p_org uuid, p_attempts uuid[], p_numbers uuid[]) returns void
    language plpgsql
    set enable_seqscan = off set enable_bitmapscan = off set enable_hashjoin = off set enable_mergejoin = off
    set jit = off
as $$
declare
    v_accounts uuid[];
begin
    -- Hardly any account has a cap of this kind: then nothing is looked for.
    v_accounts := array(select distinct a.reach_id from unnest(p_numbers) as f (number_id)
                          join whatsapp_numbers n on n.organization_id = p_org and n.id = f.number_id
                          join accounts a on a.organization_id = p_org and a.id = n.account_id
                         where a.rolling_cap is not null);
    if cardinality(v_accounts) = 0 then
        return;
    end if;
    perform 1 from account_reach where organization_id = p_org and account_id = any (v_accounts)
      order by account_id for update;
    with charged as materialized (
        select o.reach_id as account_id, r.phone, a.id as attempt_id
          from unnest(p_attempts) as t (id)
          join attempts a on a.organization_id = p_org and a.id = t.id
          join whatsapp_numbers n on n.organization_id = p_org and n.id = a.number_id
          join accounts o on o.organization_id = p_org and o.id = n.account_id
         -- By the key whatever the figures are, as in record_outcomes.
         cross join lateral (select q.phone from campaign_recipients q
                              where q.organization_id = p_org and q.campaign_id = a.campaign_id
                                and q.id >= a.recipient_id and q.id <= a.recipient_id order by q.id limit 1) r
         where o.reach_id = any (v_accounts)
    ), gone as (
        delete from account_recipients k using charged c
         where k.organization_id = p_org and k.account_id = c.account_id and k.phone = c.phone
           and k.attempt_id = c.attempt_id and k.before_at is null
        returning k.account_id
    ), back as (
        update account_recipients k set last_at = k.before_at, before_at = null
          from charged c
         where k.organization_id = p_org and k.account_id = c.account_id and k.phone = c.phone
           and k.attempt_id = c.attempt_id and k.before_at is not null
    )
    update account_reach r set reached = r.reached - g.freed
      from (select account_id, count(*)::integer as freed from gone group by account_id) g
     where r.organization_id = p_org and r.account_id = g.account_id;
end $$;

-- Whom the accounts that count here wrote to since the attempt that would have this id.
create function read_reach(p_org uuid, p_account uuid, p_after uuid) returns void language sql
as $$
    insert into account_recipients as k (organization_id, account_id, phone, last_at, attempt_id)
    select p_org, p_account, r.phone, max(a.started_at), max(a.id::text)::uuid
      from attempts a
      join whatsapp_numbers n on n.organization_id = p_org and n.id = a.number_id
      join accounts c on c.organization_id = p_org and c.id = n.account_id and c.reach_id = p_account
     -- By the key whatever the figures are, as in record_outcomes.
     cross join lateral (select q.phone from campaign_recipients q
                          where q.organization_id = p_org and q.campaign_id = a.campaign_id
                            and q.id >= a.recipient_id and q.id <= a.recipient_id order by q.id limit 1) r
     where a.organization_id = p_org and a.id > p_after and a.charged
     group by r.phone order by r.phone
    on conflict on constraint account_recipients_key do update
       set last_at = greatest(k.last_at, excluded.last_at), before_at = null, attempt_id = excluded.attempt_id
$$;

-- A cap that changes waits for the claims under way, and those after it obey. Where there was none, or other accounts count
-- here now, the people of the last day are read first: most of them before anybody has to wait. Where others that count here
-- are sending already, their claims hold these people: then nothing is touched before all claims are through.
create function account_cap_changes() returns trigger language plpgsql as $$
declare
    v_began  timestamptz := clock_timestamp();
    v_is_new boolean := tg_op = 'INSERT' or old.rolling_cap is null or old.reach_id <> new.reach_id;
    v_counts boolean := exists (select from account_reach r
                                 where r.organization_id = new.organization_id and r.account_id = new.reach_id);
begin
    if new.rolling_cap is null then
        return null;
    end if;
    if v_is_new and not v_counts then
        delete from account_recipients where organization_id = new.organization_id and account_id = new.reach_id;
        perform read_reach(new.organization_id, new.reach_id, id_at(v_began - interval '25 hours'));
    end if;
    perform pg_advisory_xact_lock(decision_queue(new.organization_id));
    if v_is_new then
        if v_counts then
            delete from account_recipients where organization_id = new.organization_id and account_id = new.reach_id;
        end if;
        perform read_reach(new.organization_id, new.reach_id,
                           id_at(v_began - case when v_counts then interval '25 hours' else interval '5 minutes' end));
        insert into account_reach as r (organization_id, account_id, reached, cap)
        select new.organization_id, new.reach_id, k.reached, greatest(new.rolling_cap, k.reached)
          from (select count(*)::integer as reached from account_recipients
                 where organization_id = new.organization_id and account_id = new.reach_id) k
        on conflict on constraint account_reach_key do update set reached = excluded.reached, cap = excluded.cap;
    end if;
    return null;
end $$;
create trigger account_gets_a_cap after insert on accounts
    for each row when (new.rolling_cap is not null) execute function account_cap_changes();
create trigger account_cap_changes after update on accounts
    for each row when (old.rolling_cap is distinct from new.rolling_cap or old.reach_id <> new.reach_id)
    execute function account_cap_changes();
