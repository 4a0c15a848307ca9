-- Whose the doors of a partition are to write to, until when; and up to where that one has heard.
SET ROLE gatehouse_project;

CREATE TABLE doors.leases (
    partition int PRIMARY KEY,
    holder text NOT NULL,
    epoch bigint NOT NULL,
    until timestamptz NOT NULL,
    position bigint NOT NULL DEFAULT 0
);
ALTER TABLE doors.lanes ADD COLUMN partition int;

RESET ROLE;
