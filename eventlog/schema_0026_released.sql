-- Who gave a PIN or card up, and when: a phone that was out of reach may still open for it (D8).
SET ROLE gatehouse_owner;

CREATE TABLE log.released (
    community uuid NOT NULL,
    kind text NOT NULL,
    key bytea NOT NULL,
    discriminator uuid NOT NULL,
    owner uuid NOT NULL,
    at timestamptz NOT NULL,
    PRIMARY KEY (community, kind, key, discriminator)
);

CREATE FUNCTION log.remember_released() RETURNS trigger
LANGUAGE plpgsql SECURITY DEFINER SET search_path = pg_catalog, pg_temp AS $$
BEGIN
    INSERT INTO log.released
        SELECT community, kind, key, discriminator, owner, clock_timestamp() FROM gone
        WHERE kind IN ('pin', 'card')
        ON CONFLICT (community, kind, key, discriminator)
            DO UPDATE SET owner = excluded.owner, at = excluded.at;
    RETURN NULL;
END
$$;
CREATE TRIGGER remember AFTER DELETE ON log.claims REFERENCING OLD TABLE AS gone
    FOR EACH STATEMENT EXECUTE FUNCTION log.remember_released();

-- As before, and what is kept as long as the reports are.
CREATE OR REPLACE FUNCTION log.drop_reports_before(day date) RETURNS int
LANGUAGE plpgsql SECURITY DEFINER SET search_path = pg_catalog, pg_temp AS $$
DECLARE
    partition text;
    dropped int := 0;
BEGIN
    PERFORM pg_advisory_xact_lock(7450489151653702);
    FOR partition IN
        SELECT c.relname FROM pg_inherits i JOIN pg_class c ON c.oid = i.inhrelid
        WHERE i.inhparent = 'log.reports'::regclass AND to_date(substr(c.relname, 9), 'YYYYMMDD') < day
    LOOP
        EXECUTE format('DROP TABLE log.%I', partition);
        dropped := dropped + 1;
    END LOOP;
    DELETE FROM log.released r WHERE (r.at AT TIME ZONE 'UTC')::date < day;
    RETURN dropped;
END
$$;

GRANT SELECT ON log.released TO gatehouse_append;
REVOKE EXECUTE ON FUNCTION log.remember_released FROM PUBLIC;

RESET ROLE;
SET ROLE gatehouse_project;

-- Null before a phone was reached or missed; and who of its people does not stand there as wanted.
ALTER TABLE doors.lanes ALTER COLUMN online DROP NOT NULL, ADD COLUMN trying jsonb NOT NULL DEFAULT '[]';

RESET ROLE;
