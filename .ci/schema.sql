-- assets/docs/schema.md, a line of it a row, from the database's own comments. Run by .ci/prepare.
with things as (
    select c.oid, c.relname::text as name, c.relkind, obj_description(c.oid) as about
      from pg_class c
     where c.relnamespace = current_schema()::regnamespace and c.relkind in ('r', 'v') and c.relname <> '_sqlx_migrations'
), columns as (
    select t.name, t.relkind, a.attnum,
           format('| `%s` | %s%s | %s |', a.attname, format_type(a.atttypid, null),
                  case when t.relkind = 'r' and not a.attnotnull then ', or null' else '' end,
                  replace(coalesce(col_description(t.oid, a.attnum), case a.attname when 'organization_id' then 'Whose it is.'
                  when 'id' then 'Its id.' else '' end), '|', '\|')) as line
      from things t join pg_attribute a on a.attrelid = t.oid and a.attnum > 0 and not a.attisdropped
), rules as (
    select t.name, t.relkind, k.conname::text as rule
      from things t join pg_constraint k on k.conrelid = t.oid and k.contype in ('c', 'u', 'f', 'x')
), lines as (
    select relkind, name, 1 as part, 0 as nth, unnest(array['', '### ' || name, '', coalesce(about, ''), '',
           '| column | type | meaning |', '| --- | --- | --- |']) as line, generate_series(1, 7) as at
      from things
    union all
    select relkind, name, 2, attnum, line, 1 from columns
    union all
    select relkind, name, 3, 0, unnest(array['', 'Rules: ' || string_agg(replace(rule, '_', ' '), '; ' order by rule) || '.']),
           generate_series(1, 2)
      from rules group by relkind, name
    union all
    select 'f', p.proname::text, 1, 0, format('- `%s(%s)`: %s', p.proname, pg_get_function_identity_arguments(p.oid),
                                            obj_description(p.oid)), 1
      from pg_proc p where p.pronamespace = current_schema()::regnamespace and obj_description(p.oid) is not null
    union all
    select k.kind, '', 0, 0, unnest(case k.kind when '0' then array[k.title, '',
               'Every table, view and function with the comments that the database itself holds (in psql: \d+). Views and functions',
               'that other programs may rely on are in [sql.md](sql.md); the rest may change. Made by .ci/prepare.']
           else array['', k.title] end), generate_series(1, case k.kind when '0' then 4 else 2 end)
      from (values ('0'::"char", '# The schema'), ('r'::"char", '## Tables'), ('v'::"char", '## Views'), ('f'::"char", '## Functions')) k (kind, title)
)
select line from lines
 order by case relkind when '0' then 0 when 'r' then 1 when 'v' then 2 else 3 end, name collate "C", part, nth, at, line collate "C"
