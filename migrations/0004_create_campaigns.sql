-- Campaigns, their steps, and one row per person enrolled.

create table campaigns (
    organization_id uuid not null
        constraint campaign_belongs_to_an_organization references organizations (id) on delete cascade,
    id              uuid not null,
    name            text not null,
    state           campaign_state not null default 'draft',
    priority        integer not null default 100,
    weight          integer not null default 1,
    pool_id         uuid not null,
    daily_limit     integer,
    starts_at       timestamptz,
    failover        text not null default 'pool',
    audience        jsonb not null default '{}',
    source          text not null default '',
    hold_reason     text,
    started_at      timestamptz,
    paused_at       timestamptz,
    finished_at     timestamptz,
    revision        bigint not null default 1,
    created_by      text not null,
    created_at      timestamptz not null default clock_timestamp(),
    updated_at      timestamptz not null default clock_timestamp(),
    changed_by      text not null,
    constraint campaigns_key primary key (organization_id, id),
    constraint campaign_name_is_taken_once unique (organization_id, name),
    constraint campaign_sends_through_a_pool foreign key (organization_id, pool_id)
        references pools (organization_id, id),
    constraint campaign_priority_is_between_0_and_9999 check (priority between 0 and 9999),
    constraint campaign_weight_is_positive check (weight > 0),
    constraint campaign_daily_limit_is_positive check (daily_limit > 0),
    constraint failover_policy_is_known check (failover in ('never', 'label', 'pool')),
    constraint scheduled_has_a_time check (state <> 'scheduled' or starts_at is not null),
    constraint active_has_started check (state not in ('active', 'paused', 'completed') or started_at is not null),
    constraint finished_iff_completed_or_cancelled
        check ((finished_at is not null) = (state in ('completed', 'cancelled'))),
    constraint paused_iff_paused_at check ((state = 'paused') = (paused_at is not null))
);
comment on table campaigns is 'Who gets what, when, through which pool.';
comment on column campaigns.source is 'The campaign file as it was given.';
comment on column campaigns.hold_reason is 'Why it is paused, in the words of whoever paused it.';

create function campaign_transition_is_legal() returns trigger language plpgsql as $$
begin
    if old.state = new.state
        or (old.state = 'draft' and new.state in ('scheduled', 'active', 'cancelled'))
        or (old.state = 'scheduled' and new.state in ('draft', 'active', 'cancelled'))
        or (old.state = 'active' and new.state in ('paused', 'completed', 'cancelled'))
        or (old.state = 'paused' and new.state in ('active', 'completed', 'cancelled'))
        -- Somebody of it is tried again or taken back after all (reopen_campaign, 0092).
        or (old.state = 'completed' and new.state = 'active') then
        return new;
    end if;
    raise exception 'a campaign cannot go from % to %', old.state, new.state
        using errcode = 'check_violation', constraint = 'campaign_transition_is_legal';
end $$;
create trigger campaign_transition_is_legal before update of state on campaigns
    for each row execute function campaign_transition_is_legal();

create table campaign_steps (
    organization_id uuid not null,
    campaign_id     uuid not null,
    step            smallint not null,
    version         integer not null default 1,
    after_seconds   bigint not null,
    texts           jsonb not null,
    template        jsonb,
    media           jsonb,
    constraint campaign_steps_key primary key (organization_id, campaign_id, step),
    constraint step_belongs_to_a_campaign foreign key (organization_id, campaign_id)
        references campaigns (organization_id, id) on delete cascade,
    constraint steps_count_from_one check (step between 1 and 365),
    constraint step_delay_is_not_negative check (after_seconds >= 0),
    constraint texts_are_a_list check (jsonb_typeof(texts) = 'array'),
    constraint template_has_a_name check (jsonb_typeof(template -> 'name') = 'string'),
    constraint media_has_an_address check (jsonb_typeof(media -> 'url') = 'string'),
    constraint step_says_something check (texts <> '[]' or template is not null or media is not null)
);
create index steps_with_more_than_text on campaign_steps (organization_id, campaign_id)
    where template is not null or media is not null;
comment on table campaign_steps is 'One message of a campaign: a delay, texts by locale, a template, media.';
comment on column campaign_steps.template is
    'name, language and parameters: a list in order or an object by name, texts with variables like the others.';
comment on column campaign_steps.media is 'kind (image, video, document, audio), url, perhaps filename.';
comment on column campaign_steps.after_seconds is 'Since enrolment for the first step, since the previous step for the others.';

-- The hot table. Rows are walked in the order of id, which ascends with enrolment and never changes.
-- due_at and bound_number_id are null for work that is due as soon as the walk reaches it: the partial indexes below
-- then hold nothing, and marking a row is an update that stays on its page. They are set for what is put back, for
-- later steps and for what belongs to one number. attention repeats the state where an operator wants to find it,
-- for the same reason.
create table campaign_recipients (
    organization_id  uuid not null,
    campaign_id      uuid not null,
    id               uuid not null,
    contact_id       uuid not null,
    phone            e164 not null,
    state            recipient_state not null default 'queued',
    step             smallint not null default 1,
    tries            smallint not null default 0,
    due_at           timestamptz,
    bound_number_id  uuid,
    sticky_number_id uuid,
    last_attempt_id  uuid,
    is_kept          boolean not null default false,
    attention        recipient_state,
    reason           text,
    updated_at       timestamptz not null default clock_timestamp(),
    constraint campaign_recipients_key primary key (organization_id, campaign_id, id),
    constraint person_is_enrolled_once unique (organization_id, campaign_id, phone),
    constraint attention_iff_exceptional
        check (attention is not distinct from
               case when state in ('failed', 'in_doubt', 'skipped') then state end),
    constraint only_queued_work_is_due check (due_at is null or state = 'queued'),
    constraint only_queued_work_is_bound check (bound_number_id is null or due_at is not null),
    constraint kept_work_waits_for_its_number check (not is_kept or state <> 'queued' or bound_number_id is not null),
    constraint ended_badly_has_a_reason check (state not in ('failed', 'in_doubt', 'skipped') or reason is not null)
) with (fillfactor = 50, autovacuum_vacuum_scale_factor = 0.05);
comment on table campaign_recipients is 'One row per person per campaign: state, step, due time, number.';
comment on column campaign_recipients.tries is 'Attempts begun for the current step.';
comment on column campaign_recipients.bound_number_id is 'Only this number may send what is queued.';
comment on column campaign_recipients.is_kept is
    'The provider refused this step because of the person: no other number tries it, even when the bound one is out.';

create index queued_by_due_time on campaign_recipients (organization_id, campaign_id, due_at)
    where due_at is not null;
create index queued_by_number_and_due_time
    on campaign_recipients (organization_id, campaign_id, bound_number_id, due_at, is_kept) where due_at is not null;
create index recipients_by_attention on campaign_recipients (organization_id, campaign_id, attention, id)
    where attention is not null;

create table recipient_parameters (
    organization_id uuid not null,
    campaign_id     uuid not null,
    recipient_id    uuid not null,
    locale          text not null,
    parameters      jsonb not null,
    constraint recipient_parameters_key primary key (organization_id, campaign_id, recipient_id)
);
comment on table recipient_parameters is 'What the texts are filled with, frozen at enrolment.';
