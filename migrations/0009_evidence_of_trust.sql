-- How runners want to be paid: the newest word of each, signed by it. Written by `piecework serve`, read by `work`.
create table payout_wishes (
    engagement_id bytea primary key check (length(engagement_id) = 32),
    every_seconds bigint not null check (every_seconds >= 0),
    amount_min    numeric(39, 0) not null,
    gas_price_max numeric(39, 0) not null,
    at_end        boolean not null,
    since         timestamptz not null,
    signature     bytea not null check (length(signature) = 65)
);

-- Two claims by one node for one number and revision: what `slashNode` takes, the first pair of each engagement. Written by `piecework
-- serve`; `work` reports it and moves `due_at` on.
create table equivocations (
    engagement_id bytea primary key check (length(engagement_id) = 32),
    chain_id      bigint not null,
    number        bigint not null check (number >= 0),
    revision      bigint not null check (revision >= 0),
    hashes        bytea[] not null check (array_length(hashes, 1) = 2),
    signatures    bytea[] not null check (array_length(signatures, 1) = 2),
    found_at      timestamptz not null default now(),
    due_at        timestamptz not null default now()
);
create index equivocations_due on equivocations (chain_id, due_at);
create trigger equivocations_announced after insert on equivocations for each statement execute function announce_work();
alter table txs drop constraint txs_kind_check,
    add constraint txs_kind_check check (kind in ('post_from_deposit', 'award', 'redeem', 'slash_node'));

-- What posters committed to about epochs that they know to be bad, and what that was once they said so. Written by `piecework serve`.
create table canaries (
    engagement_id bytea not null check (length(engagement_id) = 32),
    commitment    bytea not null check (length(commitment) = 32),
    signature     bytea not null check (length(signature) = 65),
    committed_at  timestamptz not null default now(),
    opened_at     timestamptz,
    epoch         bigint check (epoch >= 0),
    units_max     bigint check (units_max >= 0),
    salt          bytea check (length(salt) = 32),
    primary key (engagement_id, commitment),
    check ((opened_at is null) = (epoch is null) and (epoch is null) = (units_max is null) and (epoch is null) = (salt is null))
);
create index canaries_opened on canaries (engagement_id, epoch) where opened_at is not null;

-- A verifier's record.
create index verdicts_of_verifier on verdicts (verifier, statement_id desc);
