-- The claim: one statement that reserves quota, picks due recipients, marks them and commits the intents.
--
-- A lane is (number, campaign, wanted). The caller names the lanes that its plan opened; the function grants each as
-- much as the lease, the states, the pacing and every limit allow at this moment, and never more. A lane of campaign 0
-- is for replies: they pass the same gates, campaigns aside, go first, and may use what a number holds back for them.
--
-- Order matters. Every lock is taken first (leases, organisation, numbers, campaigns, pacing, usage, accounts with a cap
-- over 24 hours: always in this order, and by id within each), and only then is the clock read: a condition on time that stands beside a lock is
-- judged before the wait for it.
--
-- The planner options keep the walk on its index whatever the statistics say: a cached plan for "limit $1" expects a
-- tenth of the table and would read all of it. With them one plan is right for every size of claim, and none is made
-- anew: planning took longer than running. Rows that are locked are then found again by their place (ctid), which
-- cannot change while we hold the lock: no plan made for yesterday's table size can turn that into a scan.

create type claim_row as (
    lane          integer,     -- 1-based place in p_lane_number
    attempt_id    uuid,        -- null: a report on a campaign or lane, not a message
    recipient_id  uuid,
    step          smallint,
    tries         smallint,
    phone         text,
    locale        text,
    parameters    text,        -- of a reply: what it says
    at            timestamptz, -- started_at; in a campaign's report when its next put-back work is due
    verdict       text         -- why a lane or campaign got less than it wanted; 'walk': found by the walk; 'reply': is one
);

-- Where the claims and the decisions about one organisation queue.
create function decision_queue(p_org uuid) returns bigint
    language sql immutable strict parallel safe
    return hashtextextended(p_org::text, 0);

create function claim(
    p_org uuid, p_instance uuid,
    p_numbers uuid[], p_epochs bigint[], p_batches integer[], p_gaps_us bigint[],
    p_campaigns uuid[], p_walk_after uuid[], p_may_take_over boolean[],
    p_lane_number integer[], p_lane_campaign integer[], p_lane_wanted integer[], p_lane_bound_only boolean[],
    p_takes_over uuid[], p_attempts uuid[], p_deadline interval, p_now timestamptz default null
) returns setof claim_row
    language plpgsql
    set enable_seqscan = off set enable_bitmapscan = off set enable_sort = off
    set enable_hashjoin = off set enable_mergejoin = off set enable_material = off set jit = off
    set plan_cache_mode = force_generic_plan
as $$
declare
    v_now            timestamptz;
    v_day            date;
    v_zone           text;
    v_org_limit      integer;
    v_org_stopped    boolean;
    v_rehearsal      boolean;
    v_org_left       integer := 2147483647;
    v_warm_up        integer[];
    v_number_verdict text[];
    v_number_left    integer[];
    v_number_gap_us  bigint[];
    v_number_burst   integer[];
    v_number_got     integer[];
    v_number_cap     integer[];
    v_number_account uuid[];     -- of those whose account has a cap over 24 hours
    v_accounts       uuid[];     -- these accounts, each once
    v_account_left   integer[];  -- people that each of them may still begin to talk to
    v_account        integer;
    v_known_only     boolean[];  -- lanes of a full account: they may go on with people who count already
    v_number_held    integer[];
    v_reply_paced    boolean[];
    v_reply_got      integer[];
    v_reply_share    integer[];
    v_campaign_ok    boolean[];
    v_campaign_left  integer[];
    v_campaign_cap   integer[];
    v_campaign_sticky boolean[];
    v_campaign_bound  boolean[];
    v_campaign_fresh  boolean[];
    v_campaign_open   boolean[];     -- nobody's clock forbids it: the organisation's hours and its own
    v_campaign_zoned  boolean[];     -- its window is on the recipients' own clocks
    v_campaign_only   uuid[];        -- the only number that may send for it
    v_campaign_label  boolean[];     -- its messages go only to numbers with the same label
    v_campaign_expiry interval[];    -- how long after it was due a message may go
    v_campaign_began  timestamptz[];
    v_org_ends_at    timestamptz;
    v_open_from      smallint;
    v_open_to        smallint;
    v_open_days      smallint;
    v_org_open       boolean;
    v_zones          text[];
    v_zone_of_one    text;
    v_due_after      timestamptz;
    v_after          uuid;
    v_campaign_got   integer[];
    v_grant          integer[];
    v_used           integer[];
    v_offset         integer := 0;
    v_take           integer;
    v_row_count      integer;
    v_rest           integer;
    v_due            tid[];
    v_walk           tid[];
    v_cum            integer;
    v_places         tid[] := '{}';      -- who was found, of all campaigns
    v_found          integer := 0;
    v_open           integer[];          -- lanes of one campaign for whoever is free
    v_lane           integer;
    v_lanes          integer[] := '{}';  -- lanes that got any of them, in their order
    v_thresholds     integer[] := '{}';  -- which place each of these begins with
    v_walk_from      integer[] := array_fill(0, array[cardinality(p_campaigns)]);  -- the last place of due work
    v_exhausted      integer[] := '{}';
    v_campaign       integer;
    v_total          integer := 0;
begin
    -- With the owner's rights from 0172 on: no policy stands between the walk and its index.
    perform must_run(p_org);

    -- 1. Locks first, and before them a place in the queue: row locks in share mode let newcomers pass a decision that
    -- waits for them to end, so that claims one after the other could keep a pause waiting for ever. This lock is fair.
    perform pg_advisory_xact_lock_shared(decision_queue(p_org));
    perform 1 from number_leases
      where organization_id = p_org and number_id = any (p_numbers) and holder = p_instance
      order by number_id for share;
    select time_zone, daily_limit, warm_up, stopped_at is not null, rehearsal, subscription_ends_at, open_from, open_to,
           open_days
      into v_zone, v_org_limit, v_warm_up, v_org_stopped, v_rehearsal, v_org_ends_at, v_open_from, v_open_to, v_open_days
      from organizations where id = p_org for share;
    if not found then
        raise exception 'no such organisation' using errcode = 'no_data_found';
    end if;
    perform 1 from whatsapp_numbers
      where organization_id = p_org and id = any (p_numbers) order by id for share;
    perform 1 from campaigns
      where organization_id = p_org and id = any (p_campaigns) order by id for share;
    perform 1 from number_pacing
      where organization_id = p_org and number_id = any (p_numbers) order by number_id for update;

    -- 2. Only then the clock.
    if p_now is not null and not v_rehearsal then
        raise exception 'only a rehearsal organisation may run on another clock' using errcode = 'check_violation';
    end if;
    v_now := coalesce(p_now, clock_timestamp());
    v_day := (v_now at time zone v_zone)::date;

    v_org_open := hours_are_open(v_open_from, v_open_to, v_open_days, v_zone, v_now);
    if v_org_ends_at <= v_now then
        return next row (0, null, null, null, null, null, null, null, null, 'subscription_ended')::claim_row;
        return;
    end if;
    if v_org_stopped then
        return next row (0, null, null, null, null, null, null, null, null, 'sending_stopped')::claim_row;
        return;
    end if;

    -- 3. Usage, locked. Rows that the day does not have yet are made first, those of campaigns without a limit too: one
    -- that is made when it is charged would be locked after the counts that claims share. The organisation's too, although it
    -- has no limit: what is given back takes it before the counts.
    insert into quota_usage (organization_id, scope, scope_id, day, cap, reserved)
    select p_org, s.scope, s.scope_id, v_day, s.cap, 0
      from (select 'organization' as scope, p_org as scope_id, v_org_limit as cap
            union all
            select 'replies', p_numbers[l.number], null from unnest(p_lane_number, p_lane_campaign) as l (number, campaign)
             where l.campaign = 0
            union all
            select 'campaign', c.id, c.daily_limit from campaigns c
             where c.organization_id = p_org and c.id = any (p_campaigns)
            union all
            select 'number', n.id,
                   limit_of_day(n.daily_limit, v_warm_up, (n.warm_up_started_at at time zone v_zone)::date, v_day)
              from whatsapp_numbers n where n.organization_id = p_org and n.id = any (p_numbers)) s
     where not exists (select from quota_usage u where u.organization_id = p_org and u.scope = s.scope
                          and u.scope_id = s.scope_id and u.day = v_day)
     order by s.scope, s.scope_id
    on conflict on constraint quota_usage_key do nothing;
    perform 1 from quota_usage u
      where u.organization_id = p_org and u.day = v_day
        and (u.scope, u.scope_id) in (select 'organization', p_org
                                      union all select 'campaign', unnest(p_campaigns)
                                      union all select 'number', unnest(p_numbers)
                                      union all select 'replies', p_numbers[l.number]
                                                  from unnest(p_lane_number, p_lane_campaign) as l (number, campaign)
                                                 where l.campaign = 0)
      order by u.scope, u.scope_id for update;

    if v_org_limit is not null then
        select v_org_limit - u.reserved into v_org_left from quota_usage u
         where u.organization_id = p_org and u.scope = 'organization' and u.scope_id = p_org and u.day = v_day;
    end if;

    -- 4. What each number may, and why not.
    select array_agg(case
               when l.number_id is null then 'no_lease'
               when l.expires_at <= clock_timestamp() then 'lease_expired'
               when not n.is_active then 'disabled'
               when n.suspended_at is not null and (n.suspended_until is null or n.suspended_until > v_now) then 'suspended'
               when n.limited_until > v_now then 'limited'
               when p.next_send_at > v_now then 'paced'
               when p.queued >= p.queue_limit then 'queue_full'
               when w.daily_limit <= coalesce(u.reserved, 0) then 'cap_reached'
               else 'ok' end order by k.place),
           array_agg(coalesce(w.daily_limit - coalesce(u.reserved, 0), 2147483647) order by k.place),
           -- The caller's slot, made to fit the number's own limits: never more at once or sooner than they allow at the
           -- percentage of its pace that it goes at. One that knows no time between messages gets fewer at once instead.
           array_agg(greatest(k.gap_us, (greatest(n.interval_ms::bigint * 1000,
                                                  case when n.per_second > 0
                                                       then (k.batch * 1000000::bigint + n.per_second - 1) / n.per_second
                                                       else 0 end) * 100 + e.percent - 1) / e.percent)
                     order by k.place),
           array_agg(least(k.batch, case when n.interval_ms > 0 then 1 end, p.queue_limit - p.queued,
                           case when e.percent < 100 and n.interval_ms = 0 and n.per_second = 0
                                then greatest(1, n.in_flight * e.percent / 100) end) order by k.place),
           array_agg(w.daily_limit order by k.place),
           -- What is held back for replies, as far as replies have not used it.
           array_agg(case when n.reply_share > 0 then held_back(p_org, n.id, w.daily_limit, n.reply_share, v_day)
                          else 0 end order by k.place),
           array_agg(coalesce(p.next_reply_at > v_now, false) order by k.place),
           array_agg(coalesce(n.reply_share, 0) order by k.place),
           array_agg(a.reach_id order by k.place)
      into v_number_verdict, v_number_left, v_number_gap_us, v_number_burst, v_number_cap, v_number_held, v_reply_paced,
           v_reply_share, v_number_account
      from unnest(p_numbers, p_epochs, p_batches, p_gaps_us)
           with ordinality as k (number_id, epoch, batch, gap_us, place)
      left join whatsapp_numbers n on n.organization_id = p_org and n.id = k.number_id
      left join number_leases l on l.organization_id = p_org and l.number_id = k.number_id
                               and l.holder = p_instance and l.epoch = k.epoch
      left join number_pacing p on p.organization_id = p_org and p.number_id = k.number_id
      left join quota_usage u on u.organization_id = p_org and u.scope = 'number' and u.scope_id = k.number_id
                             and u.day = v_day
      left join accounts a on a.organization_id = p_org and a.id = n.account_id and a.rolling_cap is not null
      left join number_health h on h.organization_id = p_org and h.number_id = k.number_id
      left join number_throttles t on t.organization_id = p_org and t.number_id = k.number_id
     cross join lateral (select number_percent(pace_percent(t.percent, t.rest_until, clock_timestamp()), h.quality,
                                               h.state, n.slowed_since is not null) as percent) e
     cross join lateral (select limit_of_day(n.daily_limit, v_warm_up,
                                             (n.warm_up_started_at at time zone v_zone)::date, v_day) as daily_limit) w;
    if array_remove(v_number_account, null) <> '{}' then
        -- Hardly any account has a cap of this kind. One that has is locked until the end: its people are counted by one
        -- claim after the other, whoever makes them.
        select array_agg(r.account_id), array_agg(r.room) into v_accounts, v_account_left
          from account_room(p_org, array_remove(v_number_account, null), v_now) r;
    end if;

    select array_agg(coalesce(c.state = 'active', false) order by k.place),
           array_agg(coalesce(c.daily_limit - coalesce(u.reserved, 0), 2147483647) order by k.place),
           array_agg(c.daily_limit order by k.place),
           array_agg(coalesce(s.sticky, false) order by k.place),
           -- A free pool has bound work too: of campaigns that never switch, and from when it was sticky.
           array_agg(exists (select from campaign_recipients r
                              where r.organization_id = p_org and r.campaign_id = k.campaign_id
                                and r.bound_number_id is not null and r.due_at is not null) order by k.place),
           array_agg((select sum(t.fresh) > 0 from campaign_counts t
                       where t.organization_id = p_org and t.campaign_id = k.campaign_id)
                     -- Whoever never had a turn is too late once the campaign itself is.
                     and coalesce(c.started_at + make_interval(secs => c.expires_after) > v_now, true) order by k.place),
           array_agg(v_org_open and coalesce(c.expires_at > v_now, true)
                     and (c.window_from is null or c.window_zone = 'recipient'
                          or hours_are_open(c.window_from, c.window_to, c.window_days,
                                            case c.window_zone when 'organization' then v_zone else c.window_zone end,
                                            v_now)) order by k.place),
           array_agg(coalesce(c.zoned, false) order by k.place),
           array_agg(c.only_number_id order by k.place),
           array_agg(c.failover = 'label' order by k.place),
           array_agg(make_interval(secs => c.expires_after) order by k.place),
           array_agg(c.started_at order by k.place)
      into v_campaign_ok, v_campaign_left, v_campaign_cap, v_campaign_sticky, v_campaign_bound, v_campaign_fresh,
           v_campaign_open, v_campaign_zoned, v_campaign_only, v_campaign_label, v_campaign_expiry, v_campaign_began
      from unnest(p_campaigns) with ordinality as k (campaign_id, place)
      left join campaigns c on c.organization_id = p_org and c.id = k.campaign_id
      left join pools s on s.organization_id = p_org and s.id = c.pool_id
      left join quota_usage u on u.organization_id = p_org and u.scope = 'campaign' and u.scope_id = k.campaign_id
                             and u.day = v_day;

    -- 5. Grants: the least of what was wanted and every limit, in the order of the lanes.
    v_grant := array_fill(0, array[cardinality(p_lane_number)]);
    v_used := v_grant;
    v_known_only := array_fill(false, array[cardinality(p_lane_number)]);
    v_number_got := array_fill(0, array[cardinality(p_numbers)]);
    v_campaign_got := array_fill(0, array[cardinality(p_campaigns)]);
    for i in 1 .. cardinality(p_lane_number) loop
        if p_lane_campaign[i] = 0 then
            -- Its campaigns' slot may be shut while there is room for a reply: it has a slot of its own.
            if v_number_verdict[p_lane_number[i]] in ('ok', 'paced') and not v_reply_paced[p_lane_number[i]] then
                v_take := least(p_lane_wanted[i], v_number_left[p_lane_number[i]],
                                v_number_burst[p_lane_number[i]] - v_number_got[p_lane_number[i]], v_org_left);
                if v_take > 0 then
                    v_grant[i] := v_take;
                    v_number_got[p_lane_number[i]] := v_number_got[p_lane_number[i]] + v_take;
                    v_number_left[p_lane_number[i]] := v_number_left[p_lane_number[i]] - v_take;
                    v_number_held[p_lane_number[i]] := greatest(0, v_number_held[p_lane_number[i]] - v_take);
                    v_org_left := v_org_left - v_take;
                else
                    return next row (i, null, null, null, null, null, null, null, null,
                                     case when v_org_left <= 0 then 'organization_cap_reached'
                                          else 'cap_reached' end)::claim_row;
                end if;
            else
                return next row (i, null, null, null, null, null, null, null, null,
                                 case when v_number_verdict[p_lane_number[i]] = 'ok' then 'paced'
                                      else v_number_verdict[p_lane_number[i]] end)::claim_row;
            end if;
        elsif v_campaign_ok[p_lane_campaign[i]] and not v_campaign_open[p_lane_campaign[i]] then
            return next row (i, null, null, null, null, null, null, null, null, 'window_closed')::claim_row;
        elsif v_campaign_only[p_lane_campaign[i]] <> p_numbers[p_lane_number[i]] then
            return next row (i, null, null, null, null, null, null, null, null, 'another_number_only')::claim_row;
        elsif v_number_verdict[p_lane_number[i]] = 'ok' and v_campaign_ok[p_lane_campaign[i]] then
            v_take := least(p_lane_wanted[i],
                            v_number_left[p_lane_number[i]] - v_number_held[p_lane_number[i]],
                            v_number_burst[p_lane_number[i]] - v_number_got[p_lane_number[i]],
                            v_campaign_left[p_lane_campaign[i]], v_org_left);
            if v_number_account[p_lane_number[i]] is not null and v_take > 0 then
                v_account := array_position(v_accounts, v_number_account[p_lane_number[i]]);
                v_known_only[i] := coalesce(v_account_left[v_account] <= 0, true);
                if v_known_only[i] then
                    return next row (i, null, null, null, null, null, null, null, null, 'account_cap_reached')::claim_row;
                else
                    v_take := least(v_take, v_account_left[v_account]);
                    v_account_left[v_account] := v_account_left[v_account] - v_take;
                end if;
            end if;
            if v_take > 0 then
                v_grant[i] := v_take;
                v_number_got[p_lane_number[i]] := v_number_got[p_lane_number[i]] + v_take;
                v_number_left[p_lane_number[i]] := v_number_left[p_lane_number[i]] - v_take;
                v_campaign_left[p_lane_campaign[i]] := v_campaign_left[p_lane_campaign[i]] - v_take;
                v_org_left := v_org_left - v_take;
            elsif v_org_left <= 0 then
                return next row (i, null, null, null, null, null, null, null, null, 'organization_cap_reached')::claim_row;
            elsif v_campaign_left[p_lane_campaign[i]] <= 0 then
                return next row (i, null, null, null, null, null, null, null, null, 'campaign_cap_reached')::claim_row;
            elsif v_number_left[p_lane_number[i]] <= v_number_held[p_lane_number[i]] then
                return next row (i, null, null, null, null, null, null, null, null, 'cap_reached')::claim_row;
            end if;
        elsif not v_campaign_ok[p_lane_campaign[i]] then
            return next row (i, null, null, null, null, null, null, null, null, 'campaign_not_active')::claim_row;
        else
            return next row (i, null, null, null, null, null, null, null, null,
                             v_number_verdict[p_lane_number[i]])::claim_row;
        end if;
    end loop;

    -- 6. Replies first; then pick, campaign by campaign; then mark all and write the intents at once, because a statement
    -- that writes these tables costs as much to begin as a dozen rows.
    v_number_got := array_fill(0, array[cardinality(p_numbers)]);
    v_reply_got := v_number_got;
    for i in 1 .. cardinality(p_lane_number) loop
        if p_lane_campaign[i] = 0 and v_grant[i] > 0 then
            return query select * from claim_replies(p_org, p_instance, p_numbers[p_lane_number[i]],
                p_epochs[p_lane_number[i]], i, v_grant[i], p_attempts[v_offset + 1 : v_offset + v_grant[i]], v_now,
                v_day, p_deadline);
            get diagnostics v_row_count = row_count;
            v_offset := v_offset + v_row_count;
            v_used[i] := v_row_count;
            v_reply_got[p_lane_number[i]] := v_reply_got[p_lane_number[i]] + v_row_count;
        end if;
    end loop;
    for c in 1 .. cardinality(p_campaigns) loop
        v_take := 0;
        v_zones := null;
        if v_campaign_zoned[c] then
            v_zones := open_zones(p_org, p_campaigns[c], v_now);
        end if;
        -- What was due before this is too late; what waited for the start was due then. While times are being changed (0104)
        -- nobody's is known for certain.
        v_due_after := case when exists (select from due_shifts h
                                          where h.organization_id = p_org and h.campaign_id = p_campaigns[c])
                            then 'infinity'
                            when v_campaign_began[c] > v_now - v_campaign_expiry[c] then '-infinity'
                            else coalesce(v_now - v_campaign_expiry[c], '-infinity') end;
        if v_campaign_bound[c] or true = any (v_known_only) then
            -- Work that belongs to one number goes first, through that number.
            for i in 1 .. cardinality(p_lane_number) loop
                if p_lane_campaign[i] = c and v_grant[i] > 0 and (v_campaign_bound[c] or v_known_only[i]) then
                    return query select * from claim_bound(p_org, p_instance, p_campaigns[c],
                        p_numbers[p_lane_number[i]], p_epochs[p_lane_number[i]],
                        case when v_campaign_label[c]
                                  then with_same_label(p_org, p_numbers[p_lane_number[i]], p_takes_over)
                             when p_may_take_over[c] then p_takes_over else '{}' end, i, v_grant[i],
                        p_attempts[v_offset + 1 : v_offset + v_grant[i]], v_now, v_day, p_deadline,
                        case when v_known_only[i] then v_number_account[p_lane_number[i]] end, v_campaign_sticky[c],
                        v_zones, v_due_after, v_campaign_expiry[c], v_campaign_began[c]);
                    get diagnostics v_row_count = row_count;
                    v_offset := v_offset + v_row_count;
                    v_grant[i] := v_grant[i] - v_row_count;
                    v_used[i] := v_used[i] + v_row_count;
                end if;
            end loop;
        end if;
        v_cum := 0;
        v_open := '{}';
        for i in 1 .. cardinality(p_lane_number) loop
            if p_lane_campaign[i] = c and v_grant[i] > 0 and not (p_lane_bound_only[i] or v_known_only[i]) then
                v_open := v_open || i;
                v_cum := v_cum + v_grant[i];
            end if;
        end loop;
        if v_cum > 0 then
            v_due := '{}';
            if v_zones is null then
                v_due := array(
                    select r.ctid from campaign_recipients r
                     where r.organization_id = p_org and r.campaign_id = p_campaigns[c]
                       and r.bound_number_id is null and r.due_at is not null and r.due_at <= v_now
                       and r.due_at > v_due_after and r.state = 'queued'
                       and (r.expires_at is null or r.tries = 0 or r.expires_at > v_now)
                       and (select s.since from suppressions s
                             where s.organization_id = p_org and s.phone = r.phone limit 1) is null
                     -- By the number as well, though it is none: as for what is bound, the index of both is meant.
                     order by r.bound_number_id, r.due_at limit v_cum for update of r skip locked);
            else
                foreach v_zone_of_one in array v_zones loop
                    exit when cardinality(v_due) >= v_cum;
                    v_due := v_due || array(
                        select r.ctid from campaign_recipients r
                         where r.organization_id = p_org and r.campaign_id = p_campaigns[c] and r.zone = v_zone_of_one
                           and r.bound_number_id is null and r.due_at is not null and r.due_at <= v_now
                           and r.due_at > v_due_after and r.state = 'queued'
                           and (r.expires_at is null or r.tries = 0 or r.expires_at > v_now)
                           and (select s.since from suppressions s
                                 where s.organization_id = p_org and s.phone = r.phone limit 1) is null
                         order by r.due_at limit v_cum - cardinality(v_due) for update of r skip locked);
                end loop;
            end if;
            v_after := p_walk_after[c];
            if v_after is null then
                -- A sender that is new here goes on where the last messages were claimed: a walk from the start would
                -- pass everybody who has got theirs, with a pause waiting for it.
                v_after := coalesce((
                    select h.recipient_id
                      from (select a.campaign_id, a.recipient_id from attempts a
                             where a.organization_id = p_org order by a.id desc limit 500) h
                     where h.campaign_id = p_campaigns[c] order by h.recipient_id desc limit 1),
                    '00000000-0000-0000-0000-000000000000');
            end if;
            v_walk := array(
                select r.ctid from campaign_recipients r
                 where v_campaign_fresh[c]
                   and r.organization_id = p_org and r.campaign_id = p_campaigns[c] and r.id > v_after
                   and r.state = 'queued' and r.due_at is null
                   and (select s.since from suppressions s
                         where s.organization_id = p_org and s.phone = r.phone limit 1) is null
                 order by r.id limit v_cum - cardinality(v_due) for update of r skip locked);
            -- Who is found goes to the campaign's lanes in their order, as far as each may.
            v_walk_from[c] := cardinality(v_places) + cardinality(v_due);
            v_rest := cardinality(v_due) + cardinality(v_walk);
            if v_rest < v_cum then
                v_exhausted := v_exhausted || c;
            end if;
            foreach v_lane in array v_open loop
                exit when v_rest = 0;
                v_take := least(v_rest, v_grant[v_lane]);
                v_lanes := v_lanes || v_lane;
                v_thresholds := v_thresholds || (v_found + 1);
                v_found := v_found + v_take;
                v_used[v_lane] := v_used[v_lane] + v_take;
                v_rest := v_rest - v_take;
            end loop;
            v_places := v_places || v_due || v_walk;
        end if;
    end loop;
    if v_found > 0 then
        return query
        with marked as (
            update campaign_recipients r
               set state = 'sending', due_at = null, bound_number_id = null, tries = r.tries + 1,
                   sticky_number_id = case when v_campaign_sticky[p_lane_campaign[k.lane]]
                       then p_numbers[p_lane_number[k.lane]] end,
                   last_attempt_id = p_attempts[v_offset + k.place], updated_at = v_now,
                   expires_at = case when r.tries > 0 then r.expires_at else
                       greatest(r.due_at, v_campaign_began[p_lane_campaign[k.lane]])
                       + v_campaign_expiry[p_lane_campaign[k.lane]] end
              from (select u.place_on_page, u.place::integer as place,
                           v_lanes[width_bucket(u.place::integer, v_thresholds)] as lane
                      from unnest(v_places) with ordinality as u (place_on_page, place)) k
             where r.ctid = k.place_on_page
            returning r.id, r.campaign_id, r.step, r.tries, r.phone, k.place, k.lane
        ), intents as (
            insert into attempts (organization_id, id, campaign_id, recipient_id, step, number_id, instance_id,
                                  epoch, quota_day, started_at, deadline_at)
            select p_org, p_attempts[v_offset + m.place], m.campaign_id, m.id, m.step,
                   p_numbers[p_lane_number[m.lane]], p_instance, p_epochs[p_lane_number[m.lane]], v_day, v_now,
                   clock_timestamp() + p_deadline
              from marked m
        )
        select m.lane, p_attempts[v_offset + m.place], m.id, m.step, m.tries, m.phone::text, q.locale,
               q.parameters::text, v_now, case when m.place > v_walk_from[p_lane_campaign[m.lane]] then 'walk' end
          from marked m
          left join lateral (select p.locale, p.parameters from recipient_parameters p
                              where p.organization_id = p_org and p.campaign_id = m.campaign_id
                                and p.recipient_id = m.id limit 1) q on true;
        v_offset := v_offset + v_found;
    end if;
    -- Campaigns that have no more for now: when the next of their put-back work is due.
    foreach v_campaign in array v_exhausted loop
        return next row (v_campaign, null, null, null, null, null, null, null,
            case when exists (select from due_shifts h
                               where h.organization_id = p_org and h.campaign_id = p_campaigns[v_campaign])
                 then v_now + interval '1 second'
                 when not v_campaign_zoned[v_campaign] then
                (select min(r.due_at) from campaign_recipients r
                  where r.organization_id = p_org and r.campaign_id = p_campaigns[v_campaign] and r.due_at is not null)
            end,
            'campaign_exhausted')::claim_row;
    end loop;

    -- 7. Charge what was taken. The check behind the table refuses whatever would pass a cap.
    for i in 1 .. cardinality(p_lane_number) loop
        v_number_got[p_lane_number[i]] := v_number_got[p_lane_number[i]] + v_used[i];
        if p_lane_campaign[i] > 0 then
            v_campaign_got[p_lane_campaign[i]] := v_campaign_got[p_lane_campaign[i]] + v_used[i];
        end if;
        v_total := v_total + v_used[i];
    end loop;
    if v_total = 0 then
        return;
    end if;
    if v_accounts is not null then
        perform charge_accounts(p_org, v_accounts, p_attempts[1 : v_offset], v_now);
    end if;
    insert into quota_usage as u (organization_id, scope, scope_id, day, cap, reserved)
    select p_org, s.scope, s.scope_id, v_day, s.cap, s.got
      from (select 'campaign' as scope, k.id as scope_id, k.cap, k.got
              from unnest(p_campaigns, v_campaign_cap, v_campaign_got) as k (id, cap, got)
            union all
            select 'number', k.id, k.cap, k.got from unnest(p_numbers, v_number_cap, v_number_got) as k (id, cap, got)
            union all
            select 'organization', p_org, v_org_limit, v_total
            union all
            select 'replies', k.id, null, k.got from unnest(p_numbers, v_reply_got) as k (id, got)) s
     where s.got > 0
     order by s.scope, s.scope_id
    on conflict on constraint quota_usage_key do update
       set reserved = u.reserved + excluded.reserved,
           cap = case when excluded.cap is null then null else greatest(u.cap, excluded.cap, u.reserved) end;
    insert into number_campaign_usage as u (organization_id, number_id, campaign_id, day, used)
    select p_org, p_numbers[k.number], p_campaigns[k.campaign], v_day, sum(k.used)
      from unnest(p_lane_number, p_lane_campaign, v_used) as k (number, campaign, used)
     where k.used > 0 and k.campaign > 0 group by 2, 3 order by 2, 3
    on conflict on constraint number_campaign_usage_key do update set used = u.used + excluded.used;

    -- 8. Pacing: the next slot opens one gap later, however few were taken. For campaigns so much later that the share of
    -- the rate that is held back for replies stays free.
    update number_pacing p
       set next_reply_at = v_now + make_interval(secs => k.gap_us / 1000000.0),
           next_send_at = greatest(p.next_send_at,
                                   v_now + make_interval(secs => k.gap_us / 1000000.0
                                                                 * case when k.got > k.replies
                                                                        then 100.0 / (100 - k.share) else 1 end)),
           last_sent_at = v_now, queued = p.queued + k.got
      from unnest(p_numbers, v_number_got, v_number_gap_us, v_reply_got, v_reply_share)
           as k (number_id, got, gap_us, replies, share)
     where p.organization_id = p_org and p.number_id = k.number_id and k.got > 0;
end $$;
comment on function claim is
    'Reserves quota, picks due recipients, marks them sending and commits the intents: one statement.';

-- Queued work of one campaign that belongs to one number, or to numbers whose work it takes over: never what the provider
-- refused because of the person, which stays with its number, asked in a way that the index answers. With p_known_to: the
-- account is full, and only people go on who count already; of them also those who are put back for any number.
create function claim_bound(
    p_org uuid, p_instance uuid, p_campaign uuid, p_number uuid, p_epoch bigint, p_takes_over uuid[], p_lane integer,
    p_wanted integer, p_attempts uuid[], p_now timestamptz, p_day date, p_deadline interval,
    p_known_to uuid default null, p_sticky boolean default true, p_zones text[] default null,
    p_due_after timestamptz default '-infinity', p_expiry interval default null, p_began timestamptz default null
) returns setof claim_row
    language plpgsql
    set enable_seqscan = off set enable_bitmapscan = off set enable_sort = off
    set enable_hashjoin = off set enable_mergejoin = off set enable_material = off set jit = off
    set plan_cache_mode = force_generic_plan
as $$
declare
    v_picked tid[] := '{}';
    v_owner  uuid;
    v_zone   text;
begin
    -- Asked for a range, an order and not for one value: to a planner whose figures are from before anything was due, the index
    -- by due time alone looks as good, and passes by the work of all other numbers.
    foreach v_owner in array array[p_number] || p_takes_over loop
        exit when p_known_to is not null or cardinality(v_picked) >= p_wanted;
        if p_zones is null then
            v_picked := v_picked || array(
                select r.ctid from campaign_recipients r
                 where r.organization_id = p_org and r.campaign_id = p_campaign
                   and r.bound_number_id >= v_owner and r.bound_number_id <= v_owner and r.due_at is not null and r.due_at <= p_now
                   and r.due_at > p_due_after and r.state = 'queued' and r.is_kept <= (v_owner = p_number)
                   and (r.expires_at is null or r.tries = 0 or r.expires_at > p_now)
                   and (select s.since from suppressions s
                         where s.organization_id = p_org and s.phone = r.phone limit 1) is null
                 order by r.bound_number_id, r.due_at limit p_wanted - cardinality(v_picked)
                   for update of r skip locked);
        else
            foreach v_zone in array p_zones loop
                exit when cardinality(v_picked) >= p_wanted;
                v_picked := v_picked || array(
                    select r.ctid from campaign_recipients r
                     where r.organization_id = p_org and r.campaign_id = p_campaign and r.zone = v_zone
                       and r.bound_number_id >= v_owner and r.bound_number_id <= v_owner and r.due_at is not null and r.due_at <= p_now
                       and r.due_at > p_due_after and r.state = 'queued' and r.is_kept <= (v_owner = p_number)
                       and (r.expires_at is null or r.tries = 0 or r.expires_at > p_now)
                       and (select s.since from suppressions s
                             where s.organization_id = p_org and s.phone = r.phone limit 1) is null
                     order by r.bound_number_id, r.due_at limit p_wanted - cardinality(v_picked)
                   for update of r skip locked);
            end loop;
        end if;
    end loop;
    -- With people's own clocks nobody goes on while the account is full: who of them is awake and counts already would
    -- have to be looked for among all who sleep.
    if p_known_to is not null and p_zones is null then
        -- So many are looked at, and no more: the rest comes up when these are gone, or when the account has room.
        v_picked := array(
            select k.place from (
                select r.ctid as place, r.phone from campaign_recipients r
                 where r.organization_id = p_org and r.campaign_id = p_campaign
                   and r.bound_number_id >= p_number and r.bound_number_id <= p_number
                   and r.due_at is not null and r.due_at <= p_now
                   and r.due_at > p_due_after and r.state = 'queued'
                   and (r.expires_at is null or r.tries = 0 or r.expires_at > p_now)
                   and (select s.since from suppressions s
                         where s.organization_id = p_org and s.phone = r.phone limit 1) is null
                 order by r.bound_number_id, r.due_at limit 500 for update of r skip locked) k
             where counts_already(p_org, p_known_to, p_number, k.phone, p_now) limit p_wanted);
        v_picked := v_picked || array(
            select k.place from (
                select r.ctid as place, r.phone from campaign_recipients r
                 where r.organization_id = p_org and r.campaign_id = p_campaign
                   and r.bound_number_id is null and r.due_at is not null and r.due_at <= p_now
                   and r.due_at > p_due_after and r.state = 'queued'
                   and (r.expires_at is null or r.tries = 0 or r.expires_at > p_now)
                   and (select s.since from suppressions s
                         where s.organization_id = p_org and s.phone = r.phone limit 1) is null
                 order by r.bound_number_id, r.due_at limit 500 for update of r skip locked) k
             where counts_already(p_org, p_known_to, p_number, k.phone, p_now) limit p_wanted - cardinality(v_picked));
    end if;
    if cardinality(v_picked) = 0 then
        return;
    end if;
    return query
    with marked as (
        update campaign_recipients r
           set state = 'sending', due_at = null, bound_number_id = null, tries = r.tries + 1,
               sticky_number_id = case when p_sticky or r.bound_number_id is not null then p_number end,
               last_attempt_id = p_attempts[k.place], updated_at = p_now,
               expires_at = case when r.tries > 0 then r.expires_at else greatest(r.due_at, p_began) + p_expiry end
          from unnest(v_picked) with ordinality as k (place_on_page, place)
         where r.ctid = k.place_on_page
        returning r.id, r.step, r.tries, r.phone, k.place::integer as place
    ), intents as (
        insert into attempts (organization_id, id, campaign_id, recipient_id, step, number_id, instance_id,
                              epoch, quota_day, started_at, deadline_at)
        select p_org, p_attempts[m.place], p_campaign, m.id, m.step, p_number, p_instance, p_epoch, p_day, p_now,
               clock_timestamp() + p_deadline
          from marked m
    )
    select p_lane, p_attempts[m.place], m.id, m.step, m.tries, m.phone::text, q.locale, q.parameters::text, p_now,
           null::text
      from marked m
      left join lateral (select p.locale, p.parameters from recipient_parameters p
                          where p.organization_id = p_org and p.campaign_id = p_campaign
                            and p.recipient_id = m.id limit 1) q on true;
end $$;
