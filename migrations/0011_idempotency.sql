-- Answers of requests that came with an Idempotency-Key, kept for a day. Written and read by `piecework serve`.
create table idempotency_keys (
    key          text primary key check (length(key) between 1 and 200),
    -- Of method, path, payment and body: the same key with something else is a mistake of the caller's.
    fingerprint  bytea not null check (length(fingerprint) = 32),
    -- Absent while the first request is under way.
    status       smallint,
    content_type text,
    body         bytea,
    created_at   timestamptz not null default now()
);
create index idempotency_keys_by_age on idempotency_keys (created_at);
