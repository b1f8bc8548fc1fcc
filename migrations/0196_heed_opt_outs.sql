-- Opt-outs that a provider told are heeded as soon as they are read. Should the sender end, or the database go away, between
-- the outcome and that, they are found here: in the ledger itself, which says why every attempt ended.

create index attempts_refused_for_good on attempts (organization_id, finished_at) where class = 'opted_out';
create index receipts_of_opt_outs on receipts (organization_id, applied_at) where class = 'opted_out';

-- Suppresses whom a provider refused within the last day because they opted out, unless they opted in again since. Answers
-- how many.
create function heed_opt_outs(p_org uuid) returns integer language plpgsql
    set enable_seqscan = off set enable_bitmapscan = off set enable_hashjoin = off set enable_mergejoin = off
as $$
declare
    v_since timestamptz := clock_timestamp() - interval '1 day';
    v_row   record;
    v_count integer := 0;
begin
    for v_row in
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
         where not exists (select from suppressions s where s.organization_id = p_org and s.phone = k.phone)
           and not exists (select from contacts c where c.organization_id = p_org and c.phone = k.phone and c.consent
                              and c.consent_at > o.at)
           and not exists (select from consents_to_settle n where n.organization_id = p_org and n.phone = k.phone and n.consent
                              and n.at > o.at)
           and not exists (select from inbound_messages i where i.organization_id = p_org and i.phone = k.phone
                              and i.received_at > o.at and i.consent = 'start')
         group by k.phone order by k.phone
    loop
        perform suppress(p_org, v_row.phone, 'provider', v_row.reason);
        v_count := v_count + 1;
    end loop;
    return v_count;
end $$;
comment on function heed_opt_outs is 'Suppresses whom a provider refused because they opted out, if nobody has done so yet.';
