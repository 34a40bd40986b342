-- Tokens the operator relays, and what payers need to sign for them. Written by `work` when it starts, read by `serve`.
create table relayed_tokens (
    chain_id   bigint not null,
    token      bytea not null check (length(token) = 20),
    -- What a payment must bring to be worth its gas, in base units.
    least      numeric(39, 0) not null,
    -- The token's EIP-712 domain; absent where it has no EIP-3009 authorizations.
    name       text,
    version    text,
    -- Whose transactions relay it.
    operator   bytea not null check (length(operator) = 20),
    primary key (chain_id, token),
    check ((name is null) = (version is null))
);

-- Payments by EIP-3009 authorization (x402 `exact`): stored before anything is sent, one row for what a token takes once. Written by `serve`
-- (pending) and by `work`: pending → sent → settled, back to pending where a transaction came to nothing; or failed.
create table x402_payments (
    id          bytea primary key check (length(id) = 32),
    chain_id    bigint not null,
    asset       bytea not null check (length(asset) = 20),
    payer       bytea not null check (length(payer) = 20),
    pay_to      bytea not null check (length(pay_to) = 20),
    amount      numeric(78, 0) not null,
    -- The authorization and its signature as the payer sent them.
    payload     jsonb not null,
    -- The bounty that it posts; absent where it is settled for somebody else's resource.
    bounty_id   bytea check (length(bounty_id) = 32),
    -- The payer's own name for it.
    identifier  text constraint x402_identifier_once unique check (length(identifier) between 16 and 128),
    -- Whether the signature is the payer's key's; otherwise only the token can tell.
    known_signer boolean not null,
    state       text not null default 'pending' check (state in ('pending', 'sent', 'settled', 'failed')),
    taken_until timestamptz,
    tx_id       bigint references txs,
    tx_hash     bytea check (length(tx_hash) = 32),
    reason      text,
    detail      text,
    created_at  timestamptz not null default now(),
    check ((state = 'failed') = (reason is not null)),
    check (state <> 'settled' or tx_hash is not null)
);
-- Nobody pays for a bounty that somebody else is just paying for.
create unique index x402_one_per_bounty on x402_payments (bounty_id) where state in ('pending', 'sent');
create index x402_pending on x402_payments (chain_id, created_at) where state = 'pending';
create index x402_failed on x402_payments (created_at) where state = 'failed';
create index x402_of_tx on x402_payments (tx_id) where tx_id is not null;

create trigger x402_announced after insert on x402_payments for each statement execute function announce_work();
create function announce_payment() returns trigger language plpgsql as $$
begin
    perform pg_notify('piecework_payments', '');
    return null;
end $$;
create trigger x402_settled after update on x402_payments for each statement execute function announce_payment();

-- A transaction to another contract than the escrow.
alter table txs add column target bytea check (length(target) = 20),
    drop constraint txs_kind_check,
    add constraint txs_kind_check check (kind in ('post_from_deposit', 'award', 'redeem', 'slash_node', 'x402'));
