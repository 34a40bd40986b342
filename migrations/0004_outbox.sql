-- The operator's transactions. Written and read by `piecework work` alone.

-- A transaction is decided on (queued), signed and stored, then sent as often as needed: always the same bytes.
create table txs (
    id           bigint generated always as identity primary key,
    chain_id     bigint not null,
    kind         text not null check (kind in ('post_from_deposit', 'award', 'redeem')),
    subject      bytea not null check (length(subject) = 32),
    data         bytea not null,
    state        text not null default 'queued' check (state in ('queued', 'signed', 'mined', 'failed')),
    sender       bytea check (length(sender) = 20),
    nonce        bigint,
    raw          bytea,
    tx_hash      bytea check (length(tx_hash) = 32),
    block_number bigint,
    gas_used     bigint,
    units        bigint,
    error        text,
    created_at   timestamptz not null default now(),
    updated_at   timestamptz not null default now(),
    check (state = 'queued' or state = 'failed' or (raw is not null and nonce is not null and tx_hash is not null))
);
-- Several workers can't decide on the same thing twice.
create unique index txs_one_open on txs (chain_id, kind, subject) where state in ('queued', 'signed');
create unique index txs_one_per_nonce on txs (chain_id, sender, nonce) where state in ('signed', 'mined');
create index txs_open on txs (state, id) where state in ('queued', 'signed');
create index txs_of_subject on txs (subject, id);

create function announce_work() returns trigger language plpgsql as $$
begin
    perform pg_notify('piecework_work', '');
    return null;
end $$;
create trigger awards_announced after insert on awards for each statement execute function announce_work();
create trigger offers_announced after insert on offers for each statement execute function announce_work();
create trigger verdicts_announced after insert on verdicts for each statement execute function announce_work();
