-- A headless sender logs in with a role of its own: it does what a manager does, and may be an operator of several
-- organisations. A migration of its own, because a new word of an enum cannot be used in the transaction that adds it.
alter type operator_role add value 'service' before 'admin';
