-- Whether the texts of new campaigns end with the line that says how to get no more. On, unless somebody switches it off:
-- who writes to many people without it is soon blocked by some of them, and that costs the number.

alter table organizations add column opt_out_line boolean not null default true;
comment on column organizations.opt_out_line is 'Texts of new campaigns say how to stop, where their file does not say otherwise.';
