-- Rows for every table of the schema, made from the catalogue: what no migration has to keep up with.
create schema matrix;

-- A value that fits a column, as text of SQL.
create function matrix.value(p_type regtype, p_column text, p_org uuid, p_salt integer) returns text language sql as $$
    select case
        when p_column = 'organization_id' then quote_literal(p_org) || '::uuid'
        when t.typtype = 'e' then (select quote_literal(e.enumlabel) from pg_enum e where e.enumtypid = p_type
                                    order by e.enumsortorder limit 1)
        when p_type = 'e164'::regtype then quote_literal('+2376' || lpad(p_salt::text, 8, '0'))
        when p_type = 'uuid'::regtype then quote_literal(md5(p_org::text || p_salt || p_column)::uuid)
        when p_type = 'bool'::regtype then 'true'
        when p_type = 'jsonb'::regtype then quote_literal('{}')
        when p_type = 'date'::regtype then 'date ''2026-01-01'''
        when p_type = 'timestamptz'::regtype then 'timestamptz ''2026-01-01'''
        when p_type = 'bytea'::regtype then quote_literal('\x' || encode(sha256((p_org::text || p_salt)::bytea), 'hex'))
        when p_type = 'interval'::regtype then 'interval ''1 hour'''
        when t.typcategory = 'A' then quote_literal('{}')
        when t.typcategory = 'N' then '1'
        else quote_literal('w' || p_salt) end
      from pg_type t where t.oid = p_type
$$;

-- A statement that adds one row to a table: every column that needs a value, and those that p_own names, with its values.
create function matrix.insert_of(p_table text, p_org uuid, p_salt integer, p_own jsonb) returns text language sql as $$
    select format('insert into %I (%s) values (%s)', p_table,
                  string_agg(quote_ident(a.attname), ', ' order by a.attnum),
                  string_agg(coalesce(p_own ->> a.attname, matrix.value(a.atttypid::regtype, a.attname, p_org, p_salt)),
                             ', ' order by a.attnum))
      from pg_attribute a
     where a.attrelid = ('public.' || quote_ident(p_table))::regclass and a.attnum > 0 and not a.attisdropped
       and ((a.attnotnull and not a.atthasdef) or p_own ? a.attname)
$$;
