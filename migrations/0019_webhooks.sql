-- Webhooks: the stream of events, pushed. Their settings are written by the API, their progress by `piecework work`.
create table webhooks (
    id              bytea primary key check (length(id) = 16),
    account         bytea not null check (length(account) = 20),
    url             text not null check (length(url) <= 2048),
    -- What signs messages (Standard Webhooks); the one before signs, too, for a while after a change.
    secret          bytea not null check (length(secret) = 32),
    old_secret      bytea check (length(old_secret) = 32),
    old_until       timestamptz,
    -- Which items of the stream: of one bounty, engagement or account, and by name. Null is everything.
    bounty_id       bytea check (length(bounty_id) = 32),
    engagement_id   bytea check (length(engagement_id) = 32),
    about_account   bytea check (length(about_account) = 20),
    names           text[],
    -- Everything up to this item was answered with 2xx, or is not asked for.
    seq             bigint not null,
    created_at      timestamptz not null default now(),
    -- Why nothing is sent any more: 'gone' or 'failing'.
    disabled        text check (disabled in ('gone', 'failing')),
    -- Failures since the last success, when they began, and what the last one was.
    failures        integer not null default 0,
    failing_since   timestamptz,
    last_error      text,
    delivered_at    timestamptz,
    -- The last answer took long: it waits its turn among others of its kind.
    slow            boolean not null default false,
    -- Not looked at before.
    next_at         timestamptz not null default now()
);
create index webhooks_of_account on webhooks (account, created_at);
create index webhooks_due on webhooks (slow, next_at) where disabled is null;
