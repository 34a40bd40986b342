-- Lists of open bounties by what they pay and when they close. Null: without a unit time there is no pay per hour, and without a bond none
-- per bond. Exact to the scale of numeric's division, which is the same on every machine: cursors hold these numbers.
create function pay_per_hour(rate_max numeric, state jsonb) returns numeric language sql immutable parallel safe as $$
    select rate_max * 3600 / nullif((state #>> '{terms,unitSeconds}')::numeric, 0)
$$;
create function pay_per_bond(rate_max numeric, bond numeric, state jsonb) returns numeric language sql immutable parallel safe as $$
    select rate_max * 3600 / nullif((state #>> '{terms,unitSeconds}')::numeric, 0) / nullif(bond, 0)
$$;
create index bounties_by_pay on bounties (token, pay_per_hour(rate_max, state) desc, id)
    where seats_taken < seats and pay_per_hour(rate_max, state) is not null;
create index bounties_by_pay_per_bond on bounties (token, pay_per_bond(rate_max, bond, state) desc, id)
    where seats_taken < seats and pay_per_bond(rate_max, bond, state) is not null;
create index bounties_by_deadline on bounties (open_until, id) where seats_taken < seats;
