-- Full-text search over what specs say. Written with the spec, from its title and description.
alter table specs add column search tsvector not null default '';
update specs set search = to_tsvector('simple', title);
create index specs_by_text on specs using gin (search);
