-- Sums of recipients by state, kept by statement-level triggers so that they cannot drift from the rows.
-- Each backend adds to a shard of its own, so that statements of several senders do not wait for each other;
-- a reader sums the shards. A single shard may be negative; a sum may not.

create table campaign_counts (
    organization_id uuid not null,
    campaign_id     uuid not null,
    shard           smallint not null,
    planned   bigint not null default 0,
    queued    bigint not null default 0,
    sending   bigint not null default 0,
    accepted  bigint not null default 0,
    delivered bigint not null default 0,
    read      bigint not null default 0,
    failed    bigint not null default 0,
    in_doubt  bigint not null default 0,
    skipped   bigint not null default 0,
    opted_out bigint not null default 0,
    attempts  bigint not null default 0,
    sent      bigint not null default 0,
    fresh     bigint not null default 0,
    kept_back bigint not null default 0,
    constraint campaign_counts_key primary key (organization_id, campaign_id, shard)
) with (fillfactor = 50);
comment on column campaign_counts.sent is
    'Messages that a provider took: one for each step that lies behind a recipient, and one for the last.';
comment on column campaign_counts.fresh is
    'Queued recipients who were never put back: what the walk of the claim can find.';
comment on column campaign_counts.kept_back is 'Queued recipients whom a rollout has not let go yet (0132).';
comment on table campaign_counts is 'Recipients by state and attempts, per campaign and writing shard.';

create function count_recipients() returns trigger language plpgsql as $$
begin
    if tg_op = 'INSERT' then
        insert into campaign_counts as c (organization_id, campaign_id, shard, planned, queued, sending, accepted,
                                          delivered, read, failed, in_doubt, skipped, opted_out, sent, fresh,
                                          kept_back)
        select organization_id, campaign_id, pg_backend_pid() % 16, count(*),
               count(*) filter (where state = 'queued'), count(*) filter (where state = 'sending'),
               count(*) filter (where state = 'accepted'), count(*) filter (where state = 'delivered'),
               count(*) filter (where state = 'read'), count(*) filter (where state = 'failed'),
               count(*) filter (where state = 'in_doubt'), count(*) filter (where state = 'skipped'),
               count(*) filter (where state = 'skipped' and reason = 'opted_out'),
               sum(step - 1 + (state in ('accepted', 'delivered', 'read'))::integer),
               count(*) filter (where state = 'queued' and due_at is null),
               count(*) filter (where due_at = not_let_go())
          from new_rows group by organization_id, campaign_id order by organization_id, campaign_id
        on conflict on constraint campaign_counts_key do update
           set planned = c.planned + excluded.planned, queued = c.queued + excluded.queued,
               sending = c.sending + excluded.sending, accepted = c.accepted + excluded.accepted,
               delivered = c.delivered + excluded.delivered, read = c.read + excluded.read,
               failed = c.failed + excluded.failed, in_doubt = c.in_doubt + excluded.in_doubt,
               skipped = c.skipped + excluded.skipped, opted_out = c.opted_out + excluded.opted_out,
               sent = c.sent + excluded.sent, fresh = c.fresh + excluded.fresh,
               kept_back = c.kept_back + excluded.kept_back;
    else
        insert into campaign_counts as c (organization_id, campaign_id, shard, planned, queued, sending, accepted,
                                          delivered, read, failed, in_doubt, skipped, opted_out, sent, fresh,
                                          kept_back)
        select organization_id, campaign_id, pg_backend_pid() % 16, sum(sign),
               coalesce(sum(sign) filter (where state = 'queued'), 0),
               coalesce(sum(sign) filter (where state = 'sending'), 0),
               coalesce(sum(sign) filter (where state = 'accepted'), 0),
               coalesce(sum(sign) filter (where state = 'delivered'), 0),
               coalesce(sum(sign) filter (where state = 'read'), 0),
               coalesce(sum(sign) filter (where state = 'failed'), 0),
               coalesce(sum(sign) filter (where state = 'in_doubt'), 0),
               coalesce(sum(sign) filter (where state = 'skipped'), 0),
               coalesce(sum(sign) filter (where state = 'skipped' and reason = 'opted_out'), 0),
               sum(sign * (step - 1 + (state in ('accepted', 'delivered', 'read'))::integer)),
               coalesce(sum(sign) filter (where state = 'queued' and due_at is null), 0),
               coalesce(sum(sign) filter (where due_at = not_let_go()), 0)
          from (select organization_id, campaign_id, state, reason, step, due_at, -1 as sign from old_rows
                union all
                select organization_id, campaign_id, state, reason, step, due_at, 1 from new_rows) as change
         group by organization_id, campaign_id order by organization_id, campaign_id
        on conflict on constraint campaign_counts_key do update
           set planned = c.planned + excluded.planned, queued = c.queued + excluded.queued,
               sending = c.sending + excluded.sending, accepted = c.accepted + excluded.accepted,
               delivered = c.delivered + excluded.delivered, read = c.read + excluded.read,
               failed = c.failed + excluded.failed, in_doubt = c.in_doubt + excluded.in_doubt,
               skipped = c.skipped + excluded.skipped, opted_out = c.opted_out + excluded.opted_out,
               sent = c.sent + excluded.sent, fresh = c.fresh + excluded.fresh,
               kept_back = c.kept_back + excluded.kept_back;
    end if;
    return null;
end $$;
create trigger count_enrolled after insert on campaign_recipients
    referencing new table as new_rows for each statement execute function count_recipients();
create trigger count_changed after update on campaign_recipients
    referencing old table as old_rows new table as new_rows for each statement execute function count_recipients();

create function count_attempts() returns trigger language plpgsql as $$
begin
    insert into campaign_counts as c (organization_id, campaign_id, shard, attempts)
    select organization_id, campaign_id, pg_backend_pid() % 16, count(*)
      from new_rows where campaign_id is not null
     group by organization_id, campaign_id order by organization_id, campaign_id
    on conflict on constraint campaign_counts_key do update set attempts = c.attempts + excluded.attempts;
    return null;
end $$;
create trigger count_attempts after insert on attempts
    referencing new table as new_rows for each statement execute function count_attempts();
