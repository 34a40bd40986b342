-- A settlement through the facilitator is told once: a seller takes every success for a purchase.
alter table x402_payments add column told boolean not null default false;

-- What a payer has under way is counted against what it holds.
create index x402_under_way on x402_payments (chain_id, asset, payer) where state = 'sent';
