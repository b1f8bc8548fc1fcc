-- Many people opt out at once, by an import or a rule.

create table opt_outs_to_heed (
    organization_id uuid not null
        constraint opt_out_to_heed_belongs_to_an_organization references organizations (id) on delete cascade,
    phone           e164 not null,
    reason          text not null,
    actor           text not null,
    constraint opt_outs_to_heed_key primary key (organization_id, phone)
);
comment on table opt_outs_to_heed is 'Whom an import opted out and who is not suppressed yet: done behind it, or by the next chore.';
select separate('opt_outs_to_heed');

-- Does for many what opt_out does for one, as one set. It waits for nobody: whoever records outcomes takes rows in another order.
-- People of whom somebody holds a row are left as they are, and answered.
create function opt_out_all(p_org uuid, p_phones text[], p_reasons text[], p_source text, p_actor text) returns text[]
    language plpgsql
    set jit = off set plan_cache_mode = force_custom_plan set enable_seqscan = off set enable_bitmapscan = on
    set enable_hashjoin = on set enable_mergejoin = on set enable_sort = on
as $$
declare
    v_now     timestamptz;
    v_places  tid[];
    v_locked  text[];
    v_replies tid[];
    v_asked   text[];
    v_left    text[];
    v_ended   text[];
    v_done    text[];
begin
    select array_agg(l.place), array_agg(l.phone) into v_places, v_locked
      from (select r.ctid as place, r.phone::text as phone from campaigns c
             cross join unnest(p_phones) as p (phone)
              join campaign_recipients r on r.organization_id = p_org and r.campaign_id = c.id and r.phone = p.phone
             where c.organization_id = p_org and c.state not in ('completed', 'cancelled')
               for update of r skip locked) l;
    select array_agg(l.place), array_agg(l.phone) into v_replies, v_asked
      from (select y.ctid as place, y.phone::text as phone from unnest(p_phones) as p (phone)
              join replies y on y.organization_id = p_org and y.phone = p.phone and y.kind = 'operator'
                            and y.state in ('queued', 'sending', 'in_doubt')
               for update of y skip locked) l;
    v_left := array(
        select h.phone
          from (select r.ctid, r.phone::text as phone from campaigns c
                 cross join unnest(p_phones) as p (phone)
                  join campaign_recipients r on r.organization_id = p_org and r.campaign_id = c.id and r.phone = p.phone
                 where c.organization_id = p_org and c.state not in ('completed', 'cancelled')
                except
                select k.place, k.phone from unnest(v_places, v_locked) as k (place, phone)) h
        union
        select h.phone
          from (select y.ctid, y.phone::text as phone from unnest(p_phones) as p (phone)
                  join replies y on y.organization_id = p_org and y.phone = p.phone and y.kind = 'operator'
                                and y.state in ('queued', 'sending', 'in_doubt')
                except
                select k.place, k.phone from unnest(v_replies, v_asked) as k (place, phone)) h);
    with ended as (
        update campaign_recipients r
           set state = 'skipped', attention = 'skipped',
               reason = case when p_source = 'rule' then 'suppressed' else 'opted_out' end, due_at = null,
               bound_number_id = null, updated_at = clock_timestamp()
         where r.ctid = any (v_places) and r.organization_id = p_org and r.state = 'queued' and r.phone <> all (v_left)
        returning r.phone
    )
    select array_agg(e.phone::text) into v_ended from ended e;
    update replies y
       set state = 'skipped', reason = 'opted_out', due_at = null, updated_at = clock_timestamp()
     where y.ctid = any (v_replies) and y.organization_id = p_org and y.state = 'queued' and y.phone <> all (v_left);
    -- Only then the time, and by phone, as everybody does who makes several.
    v_now := clock_timestamp();
    with done as (
        insert into suppressions as s (organization_id, phone, since, source, reason)
        select distinct on (p.phone) p_org, p.phone, v_now, p_source,
               coalesce(nullif(btrim(p.reason), ''), 'no reason given')
          from unnest(p_phones, p_reasons) as p (phone, reason)
         where p.phone <> all (v_left) order by p.phone
        on conflict on constraint suppressions_key do update
           set since = excluded.since, source = excluded.source, reason = excluded.reason
         where s.source = 'rule' and excluded.source <> 'rule'
        returning phone::text, since, reason
    ), audited as (
        insert into audit_log (organization_id, at, actor, action, entity, entity_id, entity_name, reason, before, after)
        select p_org, d.since, p_actor, 'opt out', 'contact', coalesce(k.id, new_uuid()), d.phone, d.reason, '{}',
               jsonb_build_object('opted_out', true, 'recipients_skipped', coalesce(e.skipped, 0))
          from done d
          left join contacts k on k.organization_id = p_org and k.phone = d.phone
          left join (select u.phone, count(*) as skipped from unnest(v_ended) as u (phone) group by u.phone) e
                 on e.phone = d.phone
    )
    select array_agg(d.phone order by d.phone) into v_done from done d;
    -- A rule knows nothing of consent, and an import has written it already.
    if p_source not in ('rule', 'import') then
        perform write_consent(p_org, k.phone::text, false, p_source, v_now)
          from unnest(v_done) as d (phone)
          join contacts k on k.organization_id = p_org and k.phone = d.phone;
    end if;
    return v_left;
end $$;
comment on function opt_out_all is 'Suppresses many phones as opt_out does one; answers those of whom somebody holds a row.';

-- What an import has to do for people whose consent its file took: they are noted with it, and suppressed right behind it
-- (heed_imported). In one statement a long file would hold the sums of their campaigns, and claims would wait for them.
create function opt_out_imported(p_org uuid, p_phones text[], p_actor text, p_reason text) returns void language sql
as $$
    insert into opt_outs_to_heed (organization_id, phone, reason, actor)
    select p_org, l.phone, p_reason, p_actor from unnest(p_phones) as l (phone)
    on conflict on constraint opt_outs_to_heed_key do nothing
$$;
comment on function opt_out_imported is 'Notes whom an import opted out; heed_imported suppresses them, piece by piece.';

-- Lifts the suppressions of those whom earlier files opted out and this one, at this time, opted in. What was skipped stays so.
-- The notes go first, by themselves: whoever is just suppressing some of these people holds theirs, and what comes of that is
-- lifted then.
-- Each row is found through its key: a plan that was made while the tables were small would else walk one for each of the other.
create function take_back_imported(p_org uuid, p_phones text[], p_at timestamptz, p_actor text, p_reason text) returns void
    language plpgsql
    set jit = off set enable_seqscan = off
as $$
begin
    delete from opt_outs_to_heed n where n.organization_id = p_org and n.phone = any (p_phones);
    with lifted as (
        delete from suppressions s
         where s.organization_id = p_org and s.phone = any (p_phones) and s.source = 'import'
        returning s.phone
    )
    insert into audit_log (organization_id, at, actor, action, entity, entity_id, entity_name, reason, before, after)
    select p_org, p_at, p_actor, 'opt in', 'contact', k.id, l.phone, p_reason, '{"opted_out": true}', '{"opted_out": false}'
      from lifted l
     cross join lateral (select c.id from contacts c where c.organization_id = p_org and c.phone = l.phone limit 1) k;
end $$;
comment on function take_back_imported is 'Lifts what earlier files suppressed and this one gave back.';

-- Suppresses up to p_most of those who were noted, the first behind a phone, unless they have opted in since. Answers the last
-- one that was looked at; null: there is none. Whom somebody wrote to at that moment stays noted. Each piece is a transaction
-- of its own, so that nobody waits for more than one.
create function heed_imported(p_org uuid, p_after text, p_most integer) returns text language plpgsql as $$
declare
    v_phones text[];
    v_note   record;
begin
    select array_agg(k.phone order by k.phone) into v_phones
      from (select n.phone::text as phone from opt_outs_to_heed n
             where n.organization_id = p_org and n.phone > p_after order by n.phone limit p_most for update) k;
    for v_note in
        with noted as (
            delete from opt_outs_to_heed where organization_id = p_org and phone = any (v_phones)
            returning phone::text, reason, actor
        )
        select n.actor, n.reason, array_agg(n.phone order by n.phone) as phones
          from noted n
          join contacts k on k.organization_id = p_org and k.phone = n.phone and k.consent is false
         where not exists (select from consents_to_settle t
                            where t.organization_id = p_org and t.phone = n.phone and t.consent)
         group by n.actor, n.reason order by n.actor, n.reason
    loop
        insert into opt_outs_to_heed (organization_id, phone, reason, actor)
        select p_org, l.phone, v_note.reason, v_note.actor
          from unnest(opt_out_all(p_org, v_note.phones, array_fill(v_note.reason, array[cardinality(v_note.phones)]),
                                  'import', v_note.actor)) as l (phone)
        on conflict on constraint opt_outs_to_heed_key do nothing;
    end loop;
    return v_phones[cardinality(v_phones)];
end $$;
comment on function heed_imported is 'Suppresses some of those whom imports opted out; answers the last one it looked at.';

-- Opt-outs that a provider told are heeded as soon as they are read. Should the sender end, or the database go away, between
-- the outcome and that, they are found here: in the ledger itself, which says why every attempt ended.

-- Whether a consent that was given in this way is the person's own word, heard by this system: what a file says of people is not,
-- however it says that they agreed. A file may not use these words (domain::consent::OWN_WORDS).
create function is_own_word(p_method text) returns boolean
    language sql immutable strict parallel safe
    return p_method in ('reply', 'operator', 'provider');

create index attempts_refused_for_good on attempts (organization_id, finished_at) where class = 'opted_out';
create index receipts_of_opt_outs on receipts (organization_id, applied_at) where class = 'opted_out';

-- Suppresses whom a provider refused within the last day because they opted out, unless they opted in again since: an import
-- does not say that they did. Answers how many.
create function heed_opt_outs(p_org uuid) returns integer language plpgsql
    set enable_seqscan = off set enable_bitmapscan = off set enable_hashjoin = off set enable_mergejoin = off
as $$
declare
    v_since   timestamptz := clock_timestamp() - interval '1 day';
    v_phones  text[];
    v_reasons text[];
begin
    select array_agg(h.phone), array_agg(h.reason) into v_phones, v_reasons from (
        select k.phone::text as phone, min(k.reason) as reason
          from (select a.id, a.finished_at as at, a.campaign_id, a.recipient_id,
                       coalesce(nullif(concat_ws(' ', a.code, nullif(a.words, '')), ''), 'the provider says so') as reason
                  from attempts a
                 where a.organization_id = p_org and a.class = 'opted_out' and a.finished_at > v_since
                union all
                select a.id, t.applied_at, a.campaign_id, a.recipient_id,
                       coalesce(nullif(concat_ws(' ', t.code, nullif(t.words, '')), ''), 'the provider says so')
                  from receipts t
                  join attempts a on a.organization_id = p_org and a.id = t.attempt_id
                 where t.organization_id = p_org and t.class = 'opted_out' and t.applied_at > v_since) o
         cross join lateral (
            (select r.phone, o.reason from campaign_recipients r
              where r.organization_id = p_org and r.campaign_id = o.campaign_id
                and r.id >= o.recipient_id and r.id <= o.recipient_id order by r.id limit 1)
            union all
            (select y.phone, o.reason from replies y
              where o.campaign_id is null and y.organization_id = p_org and y.id = o.recipient_id limit 1)) k
         where not exists (select from suppressions s where s.organization_id = p_org and s.phone = k.phone
                              and s.source <> 'rule')
           and not exists (select from contacts c where c.organization_id = p_org and c.phone = k.phone and c.consent
                              and c.consent_at > o.at and coalesce(is_own_word(c.consent_method), true))
           and not exists (select from consents_to_settle n where n.organization_id = p_org and n.phone = k.phone and n.consent
                              and n.at > o.at)
           and not exists (select from inbound_messages i where i.organization_id = p_org and i.phone = k.phone
                              and i.received_at > o.at and i.consent = 'start')
         group by k.phone order by k.phone) h;
    if v_phones is null then
        return 0;
    end if;
    -- Whoever is being written to at this moment is found again.
    return cardinality(v_phones) - cardinality(opt_out_all(p_org, v_phones, v_reasons, 'provider', 'sender'));
end $$;
comment on function heed_opt_outs is 'Suppresses whom a provider refused because they opted out, if nobody has done so yet.';
