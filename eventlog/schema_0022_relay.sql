-- What the relay has brought to Kafka, by partition, and from where somebody wants it brought again.
SET ROLE gatehouse_project;

ALTER TABLE doors.positions ADD COLUMN counts bigint[], ADD COLUMN replay_from bigint;

RESET ROLE;
