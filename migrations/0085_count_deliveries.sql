-- What became of what each number sent, in small stretches of time: how a number that is taken by its provider and reaches
-- nobody is told from one that is well. Kept by the statements that record outcomes (0010) and apply receipts (0041), which
-- hold what they count; nothing here is ever found by reading the ledger.

-- By which figures an organisation's numbers are judged. One row, shared by all instances, so that none judges differently.
create table vital_rules (
    organization_id uuid
        constraint vital_rules_belong_to_an_organization references organizations (id) on delete cascade,
    bucket          interval not null default '5 minutes',
    settle          interval not null default '15 minutes',
    span            interval not null default '30 minutes',
    baseline        interval not null default '7 days',
    least           integer not null default 20,
    baseline_least  integer not null default 100,
    look_every      interval not null default '30 seconds',
    canary_phone    e164,
    canary_wait     interval not null default '15 minutes',
    canary_every    interval not null default '1 hour',
    ratio_span      interval not null default '24 hours',
    ratio_least     integer not null default 50,
    failed_percent  integer default 10,
    blocked_percent integer default 2,
    standby_after   interval default '7 days',
    constraint vital_rules_key primary key (organization_id),
    constraint vital_times_are_positive
        check (bucket > '0 s' and settle > '0 s' and span >= bucket and baseline > span and look_every > '0 s'
               and canary_wait > '0 s' and canary_every > canary_wait and ratio_span >= bucket
               and (standby_after is null or standby_after > '0 s')),
    constraint vital_samples_are_positive check (least > 0 and baseline_least > 0 and ratio_least > 0),
    constraint warning_is_at_a_percentage
        check ((failed_percent is null or failed_percent between 1 and 100)
               and (blocked_percent is null or blocked_percent between 1 and 100))
);
comment on table vital_rules is 'The figures by which an organisation''s numbers are judged: silent, failing, blocked, idle.';
comment on column vital_rules.bucket is 'The stretch of time that counts are kept by. Set before anything is sent.';
comment on column vital_rules.settle is 'A message that is delivered at all usually is within this; what is delivered later does not count.';
comment on column vital_rules.span is 'The shortest stretch that is compared with the baseline.';
comment on column vital_rules.least is 'Messages that a stretch needs before it says anything.';
comment on column vital_rules.canary_phone is 'Who gets a message through a number that is in question; none: no such messages.';
comment on column vital_rules.canary_every is 'At most one such message through each number in this time.';
comment on column vital_rules.failed_percent is 'A number warns when so many of a hundred messages fail; none: never.';
comment on column vital_rules.blocked_percent is 'A number warns when so many of a hundred people block it or want no more; none: never.';
comment on column vital_rules.standby_after is 'A number of a pool that sent nothing for so long is exercised; none: never.';

-- A rehearsal shows within a minute what takes hours otherwise: the same rules, by the second.
create function organization_gets_vital_rules() returns trigger language plpgsql as $$
begin
    if new.rehearsal then
        insert into vital_rules (organization_id, bucket, settle, span, baseline, least, baseline_least, look_every,
                                 canary_wait, canary_every, ratio_span, ratio_least, standby_after)
        values (new.id, '1 s', '4 s', '8 s', '10 minutes', 10, 20, '1 s', '5 s', '10 s', '1 minute', 50, '1 minute');
    else
        insert into vital_rules (organization_id) values (new.id);
    end if;
    return null;
end $$;
create trigger organization_gets_vital_rules after insert on organizations
    for each row execute function organization_gets_vital_rules();
insert into vital_rules (organization_id) select id from organizations;

create table number_pulse (
    organization_id uuid not null
        constraint pulse_belongs_to_an_organization references organizations (id) on delete cascade,
    number_id       uuid not null,
    bucket          timestamptz not null,
    accepted        integer not null default 0,
    delivered       integer not null default 0,
    undelivered     integer not null default 0,
    refused         integer not null default 0,
    blocked         integer not null default 0,
    reports         integer not null default 0,
    constraint number_pulse_key primary key (organization_id, number_id, bucket)
) with (fillfactor = 50);
comment on table number_pulse is 'What became of what a number sent in each stretch of time.';
comment on column number_pulse.accepted is 'Messages that the provider took in this stretch.';
comment on column number_pulse.delivered is 'Of those, delivered in time.';
comment on column number_pulse.undelivered is 'Of those, reported as failed.';
comment on column number_pulse.refused is 'Messages that were refused for good in this stretch; throttles and faults are none.';
comment on column number_pulse.blocked is 'Of those sent or refused here, whose recipient blocked the number or wants no more.';
comment on column number_pulse.reports is 'Reports about its messages that were applied in this stretch, whatever they said.';
-- The look at all numbers reads the last stretches: one walk. A row's stretch never changes, so updates stay on their page.
create index pulse_by_bucket on number_pulse (organization_id, bucket);

-- Stretches are forgotten soon (0086), tests after a month (0050); what is asked of them is asked for 90 days.
create table number_day_sums (
    organization_id uuid not null
        constraint day_sums_belong_to_an_organization references organizations (id) on delete cascade,
    number_id       uuid not null,
    day             date not null,
    accepted        integer not null default 0,
    delivered       integer not null default 0,
    undelivered     integer not null default 0,
    refused         integer not null default 0,
    blocked         integer not null default 0,
    tests           integer not null default 0,
    tests_passed    integer not null default 0,
    constraint number_day_sums_key primary key (organization_id, number_id, day)
) with (fillfactor = 50);
comment on table number_day_sums is
    'Of each day of a number: the sums of the stretches and of the tests that are not kept one by one any more.';
comment on column number_day_sums.day is 'In the organisation''s zone of the time when it was summed up.';

-- The stretch that a moment belongs to. Whatever is amiss, an outcome is recorded: the hour stands in. Every batch of
-- outcomes asks for it: as a function of SQL it would be parsed and planned each time.
create function pulse_bucket(p_org uuid, p_at timestamptz) returns timestamptz language plpgsql stable as $$
begin
    return coalesce((select date_bin(r.bucket, p_at, timestamptz 'epoch') from vital_rules r
                      where r.organization_id = p_org), date_trunc('hour', p_at));
end $$;

-- Half as fast as it may otherwise, because few of its messages arrive. The claim doubles its gaps.
alter table whatsapp_numbers
    add column slowed_since  timestamptz,
    add column slowed_reason text,
    add constraint slowed_iff_reason check ((slowed_since is null) = (slowed_reason is null));
comment on column whatsapp_numbers.slowed_since is 'Since then it sends at half its rate; none: at its own.';
