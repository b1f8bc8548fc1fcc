-- Findings of a campaign that operators leave as they are: one by one, with who, when and why.

-- By the name of the campaign: a file can be judged, and its findings accepted, before there is one.
create table accepted_findings (
    organization_id uuid not null
        constraint accepted_finding_belongs_to_an_organization references organizations (id) on delete cascade,
    campaign        text not null,
    finding         text not null,
    about           text not null,
    accepted_by     text not null,
    accepted_at     timestamptz not null,
    reason          text not null,
    constraint accepted_findings_key primary key (organization_id, campaign, finding),
    constraint acceptance_says_why check (btrim(reason) <> '')
);
comment on table accepted_findings is 'Findings of campaign check that somebody accepted as they are.';
comment on column accepted_findings.campaign is 'The name of the campaign, made or not.';
comment on column accepted_findings.finding is 'What the finding is known by: same-for-all-1-en.';
comment on column accepted_findings.about is
    'What it was about when it was accepted; a finding that is about something else by now is not accepted.';

-- Accepts a finding. One that was accepted as it is keeps who was first.
create function accept_finding(
    p_org uuid, p_campaign text, p_finding text, p_about text, p_sentence text, p_actor text, p_instance uuid, p_reason text
) returns table (verdict text, by text, at timestamptz) language plpgsql as $$
#variable_conflict use_column
declare
    v_now timestamptz := clock_timestamp();
    v_id  uuid;
begin
    return query
        select 'already'::text, f.accepted_by, f.accepted_at from accepted_findings f
         where f.organization_id = p_org and f.campaign = p_campaign and f.finding = p_finding and f.about = p_about;
    if found then
        return;
    end if;
    insert into accepted_findings as f (organization_id, campaign, finding, about, accepted_by, accepted_at, reason)
    values (p_org, p_campaign, p_finding, p_about, p_actor, v_now, p_reason)
    on conflict on constraint accepted_findings_key do update
       set about = excluded.about, accepted_by = excluded.accepted_by, accepted_at = excluded.accepted_at,
           reason = excluded.reason;
    select c.id into v_id from campaigns c where c.organization_id = p_org and c.name = p_campaign;
    perform record_decision(p_org, v_now, p_actor, p_instance, 'accept finding',
                            case when v_id is null then 'organization' else 'campaign' end, coalesce(v_id, p_org),
                            p_campaign, p_reason, null,
                            jsonb_build_object('finding', p_finding, 'sentence', p_sentence));
    return query select 'done'::text, p_actor, v_now;
end $$;
comment on function accept_finding is 'A finding stays as it is, with who, when and why; it falls when what it is about changes.';
