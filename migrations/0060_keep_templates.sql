-- The templates of each account, as its provider lists them and tells of them.

create table account_templates (
    organization_id uuid not null,
    account_id      uuid not null,
    provider_id     text not null,
    name            text not null,
    language        text not null,
    status          text not null,
    said            text not null,
    status_at       timestamptz not null default clock_timestamp(),
    category        text,
    body            text,
    header          text not null,
    parameters      text[],
    quality         text,
    reason          text,
    fetched_at      timestamptz,
    constraint account_templates_key primary key (organization_id, account_id, provider_id),
    constraint template_belongs_to_an_account foreign key (organization_id, account_id)
        references accounts (organization_id, id) on delete cascade,
    constraint template_status_is_known
        check (status in ('approved', 'pending', 'rejected', 'paused', 'disabled', 'deleted', 'unknown')),
    constraint template_quality_is_known check (quality in ('green', 'yellow', 'red', 'unknown'))
);
comment on table account_templates is 'What an account''s provider says of its templates.';
comment on column account_templates.provider_id is 'The provider''s id: a number at Meta, HX… at Twilio.';
comment on column account_templates.said is 'The status in the provider''s own word.';
comment on column account_templates.parameters is 'Their names; 1, 2, … where they go by their order; null: not known.';
comment on column account_templates.header is 'fixed, text, the kind of media that each message brings, or other.';
comment on column account_templates.fetched_at is 'When it was last listed; null: the provider only told of it.';
create index account_templates_by_name on account_templates (organization_id, account_id, name);

-- When each account's provider is asked for its templates, and what came of it.
create table template_fetches (
    organization_id uuid not null,
    account_id      uuid not null,
    next_at         timestamptz not null default clock_timestamp(),
    fetched_at      timestamptz,
    problem         text,
    constraint template_fetches_key primary key (organization_id, account_id),
    constraint template_fetch_is_of_an_account foreign key (organization_id, account_id)
        references accounts (organization_id, id) on delete cascade
);
comment on table template_fetches is 'When an account''s templates are asked for next, and what came of it last.';
comment on column template_fetches.problem is 'Why the last try brought nothing.';

create function account_gets_a_template_fetch() returns trigger language plpgsql as $$
begin
    if new.provider <> 'ultramsg' then
        insert into template_fetches (organization_id, account_id) values (new.organization_id, new.id);
    end if;
    return null;
end $$;
create trigger account_gets_a_template_fetch after insert on accounts
    for each row execute function account_gets_a_template_fetch();
insert into template_fetches (organization_id, account_id)
select organization_id, id from accounts where provider <> 'ultramsg';

-- Accounts whose templates are due to be asked for, for the caller to ask; their next turn is set.
create function take_template_fetches(p_org uuid, p_most integer, p_every interval) returns setof uuid
    language sql
as $$
    with due as materialized (
        select f.account_id from template_fetches f
         where f.organization_id = p_org and f.next_at <= clock_timestamp()
         order by f.next_at limit p_most for update skip locked
    )
    update template_fetches f set next_at = clock_timestamp() + p_every * (0.9 + 0.2 * random())
      from due d
     where f.organization_id = p_org and f.account_id = d.account_id
    returning f.account_id
$$;
comment on function take_template_fetches is 'Accounts whose provider is to be asked now for its templates.';

-- Pauses every active campaign that sends one of these templates through a number of the account. Answers their names.
create function pause_for_template(
    p_org uuid, p_instance uuid, p_account uuid, p_name text, p_provider_id text, p_language text, p_reason text
) returns text[] language plpgsql as $$
declare
    v_paused text[];
begin
    -- In the queue of decisions, or claims one after the other could keep it waiting.
    perform pg_advisory_xact_lock(decision_queue(p_org));
    with affected as materialized (
        select c.id, c.name from campaigns c
         where c.organization_id = p_org and c.state = 'active'
           and exists (select from campaign_steps s
                        cross join sayings(s) v
                        cross join lateral (select v.said -> 'template' as template) t
                        where s.organization_id = p_org and s.campaign_id = c.id
                          and (t.template ->> 'name' = p_provider_id
                               or t.template ->> 'name' = p_name
                                  and (lower(replace(t.template ->> 'language', '-', '_'))
                                           = lower(replace(p_language, '-', '_'))
                                       or exists (select from jsonb_array_elements_text(t.template -> 'languages') l (tag)
                                                   where lower(replace(l.tag, '-', '_'))
                                                         = lower(replace(p_language, '-', '_'))))))
           and exists (select from pool_numbers m
                         join whatsapp_numbers n on n.organization_id = p_org and n.id = m.number_id
                        where m.organization_id = p_org and m.pool_id = c.pool_id and n.account_id = p_account)
         order by c.id for update of c
    ), paused as (
        update campaigns c
           set state = 'paused', paused_at = clock_timestamp(), hold_reason = p_reason, changed_by = 'sender',
               revision = c.revision + 1, updated_at = clock_timestamp()
          from affected a where c.organization_id = p_org and c.id = a.id
    ), audited as (
        insert into audit_log (organization_id, actor, instance_id, action, entity, entity_id, entity_name, reason,
                               before, after)
        select p_org, 'sender', p_instance, 'pause', 'campaign', a.id, a.name, p_reason, '{"state": "active"}',
               '{"state": "paused"}'
          from affected a
    )
    select coalesce(array_agg(a.name), '{}') into v_paused from affected a;
    return v_paused;
end $$;
comment on function pause_for_template is 'Pauses the active campaigns that send a template which may not be used.';

-- Keeps an account's whole list (header_parameters and buttons are columns of 0120). What changed to a status that does not
-- allow sending pauses the campaigns that use it; what is not listed any more is forgotten. Answers the names of the paused
-- campaigns.
create function keep_templates(p_org uuid, p_instance uuid, p_account uuid, p_templates jsonb) returns text[]
    language plpgsql
as $$
declare
    v_row    record;
    v_paused text[] := '{}';
begin
    perform 1 from template_fetches where organization_id = p_org and account_id = p_account for update;
    for v_row in
        select t.*, k.status as before
          from jsonb_to_recordset(p_templates)
            as t (provider_id text, name text, language text, status text, said text, category text, body text,
                  header text, parameters text[], header_parameters text[], buttons jsonb, quality text, reason text)
          left join account_templates k
            on k.organization_id = p_org and k.account_id = p_account and k.provider_id = t.provider_id
         order by t.provider_id
    loop
        insert into account_templates as k (organization_id, account_id, provider_id, name, language, status, said,
                                            category, body, header, parameters, header_parameters, buttons, quality,
                                            reason, fetched_at)
        values (p_org, p_account, v_row.provider_id, v_row.name, v_row.language, v_row.status, v_row.said,
                v_row.category, v_row.body, v_row.header, v_row.parameters, v_row.header_parameters, v_row.buttons,
                v_row.quality, v_row.reason, clock_timestamp())
        on conflict on constraint account_templates_key do update
           set name = excluded.name, language = excluded.language, status = excluded.status, said = excluded.said,
               category = excluded.category, body = excluded.body, header = excluded.header,
               parameters = excluded.parameters, header_parameters = excluded.header_parameters,
               buttons = excluded.buttons, quality = coalesce(excluded.quality, k.quality),
               reason = excluded.reason, fetched_at = excluded.fetched_at,
               status_at = case when k.status = excluded.status then k.status_at else clock_timestamp() end;
        if v_row.status not in ('approved', 'unknown') and v_row.before is distinct from v_row.status then
            v_paused := v_paused || pause_for_template(
                p_org, p_instance, p_account, v_row.name, v_row.provider_id, v_row.language,
                template_sentence(v_row.name, v_row.language, v_row.status, v_row.said, v_row.reason));
        end if;
    end loop;
    delete from account_templates k
     where k.organization_id = p_org and k.account_id = p_account
       and not exists (select from jsonb_array_elements(p_templates) t where t ->> 'provider_id' = k.provider_id);
    update template_fetches set fetched_at = clock_timestamp(), problem = null
     where organization_id = p_org and account_id = p_account;
    return v_paused;
end $$;
comment on function keep_templates is 'Keeps what an account''s provider lists, and pauses the campaigns that it stops.';

-- Why a campaign is paused for a template, in the provider's words.
create function template_sentence(p_name text, p_language text, p_status text, p_said text, p_reason text) returns text
    language sql immutable
    return format('template %s (%s) is %s, as the provider says: %s', p_name, p_language, p_status,
                  concat_ws(': ', nullif(p_said, ''), nullif(p_reason, '')));

-- A provider told of one template: its status, or how people take it. What it says is done at once, and the whole list is
-- asked for soon. The same news again changes nothing. Answers the names of the paused campaigns.
create function hear_template(
    p_org uuid, p_instance uuid, p_account uuid, p_provider_id text, p_name text, p_language text, p_status text,
    p_said text, p_reason text, p_quality text
) returns text[] language plpgsql as $$
declare
    v_known  account_templates;
    v_paused text[] := '{}';
begin
    update template_fetches set next_at = least(next_at, clock_timestamp() + interval '10 seconds')
     where organization_id = p_org and account_id = p_account;
    if not found then
        return v_paused;
    end if;
    select * into v_known from account_templates k
     where k.organization_id = p_org and k.account_id = p_account
       and (k.provider_id = p_provider_id or k.name = p_name and k.language = p_language)
     order by k.provider_id = p_provider_id desc limit 1 for update;
    if not found then
        -- Of one that is not listed yet only what was said is known; it stands in no list, and goes with the next one.
        if p_status is null then
            return v_paused;
        end if;
        insert into account_templates (organization_id, account_id, provider_id, name, language, status, said, header,
                                       quality, reason)
        values (p_org, p_account, coalesce(nullif(p_provider_id, ''), p_name || ' ' || p_language), p_name, p_language,
                p_status, p_said, 'fixed', p_quality, p_reason);
    else
        update account_templates k
           set status = coalesce(p_status, k.status), said = case when p_status is null then k.said else p_said end,
               reason = case when p_status is null then k.reason else p_reason end,
               quality = coalesce(p_quality, k.quality),
               status_at = case when coalesce(p_status, k.status) = k.status then k.status_at else clock_timestamp() end
         where k.organization_id = p_org and k.account_id = p_account and k.provider_id = v_known.provider_id;
    end if;
    if p_status not in ('approved', 'unknown') and v_known.status is distinct from p_status then
        v_paused := pause_for_template(p_org, p_instance, p_account, p_name,
                                       coalesce(v_known.provider_id, nullif(p_provider_id, '')), p_language,
                                       template_sentence(p_name, p_language, p_status, p_said, p_reason));
    end if;
    return v_paused;
end $$;
comment on function hear_template is 'Keeps what a provider told of one template, and pauses the campaigns that it stops.';
