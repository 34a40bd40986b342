-- What reorgs undid, for readers of one subject.
create index reverted_events_of_bounty on reverted_events (bounty_id, undone_seq) where bounty_id is not null;
create index reverted_events_of_engagement on reverted_events (engagement_id, undone_seq) where engagement_id is not null;

-- Whether an event concerns an account (0x-hex, lower case): it posted, runs, is paid for or verifies what the event is about, or the event
-- names it. What a reorg removed is known by the events that it undid.
create function concerns(payload jsonb, bounty bytea, engagement bytea, account text) returns boolean language sql stable as $$
    select lower(payload #>> '{terms,poster}') = account or lower(payload #>> '{bid,runner}') = account
        or lower(payload ->> 'account') = account or lower(payload ->> 'payee') = account
        or lower(payload ->> 'poster') = account or lower(payload ->> 'verifier') = account
        or exists (select from engagements e
                   where e.id = engagement
                     and (e.runner = decode(substr(account, 3), 'hex') or lower(e.state #>> '{bid,payee}') = account
                          or e.state #> '{verifiers,members}' ? account
                          or exists (select from bounties b
                                     where b.id = e.bounty_id and b.poster = decode(substr(account, 3), 'hex'))))
        or exists (select from bounties b where b.id = bounty and b.poster = decode(substr(account, 3), 'hex'))
        or exists (select from reverted_events r
                   where r.bounty_id = bounty and r.name = 'posted' and lower(r.payload #>> '{terms,poster}') = account)
        or exists (select from reverted_events r
                   where r.engagement_id = engagement and r.name = 'engaged'
                     and (lower(r.payload #>> '{bid,runner}') = account
                          or exists (select from bounties b
                                     where b.id = r.bounty_id and b.poster = decode(substr(account, 3), 'hex'))))
$$;
