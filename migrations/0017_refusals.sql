-- How many units a verdict did not count. `refused` has the first of them: a verifier's report may have tens of thousands.
alter table verdicts add column refused_count bigint not null default 0;
update verdicts set refused_count = jsonb_array_length(refused);
