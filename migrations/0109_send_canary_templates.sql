-- Official providers take free text only from people who wrote within 24 hours. A canary goes out as a template then, where
-- one is named; where none is, nothing is sent, and the number says so.
alter table vital_rules
    add column canary_template text,
    add column canary_language text,
    add constraint canary_template_has_a_language check ((canary_template is null) = (canary_language is null));
comment on column vital_rules.canary_template is
    'What canaries are where free text is not taken: a template without parameters, of this name in every account.';
alter table canaries
    add column template text,
    add column language text,
    add constraint canary_of_a_template_has_a_language check ((template is null) = (language is null));
comment on column canaries.template is 'The template that it is; null: free text.';
alter table number_vitals add column no_canary text;
comment on column number_vitals.no_canary is 'Why the last canary that was wanted could not be sent; null: it was, or none was wanted.';

-- Whether canaries through a number of this account may go out as the organisation's template.
create function has_canary_template(p_org uuid, p_account uuid, p_rules vital_rules) returns boolean
    language sql stable
as $$
    select exists (select from account_templates t
                    where t.organization_id = p_org and t.account_id = p_account
                      and p_rules.canary_template in (t.name, t.provider_id)
                      and lower(replace(t.language, '-', '_')) = lower(replace(p_rules.canary_language, '-', '_'))
                      and t.status in ('approved', 'unknown') and coalesce(cardinality(t.parameters), 0) = 0
                      and t.header = 'fixed')
           -- Meta knows its templates by name: before the first list, its answer tells.
           or exists (select from accounts a
                       where a.organization_id = p_org and a.id = p_account and a.provider = 'meta'
                         and not exists (select from account_templates l where l.organization_id = p_org
                                            and l.account_id = a.id and l.fetched_at is not null))
$$;

-- A person who opts out gets no canary either: one that is planned is held before the time of the opt-out is taken. Its row
-- lock orders the two, as it does for messages.
create function opt_out_holds_canaries() returns trigger language plpgsql as $$
begin
    update canaries set due_at = 'infinity'
     where organization_id = new.organization_id and phone = new.phone and state = 'planned';
    if found then
        new.since := clock_timestamp();
    end if;
    return new;
end $$;
create trigger opt_out_holds_canaries before insert on suppressions
    for each row execute function opt_out_holds_canaries();
