-- Where nodes of `rpc` engagements serve: the newest word of each, signed by it. Written by `piecework serve`.
create table endpoints (
    engagement_id bytea primary key check (length(engagement_id) = 32),
    url           text not null check (length(url) <= 512),
    since         timestamptz not null,
    signature     bytea not null check (length(signature) = 65)
);
