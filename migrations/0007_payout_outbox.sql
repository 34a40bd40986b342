-- The outbox of payouts, and transactions with more than one attempt.

-- When an engagement's payout is looked at next: a row for each that has verdicts. Written by the API in the db_tx that stores a verdict, and
-- by the worker, which claims rows in batches.
create table dues (
    engagement_id bytea primary key check (length(engagement_id) = 32),
    chain_id      bigint not null,
    due_at        timestamptz not null,
    -- Until then a worker looks at it; one that died leaves it to another.
    taken_until   timestamptz,
    -- The open transaction that pays it.
    tx_id         bigint references txs,
    -- When the newest transaction that pays it was signed.
    sent_at       timestamptz,
    -- Attempts in a row that the escrow refused.
    failures      integer not null default 0,
    -- Why the last look sent nothing: a stable code, and in words.
    reason        text,
    detail        text
);
create index dues_ready on dues (chain_id, due_at) where tx_id is null;
create index dues_taken on dues (chain_id, taken_until) where taken_until is not null;
create index dues_under_way on dues (tx_id) where tx_id is not null;

insert into dues (engagement_id, chain_id, due_at)
select e.id, e.chain_id, now() from engagements e
where e.status <> 'closed' and exists (select from verdicts v where v.engagement_id = e.id);

-- What each redeeming transaction pays. Written by the worker.
create table tx_payouts (
    tx_id         bigint not null references txs,
    engagement_id bytea not null check (length(engagement_id) = 32),
    units         bigint not null,
    faults        bigint not null,
    primary key (tx_id, engagement_id)
);

-- The signed bytes of a transaction, once for each fee it was signed with; all have its nonce, so one is mined at most.
create table tx_attempts (
    tx_id                    bigint not null references txs,
    tx_hash                  bytea not null check (length(tx_hash) = 32),
    raw                      bytea not null,
    max_fee_per_gas          numeric(39, 0) not null,
    max_priority_fee_per_gas numeric(39, 0) not null,
    signed_at                timestamptz not null default now(),
    primary key (tx_id, tx_hash)
);

-- `queued` → `signed` → `mined` → `final`, back to `signed` where a reorg took it away; or `failed`.
alter table txs drop constraint txs_state_check, drop constraint txs_check;
update txs set state = 'failed', error = 'sent by an older version' where state in ('queued', 'signed');
alter table txs drop column raw, drop column units, add column gas_limit bigint;
update txs set gas_limit = coalesce(gas_used, 0) where nonce is not null;
alter table txs
    add constraint txs_state_check check (state in ('queued', 'signed', 'mined', 'final', 'failed')),
    add constraint txs_check check (state in ('queued', 'failed') or (nonce is not null and gas_limit is not null));
drop index txs_one_per_nonce, txs_open;
create unique index txs_one_per_nonce on txs (chain_id, sender, nonce) where state in ('signed', 'mined', 'final');
create index txs_open on txs (chain_id, sender, nonce) where state in ('signed', 'mined');
create index txs_queued on txs (chain_id, id) where state = 'queued';

-- What is proven and not paid is found without reading an engagement's whole history.
create index verdicts_by_units on verdicts (engagement_id, units);
create index verdicts_by_faults on verdicts (engagement_id, faults);

-- The chain whose blocks a spec is about. In canonical JSON a quote inside a string is escaped: this is the member, never a text.
alter table specs add column chain_id bigint;
update specs set chain_id = substring(convert_from(body, 'UTF8') from '"chainId":([0-9]{1,16})')::bigint;
