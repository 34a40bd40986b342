-- A verifier asks for what names it every few seconds.
create index engagements_of_verifier on engagements using gin ((state -> 'verifiers' -> 'members')) where status <> 'closed';
