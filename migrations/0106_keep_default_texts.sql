-- What the steps of an organisation's campaigns say where their files do not: a list in the order of the steps, each the
-- texts by locale; null where a step has no default.

alter table organizations
    add column default_texts jsonb not null default '[]',
    add constraint default_texts_are_a_list check (jsonb_typeof(default_texts) = 'array');
comment on column organizations.default_texts is 'Texts of steps 1, 2, … of campaigns that give none.';
