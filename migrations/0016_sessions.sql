-- Sign-In with Ethereum. Written by the API, which also deletes what is over.

-- Each is good for one sign-in.
create table auth_nonces (
    nonce      text primary key check (length(nonce) <= 64),
    expires_at timestamptz not null
);
create index auth_nonces_by_expiry on auth_nonces (expires_at);

create table sessions (
    id         bytea primary key check (length(id) = 16),
    account    bytea not null check (length(account) = 20),
    scopes     text[] not null,
    created_at timestamptz not null default now(),
    expires_at timestamptz not null,
    refreshes  bigint not null default 0,
    -- 'logged_out', 'refresh_reused' or 'too_many'
    revoked    text
);
create index sessions_of_account on sessions (account, created_at) where revoked is null;
create index sessions_by_expiry on sessions (expires_at);

-- Hashes, never the tokens. A used one is kept as long as its session, so that its second use shows that it was stolen.
create table refresh_tokens (
    hash       bytea primary key check (length(hash) = 32),
    session_id bytea not null references sessions on delete cascade,
    expires_at timestamptz not null,
    used_at    timestamptz
);
create index refresh_tokens_of_session on refresh_tokens (session_id);
