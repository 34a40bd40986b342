-- The mirror keeps what a reorg may need: every version of a row that a block above finality replaced. Events are partitioned by
-- month and are their own stream. All of this comes from the chain, so the old tables are dropped and indexed again.
drop table feed, balances, payouts, engagements, bounties, events, blocks, chains;
drop function announce_feed();

-- One row per settlement chain: the cursor, and how far it is certain. Moves together with the rows below.
create table chains (
    chain_id         bigint primary key,
    escrow           bytea not null check (length(escrow) = 20),
    start_block      bigint not null,
    block_number     bigint not null,
    block_hash       bytea not null check (length(block_hash) = 32),
    block_time       timestamptz not null,
    -- The newest mirrored blocks that the chain calls safe and final.
    safe_number      bigint not null,
    safe_hash        bytea not null check (length(safe_hash) = 32),
    finalized_number bigint not null,
    finalized_hash   bytea not null check (length(finalized_hash) = 32),
    updated_at       timestamptz not null default now(),
    check (finalized_number <= safe_number and safe_number <= block_number)
);

-- Headers of mirrored blocks from finality on: where a reorg's fork point is looked up.
create table blocks (
    chain_id    bigint not null references chains,
    number      bigint not null,
    hash        bytea not null check (length(hash) = 32),
    parent_hash bytea not null check (length(parent_hash) = 32),
    time        timestamptz not null,
    primary key (chain_id, number)
);

-- How far the stream of events has come. Whoever appends locks this row until it commits, so `seq` has no gaps and readers never
-- see a higher one before a lower one.
create table stream (
    one boolean primary key default true check (one),
    seq bigint not null default 0
);
insert into stream default values;

create function announce_stream() returns trigger language plpgsql as $$
begin
    perform pg_notify('piecework_feed', '');
    return null;
end $$;
create trigger stream_announced after update on stream for each statement execute function announce_stream();

-- Every event of the escrow, decoded. `seq` is its place in the stream, the one column that depends on when it was indexed.
create table events (
    chain_id      bigint not null,
    block_number  bigint not null,
    log_index     bigint not null,
    seq           bigint not null,
    block_hash    bytea not null,
    block_time    timestamptz not null,
    tx_hash       bytea not null,
    name          text not null,
    bounty_id     bytea,
    engagement_id bytea,
    payload       jsonb not null,
    primary key (chain_id, block_number, log_index, block_time)
) partition by range (block_time);
create index events_in_order on events (seq);
create index events_of_bounty on events (bounty_id, seq) where bounty_id is not null;
create index events_of_engagement on events (engagement_id, seq) where engagement_id is not null;

-- Makes sure that the month of a time has its partition. Attaching does not block readers.
create function ensure_events_partition(at timestamptz) returns void language plpgsql as $$
declare
    first date := date_trunc('month', at at time zone 'utc');
    name text := 'events_' || to_char(first, 'YYYY_MM');
begin
    if to_regclass(name) is not null then
        return;
    end if;
    -- Two chains may come to a month together.
    perform pg_advisory_xact_lock(hashtextextended(name, 0));
    if to_regclass(name) is null then
        execute format('create table %I (like events including defaults including constraints)', name);
        execute format('alter table events attach partition %I for values from (%L) to (%L)', name,
                       first::timestamp at time zone 'utc', (first + interval '1 month') at time zone 'utc');
    end if;
end $$;

-- What reorgs undid, for streams: the event as it was, with its old place and the place at which it was taken back.
create table reverted_events (
    like events,
    undone_seq        bigint primary key,
    fork_block_number bigint not null
);
create index reverted_events_in_order on reverted_events (seq);

-- Projections: the fold of a subject's events. `state` is the whole of it, the columns are what lists filter and sort by.
-- `block_number` is the block that made this version.
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
create index bounties_of_poster on bounties (poster, posted_at desc, id);
create index bounties_of_token on bounties (token, posted_at desc, id);
create index bounties_of_spec on bounties (spec_hash, posted_at desc, id);
create index bounties_with_seats on bounties (posted_at desc, id) where seats_taken < seats;

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
create index engagements_of_bounty on engagements (bounty_id, started_at desc, id);
create index engagements_of_runner on engagements (runner, started_at desc, id);
create index engagements_of_status on engagements (status, started_at desc, id);
create index engagements_open on engagements (id) where status <> 'closed';

create table balances (
    chain_id     bigint not null,
    account      bytea not null check (length(account) = 20),
    token        bytea not null check (length(token) = 20),
    balance      numeric(78, 0) not null check (balance >= 0),
    block_number bigint not null,
    primary key (chain_id, account, token)
);

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

-- Versions that were replaced in block `valid_to`, kept until that block is final.
create table bounties_past (like bounties, valid_to bigint not null, primary key (id, valid_to));
create index bounties_past_newest on bounties_past (posted_at desc, id);
create index bounties_past_by_block on bounties_past (chain_id, valid_to);
create table engagements_past (like engagements, valid_to bigint not null, primary key (id, valid_to));
create index engagements_past_newest on engagements_past (started_at desc, id);
create index engagements_past_by_block on engagements_past (chain_id, valid_to);
create table balances_past (like balances, valid_to bigint not null, primary key (chain_id, account, token, valid_to));
create index balances_past_by_block on balances_past (chain_id, valid_to);

-- All versions: the one that held at block n has block_number <= n < valid_to.
create view bounty_versions as
    select *, 9223372036854775807 as valid_to from bounties union all select * from bounties_past;
create view engagement_versions as
    select *, 9223372036854775807 as valid_to from engagements union all select * from engagements_past;
