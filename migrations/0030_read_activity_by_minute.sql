-- The console asks every second what all numbers did in the last five minutes. By number and minute that is one look for
-- each number; by minute it is one look. A row's minute never changes, so the updates of each batch stay on their page.
create index activity_by_minute on number_activity (organization_id, minute);
