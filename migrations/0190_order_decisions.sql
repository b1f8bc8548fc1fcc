-- Decisions are read page by page, the latest first; several can be of one moment. With the id in the index a page is a walk
-- along it, whatever the planner thinks of how many decisions there are: without it all of them were read and sorted.
create index decisions_by_time on audit_log (organization_id, at desc, id desc);
drop index audit_by_time;
