-- Which verifier is named by which engagement that is not closed, in the order in which its duties are listed. Comes from the chain: kept
-- by the indexer beside `engagements`.
create table assignments (
    chain_id      bigint not null,
    verifier      bytea not null check (length(verifier) = 20),
    engagement_id bytea not null check (length(engagement_id) = 32),
    -- Per verdict, and what was reserved for units at the award: base units of the bounty's token.
    fee           numeric(78, 0) not null,
    locked        numeric(78, 0) not null,
    primary key (engagement_id, verifier)
);
create index assignments_by_worth on assignments (verifier, fee desc, locked desc, engagement_id desc);

insert into assignments (chain_id, verifier, engagement_id, fee, locked)
select e.chain_id, decode(substr(m, 3), 'hex'), e.id, (b.state #>> '{terms,verifierFee}')::numeric,
       (e.state #>> '{bid,rate}')::numeric * (b.state #>> '{terms,unitsMax}')::numeric
from engagements e
join bounties b on b.id = e.bounty_id
cross join lateral jsonb_array_elements_text(e.state -> 'verifiers' -> 'members') m
where e.status <> 'closed';

drop index engagements_of_verifier;
