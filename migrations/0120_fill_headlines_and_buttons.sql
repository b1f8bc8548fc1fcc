-- What messages put into the headline and the buttons of a template, beside the parameters of its text.
alter table account_templates
    add column header_parameters text[] not null default '{}',
    add column buttons jsonb not null default '[]';
comment on column account_templates.header_parameters is 'The names of the headline''s parameters.';
comment on column account_templates.buttons is
    'Those that messages fill: [{index, kind}], kind being url, quick_reply or copy_code.';

-- A canary's template has nothing to fill: neither may its buttons, but for answers, which may be left as they are.
create or replace function has_canary_template(p_org uuid, p_account uuid, p_rules vital_rules) returns boolean
    language sql stable
as $$
    select exists (select from account_templates t
                    where t.organization_id = p_org and t.account_id = p_account
                      and p_rules.canary_template in (t.name, t.provider_id)
                      and lower(replace(t.language, '-', '_')) = lower(replace(p_rules.canary_language, '-', '_'))
                      and t.status in ('approved', 'unknown') and coalesce(cardinality(t.parameters), 0) = 0
                      and t.header = 'fixed'
                      and not jsonb_path_exists(t.buttons, '$[*] ? (@.kind != "quick_reply")'))
           -- Meta knows its templates by name: before the first list, its answer tells.
           or exists (select from accounts a
                       where a.organization_id = p_org and a.id = p_account and a.provider = 'meta'
                         and not exists (select from account_templates l where l.organization_id = p_org
                                            and l.account_id = a.id and l.fetched_at is not null))
$$;
