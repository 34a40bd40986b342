-- The operator paid for a transaction of this payment that reverted: it does not pay twice.
alter table x402_payments add column reverted boolean not null default false;
create index x402_reverted on x402_payments (asset, payer, created_at) where reverted;
