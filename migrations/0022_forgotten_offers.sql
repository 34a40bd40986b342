-- Offers that nobody paid for, and specs of none, are forgotten a week after they were last announced; `kept` says that it was decided once
-- that they are not. Deposits of offers are looked at the more rarely the longer ago that is.
alter table offers add column announced_at timestamptz not null default now(),
    add column kept boolean not null default false,
    add column next_look_at timestamptz not null default now();
alter table specs add column announced_at timestamptz not null default now(),
    add column kept boolean not null default false;
update offers set announced_at = created_at;
update specs set announced_at = created_at;
create index offers_to_forget on offers (announced_at) where not kept;
create index specs_to_forget on specs (announced_at) where not kept;
create index offers_of_spec on offers (spec_hash);
drop index offers_open;
create index offers_to_look_at on offers (chain_id, next_look_at);
