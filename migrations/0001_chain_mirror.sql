-- The chain mirror. Written by `piecework index` alone, read by everyone. Dropping these tables and indexing again gives the
-- same rows. Amounts are base units of the row's (or its bounty's) token; ids, hashes and addresses are raw bytes.

-- One row per settlement chain: the cursor. Hash and number move together with the rows below.
create table chains (
    chain_id     bigint primary key,
    escrow       bytea not null check (length(escrow) = 20),
    start_block  bigint not null,
    block_number bigint not null,
    block_hash   bytea not null check (length(block_hash) = 32),
    block_time   timestamptz not null,
    updated_at   timestamptz not null default now()
);

-- Headers of indexed blocks down to finality: where a reorg's fork point is looked up.
create table blocks (
    chain_id    bigint not null references chains,
    number      bigint not null,
    hash        bytea not null check (length(hash) = 32),
    parent_hash bytea not null check (length(parent_hash) = 32),
    time        timestamptz not null,
    primary key (chain_id, number)
);

-- Every event of the escrow, decoded.
create table events (
    chain_id      bigint not null,
    block_number  bigint not null,
    log_index     bigint not null,
    block_hash    bytea not null check (length(block_hash) = 32),
    block_time    timestamptz not null,
    tx_hash       bytea not null check (length(tx_hash) = 32),
    name          text not null,
    bounty_id     bytea check (length(bounty_id) = 32),
    engagement_id bytea check (length(engagement_id) = 32),
    account       bytea check (length(account) = 20),
    token         bytea check (length(token) = 20),
    payload       jsonb not null,
    primary key (chain_id, block_number, log_index)
);
create index events_of_bounty on events (bounty_id, block_number, log_index) where bounty_id is not null;
create index events_of_engagement on events (engagement_id, block_number, log_index) where engagement_id is not null;
create index events_of_account on events (chain_id, account, token, block_number, log_index) where account is not null;

-- Projections: the fold of a subject's events. `state` is the whole of it, the columns are what lists filter and sort by.
create table bounties (
    id           bytea primary key check (length(id) = 32),
    chain_id     bigint not null,
    poster       bytea not null check (length(poster) = 20),
    token        bytea not null check (length(token) = 20),
    spec_hash    bytea not null check (length(spec_hash) = 32),
    rate_max     numeric(78, 0) not null,
    bond         numeric(78, 0) not null,
    seats        bigint not null,
    seats_taken  bigint not null check (seats_taken between 0 and seats),
    open_claim   boolean not null,
    open_until   timestamptz not null,
    posted_at    timestamptz not null,
    state        jsonb not null,
    block_number bigint not null
);
create index bounties_newest on bounties (posted_at desc, id);
create index bounties_of_poster on bounties (poster, posted_at desc);

create table engagements (
    id           bytea primary key check (length(id) = 32),
    chain_id     bigint not null,
    bounty_id    bytea not null check (length(bounty_id) = 32),
    runner       bytea not null check (length(runner) = 20),
    node         bytea not null check (length(node) = 20),
    status       text not null check (status in ('active', 'ended', 'closed')),
    units_paid   bigint not null check (units_paid >= 0),
    started_at   timestamptz not null,
    ends_at      timestamptz,
    state        jsonb not null,
    block_number bigint not null
);
create index engagements_newest on engagements (started_at desc, id);
create index engagements_of_bounty on engagements (bounty_id);
create index engagements_of_runner on engagements (runner, started_at desc);
create index engagements_open on engagements (id) where status <> 'closed';

create table payouts (
    chain_id      bigint not null,
    block_number  bigint not null,
    log_index     bigint not null,
    engagement_id bytea not null check (length(engagement_id) = 32),
    payee         bytea not null check (length(payee) = 20),
    submitter     bytea not null check (length(submitter) = 20),
    units         bigint not null,
    amount        numeric(78, 0) not null,
    relay_fee     numeric(78, 0) not null,
    tx_hash       bytea not null check (length(tx_hash) = 32),
    block_time    timestamptz not null,
    primary key (chain_id, block_number, log_index)
);
create index payouts_of_engagement on payouts (engagement_id, block_number, log_index);

create table balances (
    chain_id     bigint not null,
    account      bytea not null check (length(account) = 20),
    token        bytea not null check (length(token) = 20),
    balance      numeric(78, 0) not null check (balance >= 0),
    block_number bigint not null,
    primary key (chain_id, account, token)
);

-- What happened, in the order it became visible; never rewritten. A reorg appends `reverted` rows. Written by the indexer,
-- read by event streams, which resume at any `seq`.
create table feed (
    seq           bigint generated always as identity primary key,
    chain_id      bigint not null,
    name          text not null,
    bounty_id     bytea,
    engagement_id bytea,
    payload       jsonb not null,
    created_at    timestamptz not null default now()
);

create index feed_of_bounty on feed (bounty_id, seq) where bounty_id is not null;
create index feed_of_engagement on feed (engagement_id, seq) where engagement_id is not null;

create function announce_feed() returns trigger language plpgsql as $$
begin
    perform pg_notify('piecework_feed', '');
    return null;
end $$;
create trigger feed_announced after insert on feed for each statement execute function announce_feed();
