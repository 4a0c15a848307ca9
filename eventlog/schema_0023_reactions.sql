-- How far each partition is, for who follows them one by one.
SET ROLE gatehouse_project;

ALTER TABLE doors.positions ADD COLUMN partitions bigint[];

RESET ROLE;
