-- What people write and what is answered, for other systems on this database: names and columns stay.
--
--   select * from conversation_threads where not is_done order by last_at desc;
--   select at, direction, body, state from conversation_messages where conversation_id = '0197...' order by at;

create view conversation_threads with (security_invoker = true) as
select v.organization_id, v.id as conversation_id, v.phone::text as phone, v.profile, n.phone::text as number,
       a.provider::text as provider, v.thread, c.name as campaign, v.assigned_to, v.opened_at, v.last_at, v.last_in_at,
       v.last_out_at, v.last_text, v.last_is_ours, v.unread, v.done_at is not null as is_done, v.done_at, v.done_by,
       answer_window(v.organization_id, v.phone, v.number_id) as answerable_until
  from conversations v
  left join whatsapp_numbers n on n.organization_id = v.organization_id and n.id = v.number_id
  left join accounts a on a.organization_id = n.organization_id and a.id = n.account_id
  left join campaigns c on c.organization_id = v.organization_id and c.id = v.campaign_id;
comment on view conversation_threads is 'Every thread with a person: its number, its campaign, who has it, and until when it can be answered.';

create view conversation_messages with (security_invoker = true) as
select m.organization_id, m.conversation_id, m.id as message_id, 'in' as direction, m.phone::text as phone,
       n.phone::text as number, m.received_at as at, m.kind, m.body, m.consent, null::text as state, null::text as written_by,
       c.name as campaign
  from inbound_messages m
  left join whatsapp_numbers n on n.organization_id = m.organization_id and n.id = m.number_id
  left join campaigns c on c.organization_id = m.organization_id and c.id = m.campaign_id
union all
select y.organization_id, y.conversation_id, y.id, 'out', y.phone::text, n.phone::text, y.written_at, y.kind, y.body, null,
       y.state::text, y.written_by, c.name
  from replies y
  join conversations v on v.organization_id = y.organization_id and v.id = y.conversation_id
  left join whatsapp_numbers n on n.organization_id = y.organization_id and n.id = y.number_id
  left join campaigns c on c.organization_id = v.organization_id and c.id = v.campaign_id;
comment on view conversation_messages is 'What people wrote and what was answered, one row a message; state is that of an answer.';
