-- What nodes claim and verifiers find. Written by `piecework serve`, read by `work` and by everyone over HTTP. Never rewritten.

-- Evidence files, named by the keccak256 of their canonical JSON.
create table evidence (
    hash          bytea primary key check (length(hash) = 32),
    kind          text not null,
    engagement_id bytea not null check (length(engagement_id) = 32),
    author        bytea not null check (length(author) = 20),
    body          bytea not null check (length(body) <= 4194304),
    created_at    timestamptz not null default now()
);
create index evidence_of_engagement on evidence (engagement_id, created_at);

-- Block claims by an engagement's node, each once; two hashes for one number and revision can't both be stored.
create table block_claims (
    engagement_id bytea not null check (length(engagement_id) = 32),
    number        bigint not null check (number >= 0),
    revision      bigint not null check (revision >= 0),
    block_hash    bytea not null check (length(block_hash) = 32),
    signature     bytea not null check (length(signature) = 65),
    received_at   timestamptz not null default now(),
    constraint block_claims_once primary key (engagement_id, number, revision)
);

-- One signature per verifier and round.
create table statements (
    id          bigint generated always as identity primary key,
    chain_id    bigint not null,
    verifier    bytea not null check (length(verifier) = 20),
    root        bytea not null check (length(root) = 32),
    attested_at timestamptz not null,
    signature   bytea not null check (length(signature) <= 4096),
    created_at  timestamptz not null default now(),
    constraint statement_once unique (verifier, root, attested_at)
);

-- Verdicts with their Merkle proofs. One verdict per verifier, engagement and epoch, for ever.
create table verdicts (
    engagement_id bytea not null check (length(engagement_id) = 32),
    verifier      bytea not null check (length(verifier) = 20),
    epoch         bigint not null check (epoch >= 0),
    units         bigint not null check (units >= 0),
    faults        bigint not null check (faults >= 0),
    evidence_hash bytea not null references evidence,
    counted       bigint not null,
    fault         boolean not null,
    refused       jsonb not null,
    proof         bytea[] not null,
    statement_id  bigint not null references statements,
    constraint verdict_once primary key (engagement_id, verifier, epoch)
);
