-- A stage of a rollout that went badly is widened by nobody but an operator: then no time opens the next one, and nobody
-- can tell when the campaign will be done.
alter table campaign_rollouts
    add column held_stage integer,
    add constraint a_stage_is_held_once_it_is_open check (held_stage <= stage);
comment on column campaign_rollouts.held_stage is 'The last stage that went so badly that somebody has to widen it; held: it is the open one.';
