-- Who opted out lately is asked for at every round of the senders, and by every note for the next shift.
create index suppressions_by_time on suppressions (organization_id, since);
