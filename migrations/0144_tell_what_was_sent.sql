-- What attempts sent: what their step said when they began, and what it was filled with. The sentence itself is not kept: it
-- follows from the version of the step, which is kept, and the values that were frozen for the person.

-- Of these attempts, and of all of these recipients, the oldest first. Replies are left out. since: seconds from the beginning of
-- the sequence to the step, as it was then.
create function sent_steps(p_org uuid, p_attempts uuid[], p_recipients uuid[])
    returns table (attempt_id uuid, campaign_id uuid, recipient_id uuid, step smallint, started_at timestamptz, state text,
                   account_id uuid, provider text, locale text, parameters text, default_locale text, version integer,
                   since bigint, texts jsonb, template jsonb, media jsonb, variants jsonb, number text,
                   provider_message_id text, delivery text, delivered_at timestamptz, read_at timestamptz)
    language sql stable
    set enable_seqscan = off
as $$
    select a.id, a.campaign_id, a.recipient_id, a.step, a.started_at, a.state::text, n.account_id, k.provider::text,
           p.locale, p.parameters::text, o.default_locale, w.version, w.since, w.texts, w.template, w.media, w.variants,
           n.phone::text, a.provider_message_id, a.delivery::text, a.delivered_at, a.read_at
      from organizations o
     cross join lateral (
           select l.* from unnest(p_attempts) i (id) join attempts l on l.organization_id = p_org and l.id = i.id
           union all
           select l.* from unnest(p_recipients) i (id)
             join attempts l on l.organization_id = p_org and l.recipient_id = i.id and l.live
           union all
           select l.* from unnest(p_recipients) i (id)
             join attempts l on l.organization_id = p_org and l.recipient_id = i.id and not l.live) a
     cross join lateral (
           select coalesce(v.version, s.version) as version,
                  case when v.version is null then s.texts else v.texts end as texts,
                  case when v.version is null then s.template else v.template end as template,
                  case when v.version is null then s.media else v.media end as media,
                  case when v.version is null then s.variants else v.variants end as variants,
                  coalesce((select sum(coalesce((select e.after_seconds from campaign_step_versions e
                                                  where e.organization_id = p_org and e.campaign_id = b.campaign_id
                                                    and e.step = b.step and e.since <= a.started_at
                                                  order by e.version desc limit 1), b.after_seconds))
                              from campaign_steps b
                             where b.organization_id = p_org and b.campaign_id = a.campaign_id and b.step <= a.step), 0)::bigint
                      as since
             from campaign_steps s
             left join lateral (select * from campaign_step_versions e
                                 where e.organization_id = p_org and e.campaign_id = a.campaign_id and e.step = a.step
                                   and e.since <= a.started_at
                                 order by e.version desc limit 1) v on true
            where s.organization_id = p_org and s.campaign_id = a.campaign_id and s.step = a.step) w
      left join recipient_parameters p on p.organization_id = p_org and p.campaign_id = a.campaign_id
                                      and p.recipient_id = a.recipient_id
      left join whatsapp_numbers n on n.organization_id = p_org and n.id = a.number_id
      left join accounts k on k.organization_id = p_org and k.id = n.account_id
     where o.id = p_org and a.campaign_id is not null
     order by a.started_at, a.id
$$;
comment on function sent_steps is 'What attempts were written from: the step as it was then, and the person''s frozen values.';

-- With what was reported of each message, behind the columns that were there before.
create or replace view recipient_history with (security_invoker = true) as
select a.organization_id, r.phone::text as phone, c.name as campaign, r.id as recipient_id, r.state::text as recipient_state,
       r.reason, a.step, a.id as attempt_id, a.state::text as attempt_state, n.phone::text as number,
       a.started_at, a.finished_at, a.duration_ms, a.provider_message_id, a.class, a.code, a.words,
       a.resolved_by, a.resolved_reason, a.contradicted, a.delivery::text as delivery, a.delivered_at, a.read_at
  from attempts a
  join campaign_recipients r on r.organization_id = a.organization_id and r.campaign_id = a.campaign_id
                            and r.id = a.recipient_id
  join campaigns c on c.organization_id = a.organization_id and c.id = a.campaign_id
  left join whatsapp_numbers n on n.organization_id = a.organization_id and n.id = a.number_id;
comment on column recipient_history.delivery is 'The furthest that the provider reported: sent, failed, delivered or read; null: nothing yet.';
