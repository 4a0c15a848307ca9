-- How far each read model is, live and in the making, and where each community last changed.
SET ROLE gatehouse_project;

CREATE TABLE read.positions (
    name text PRIMARY KEY,
    version text NOT NULL DEFAULT '',
    position bigint NOT NULL DEFAULT 0,
    failed text,
    moved_at timestamptz NOT NULL DEFAULT clock_timestamp()
);
CREATE TABLE read.versions (
    name text NOT NULL,
    community uuid NOT NULL,
    position bigint NOT NULL,
    PRIMARY KEY (name, community)
);
CREATE TABLE rebuild.positions (LIKE read.positions INCLUDING ALL);
CREATE TABLE rebuild.versions (LIKE read.versions INCLUDING ALL);

RESET ROLE;
