-- What people send to the API: specs, offers, bids, awards. Written by `piecework serve`, read by `work` and `verify` (over HTTP).

-- Canonical JSON of specs, named by its keccak256.
create table specs (
    hash       bytea primary key check (length(hash) = 32),
    kind       text not null,
    title      text not null,
    body       bytea not null check (length(body) <= 16384),
    created_at timestamptz not null default now()
);

-- Terms announced before (or without) being posted on chain: the worker watches their deposit addresses.
create table offers (
    bounty_id       bytea primary key check (length(bounty_id) = 32),
    chain_id        bigint not null,
    terms           jsonb not null,
    verifiers       jsonb not null,
    spec_hash       bytea not null references specs,
    deposit_address bytea not null check (length(deposit_address) = 20),
    cost            numeric(78, 0) not null,
    open_until      timestamptz not null,
    created_at      timestamptz not null default now()
);
create index offers_open on offers (chain_id, open_until);

-- Signed bids. The id is the bid's struct hash, which becomes the engagement's id.
create table bids (
    id           bytea primary key check (length(id) = 32),
    bounty_id    bytea not null check (length(bounty_id) = 32),
    runner       bytea not null check (length(runner) = 20),
    rate         numeric(78, 0) not null,
    expires_at   timestamptz not null,
    bid          jsonb not null,
    signature    bytea not null check (length(signature) <= 4096),
    withdrawn_at timestamptz,
    created_at   timestamptz not null default now()
);
create index bids_of_bounty on bids (bounty_id, rate, created_at);

-- Signed awards. The worker relays them: `tx_id` is the transaction that does.
create table awards (
    bid_id     bytea primary key references bids,
    bounty_id  bytea not null check (length(bounty_id) = 32),
    expires_at timestamptz not null,
    award      jsonb not null,
    signature  bytea not null check (length(signature) <= 4096),
    created_at timestamptz not null default now()
);
