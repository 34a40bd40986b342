-- Payments that somebody else submitted: no transaction of ours tells when a reorg takes theirs away, so they are looked at again.
create index x402_settled_by_others on x402_payments (chain_id, created_at) where state = 'settled' and tx_id is null;
