-- Steps that say several things, each to its part of the people (A/B tests), and how the parts compare.

alter table campaign_steps
    add column variants jsonb,
    add constraint a_split_step_has_at_least_two_variants
        check (case when jsonb_typeof(variants) = 'array' then jsonb_array_length(variants) >= 2 else variants is null end);
comment on column campaign_steps.variants is
    'Null: everybody gets the same. Else name, weight, texts, template and media of each variant; the first is what texts, template and media say, too.';
alter table campaign_step_versions add column variants jsonb;

create index inbound_messages_by_campaign on inbound_messages (organization_id, campaign_id, phone)
    where campaign_id is not null;

-- Everything that a step may say: each of its variants, or the one thing that all get.
create function sayings(p_step campaign_steps) returns table (place bigint, name text, weight integer, said jsonb)
    language sql stable
as $$
    select v.place, v.said ->> 'name', coalesce((v.said ->> 'weight')::integer, 1), v.said
      from jsonb_array_elements(coalesce(p_step.variants, jsonb_build_array(to_jsonb(p_step)))) with ordinality
        as v (said, place)
$$;

-- Names and weights of a campaign's variants; all steps that have some have the same. Null: it has none.
create function split_of(p_variants jsonb[]) returns jsonb
    language sql immutable parallel safe
as $$
    select jsonb_agg(jsonb_build_array(v.variant -> 'name', v.variant -> 'weight') order by v.place)
      from jsonb_array_elements((select s.variants from unnest(p_variants) with ordinality as s (variants, step)
                                  where s.variants is not null order by s.step limit 1))
           with ordinality as v (variant, place)
$$;

-- The place of the variant that somebody gets, from 1. p_all is the sum of the weights, p_from where each variant begins in
-- it: {0, 70, 90}. The sender draws by the same rule (domain/content/variant.rs), and a test compares them.
create function variant_of(p_recipient uuid, p_all bigint, p_from bigint[]) returns integer
    language sql immutable strict parallel safe
    return width_bucket((('x' || encode(substring(sha256(uuid_send(p_recipient)) for 4), 'hex'))::bit(32)::bigint
                         * p_all) >> 32, p_from);

-- How the variants of a campaign compare; no row: it has none. People count by what became of them: sent to, if a provider
-- took a message to them; delivered and read, if some message was; failed, if that is where they ended.
create function compare_variants(p_org uuid, p_campaign uuid)
    returns table (name text, weight integer, people bigint, sent bigint, delivered bigint, read bigint, replied bigint,
                   opted_out bigint, failed bigint)
    language plpgsql stable
    set jit = off
as $$
#variable_conflict use_column
declare
    v_split jsonb;
    v_steps integer;
    v_from  bigint[];
    v_all   bigint;
begin
    select split_of(array_agg(s.variants order by s.step)), count(*) into v_split, v_steps
      from campaign_steps s where s.organization_id = p_org and s.campaign_id = p_campaign;
    if v_split is null then
        return;
    end if;
    select array_agg(w.before order by w.place), sum(w.weight) into v_from, v_all
      from (select v.place, (v.variant ->> 1)::bigint as weight,
                   coalesce(sum((v.variant ->> 1)::bigint)
                                over (order by v.place rows between unbounded preceding and 1 preceding), 0)::bigint as before
              from jsonb_array_elements(v_split) with ordinality as v (variant, place)) w;
    return query
    with heard as materialized (
        select i.phone, bool_or(i.consent is distinct from 'stop') as replied, bool_or(i.consent = 'stop') as stopped
          from inbound_messages i
         where i.organization_id = p_org and i.campaign_id = p_campaign and i.phone is not null
         group by i.phone
    ), person as (
        select variant_of(r.id, v_all, v_from) as place, r.state, r.step,
               case when v_steps = 1 then case r.state when 'read' then 2 when 'delivered' then 1 else 0 end
                    else (select coalesce(max(case a.delivery when 'read' then 2 when 'delivered' then 1 else 0 end), 0)
                            from attempts a where a.organization_id = p_org and a.recipient_id = r.id and a.live)
               end as reached,
               coalesce(h.replied, false) as replied,
               coalesce(h.stopped, false) or r.reason is not distinct from 'opted_out' as stopped
          from campaign_recipients r
          left join heard h on h.phone = r.phone
         where r.organization_id = p_org and r.campaign_id = p_campaign
    ), summed as (
        select p.place, count(*) as people,
               count(*) filter (where p.step > 1 or p.state in ('accepted', 'delivered', 'read')) as sent,
               count(*) filter (where p.reached >= 1) as delivered, count(*) filter (where p.reached = 2) as read,
               count(*) filter (where p.replied) as replied,
               count(*) filter (where p.stopped
                                  and (p.step > 1 or p.state in ('accepted', 'delivered', 'read'))) as opted_out,
               count(*) filter (where p.state = 'failed') as failed
          from person p group by p.place
    )
    select v.variant ->> 0, (v.variant ->> 1)::integer, coalesce(s.people, 0), coalesce(s.sent, 0), coalesce(s.delivered, 0),
           coalesce(s.read, 0), coalesce(s.replied, 0), coalesce(s.opted_out, 0), coalesce(s.failed, 0)
      from jsonb_array_elements(v_split) with ordinality as v (variant, place)
      left join summed s on s.place = v.place
     order by v.place;
end $$;
comment on function compare_variants is 'What became of the people of each variant of a campaign: select * from compare_variants(org, campaign).';
