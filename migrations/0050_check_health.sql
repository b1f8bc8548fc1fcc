-- How numbers are, as their providers say when somebody asks. Kept beside whatsapp_numbers: a claim holds those rows, and
-- every change of one wakes all senders and consoles.

create table number_health (
    organization_id    uuid not null,
    number_id          uuid not null,
    next_check_at      timestamptz not null,
    state              text,
    since              timestamptz,
    class              text,
    code               text,
    words              text not null default '',
    quality            text,
    provider_limit     integer,
    provider_unlimited boolean not null default false,
    checked_at         timestamptz,
    well_in_row        integer not null default 0,
    well_since         timestamptz,
    reinstated_at      timestamptz,
    approval           text,
    constraint number_health_key primary key (organization_id, number_id),
    constraint health_belongs_to_a_number foreign key (organization_id, number_id)
        references whatsapp_numbers (organization_id, id) on delete cascade,
    constraint health_state_is_known check (state in ('sendable', 'limited', 'not_sendable', 'unclear')),
    constraint only_what_cannot_send_has_a_class check ((state is not distinct from 'not_sendable') = (class is not null)),
    constraint checked_iff_state check ((checked_at is null) = (state is null) and (since is null) = (state is null)),
    constraint quality_is_known check (quality in ('green', 'yellow', 'red', 'unknown')),
    constraint no_limit_is_no_number check (not (provider_unlimited and provider_limit is not null)),
    constraint well_iff_counted check ((well_since is null) = (well_in_row = 0))
) with (fillfactor = 50);
comment on table number_health is 'What the provider said of a number last, and when it is asked again.';
comment on column number_health.since is 'Since when it says so: state and code as now.';
comment on column number_health.provider_limit is 'People it may begin to talk to in 24 hours, by the provider''s rule.';
comment on column number_health.well_in_row is 'Checks in a row that found it well; after a suspension they are counted anew.';
comment on column number_health.approval is 'How far the provider approved it, in its words: name and verification.';
comment on column number_health.reinstated_at is 'When the provider said that it lifted a restriction.';

-- Every test, with its answer. What is older than a month goes with the next one of its number; how many there were on that day
-- stays (number_day_sums, 0085).
create table number_checks (
    organization_id    uuid not null,
    id                 uuid not null,
    number_id          uuid not null,
    at                 timestamptz not null default clock_timestamp(),
    actor              text not null,
    took_ms            integer not null,
    state              text not null,
    class              text,
    code               text,
    words              text not null,
    quality            text,
    provider_limit     integer,
    provider_unlimited boolean not null,
    constraint number_checks_key primary key (organization_id, id),
    constraint check_is_of_a_number foreign key (organization_id, number_id)
        references whatsapp_numbers (organization_id, id) on delete cascade,
    constraint check_took_no_negative_time check (took_ms >= 0)
);
comment on table number_checks is 'Every time that a provider was asked how a number is: by whom, how long it took, what it said.';
create index number_checks_by_number on number_checks (organization_id, number_id, at);

-- The first check of a number, spread over a quarter of an hour.
create function first_check() returns timestamptz language sql volatile
    return clock_timestamp() + interval '1 minute' + random() * interval '15 minutes';

create function number_gets_a_health_row() returns trigger language plpgsql as $$
begin
    insert into number_health (organization_id, number_id, next_check_at)
    values (new.organization_id, new.id, first_check());
    return null;
end $$;
create trigger number_gets_a_health_row after insert on whatsapp_numbers
    for each row execute function number_gets_a_health_row();
insert into number_health (organization_id, number_id, next_check_at)
select organization_id, id, first_check() from whatsapp_numbers;

-- Numbers that are due, for the caller to ask about. Those of one account are kept p_apart from each other, whatever the
-- usual times: providers count such questions. A number that was suspended meanwhile does not wait for its usual turn.
create function take_checks(p_org uuid, p_most integer, p_usual interval, p_suspended interval, p_apart interval)
    returns setof uuid language sql
as $$
    with turns as materialized (
        select n.id, n.suspended_at is not null as is_suspended,
               greatest(case when n.suspended_at is null then p_usual else p_suspended end,
                        p_apart * count(*) over (partition by n.account_id, n.suspended_at is null)) as turn
          from whatsapp_numbers n where n.organization_id = p_org
    ), hurried as (
        update number_health h set next_check_at = clock_timestamp() + t.turn * random()
          from turns t
         where h.organization_id = p_org and h.number_id = t.id and t.is_suspended
           and h.next_check_at > clock_timestamp() + t.turn * 1.2
    ), due as materialized (
        select h.number_id from number_health h
         where h.organization_id = p_org and h.next_check_at <= clock_timestamp()
         order by h.next_check_at limit p_most for update skip locked
    )
    update number_health h set next_check_at = clock_timestamp() + t.turn * (0.9 + 0.2 * random())
      from due d join turns t on t.id = d.number_id
     where h.organization_id = p_org and h.number_id = d.number_id
    returning h.number_id
$$;
comment on function take_checks is 'Numbers whose provider is to be asked now how they are; their next turn is set.';

-- Keeps what a check found. Answers what a decision needs: how the number is suspended, for what, and how long it is well.
create function record_check(
    p_org uuid, p_id uuid, p_number uuid, p_actor text, p_took_ms integer, p_state text, p_class text, p_code text,
    p_words text, p_quality text, p_limit integer, p_unlimited boolean, p_again_ms bigint, p_approval text
) returns table (
    account_id uuid, since timestamptz, well_in_row integer, well_since timestamptz, suspended_by text, has_end boolean,
    cause text, cause_code text, is_reinstated boolean, age double precision
) language plpgsql as $$
#variable_conflict use_column
declare
    v_now    timestamptz;
    v_number whatsapp_numbers;
    v_old    number_health;
    v_well   boolean := p_state in ('sendable', 'limited');
    v_counts boolean;
    v_told   boolean := p_limit is not null or p_unlimited;
begin
    select * into v_old from number_health where organization_id = p_org and number_id = p_number for update;
    if not found then
        return;
    end if;
    select * into v_number from whatsapp_numbers where organization_id = p_org and id = p_number;
    v_now := clock_timestamp();
    -- What was found before a suspension says nothing of what is after it.
    v_counts := v_number.suspended_at is null or v_old.checked_at > v_number.suspended_at;
    insert into number_checks (organization_id, id, number_id, at, actor, took_ms, state, class, code, words, quality,
                               provider_limit, provider_unlimited)
    values (p_org, p_id, p_number, v_now, p_actor, p_took_ms, p_state, p_class, p_code, p_words, p_quality, p_limit,
            p_unlimited);
    with forgotten as (
        delete from number_checks k
         where k.organization_id = p_org and k.number_id = p_number and k.at < v_now - interval '30 days'
        returning k.at, k.state
    )
    insert into number_day_sums as d (organization_id, number_id, day, tests, tests_passed)
    select p_org, p_number, (f.at at time zone o.time_zone)::date, count(*), count(*) filter (where f.state = 'sendable')
      from forgotten f join organizations o on o.id = p_org
     group by 3 order by 3
    on conflict on constraint number_day_sums_key do update
       set tests = d.tests + excluded.tests, tests_passed = d.tests_passed + excluded.tests_passed;
    return query
    with kept as (
        update number_health h
           set state = p_state, class = p_class, code = p_code, words = p_words, checked_at = v_now,
               since = case when h.state = p_state and h.code is not distinct from p_code then h.since else v_now end,
               quality = coalesce(p_quality, h.quality), approval = coalesce(p_approval, h.approval),
               provider_limit = case when v_told then p_limit else h.provider_limit end,
               provider_unlimited = case when v_told then p_unlimited else h.provider_unlimited end,
               well_in_row = case when v_well and v_counts then h.well_in_row + 1 when v_well then 1 else 0 end,
               well_since = case when v_well and v_counts then coalesce(h.well_since, v_now) when v_well then v_now end,
               next_check_at = case when p_again_ms is null then h.next_check_at
                                    else v_now + make_interval(secs => p_again_ms / 1000.0) end
         where h.organization_id = p_org and h.number_id = p_number
        returning h.*
    )
    select v_number.account_id, k.since, k.well_in_row, k.well_since, v_number.suspended_by,
           v_number.suspended_until is not null, f.cause, f.code,
           coalesce(k.reinstated_at > v_number.suspended_at, false),
           extract(epoch from v_now - k.since)::double precision
      from kept k
      left join failovers f on f.organization_id = p_org and f.from_number_id = p_number and f.ended_at is null;
end $$;
comment on function record_check is 'Keeps what a check found, and answers what a decision about the number needs.';
