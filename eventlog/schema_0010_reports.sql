-- What door phones said, kept for 30 days: a log of its own, in partitions by the day received (UTC).
SET ROLE gatehouse_owner;

CREATE TABLE log.reports (
    received_day date NOT NULL,
    position bigint NOT NULL,
    community uuid NOT NULL,
    device uuid NOT NULL,
    epoch int,  -- with id: the place in the phone's own log; null where no phone's log holds it
    id bigint,
    type text NOT NULL,
    recorded_at timestamptz NOT NULL,
    body bytea NOT NULL,
    hash bytea NOT NULL,
    PRIMARY KEY (position, received_day),
    UNIQUE (received_day, community, device, epoch, id)
) PARTITION BY RANGE (received_day);

-- What the next report follows, also when all before it are dropped.
CREATE TABLE log.report_head (
    only_one bool PRIMARY KEY DEFAULT true CHECK (only_one),
    position bigint NOT NULL,
    recorded_at timestamptz NOT NULL,
    hash bytea NOT NULL
);
INSERT INTO log.report_head (position, recorded_at, hash)
    VALUES (0, '-infinity', decode(repeat('00', 32), 'hex'));

CREATE TABLE log.report_cursors (
    community uuid NOT NULL,
    device uuid NOT NULL,
    epoch int NOT NULL,
    last_id bigint NOT NULL,
    moved_at timestamptz NOT NULL,
    PRIMARY KEY (community, device)
);

CREATE TRIGGER append_only BEFORE UPDATE OR DELETE ON log.reports
    FOR EACH ROW EXECUTE FUNCTION log.refuse_change();
CREATE TRIGGER no_truncate BEFORE TRUNCATE ON log.reports
    FOR EACH STATEMENT EXECUTE FUNCTION log.refuse_change();

-- A partition for the day and for the three after it.
CREATE FUNCTION log.make_report_partitions(day date) RETURNS void
LANGUAGE plpgsql SECURITY DEFINER SET search_path = pg_catalog, pg_temp AS $$
DECLARE
    partition text;
BEGIN
    FOR ahead IN 0 .. 3 LOOP
        partition := 'reports_' || to_char(day + ahead, 'YYYYMMDD');
        IF to_regclass('log.' || partition) IS NULL THEN
            EXECUTE format('CREATE TABLE log.%I PARTITION OF log.reports FOR VALUES FROM (%L) TO (%L)',
                partition, day + ahead, day + ahead + 1);
        END IF;
    END LOOP;
END
$$;
SELECT log.make_report_partitions((clock_timestamp() AT TIME ZONE 'UTC')::date);

-- The number of days dropped. The chain goes on from log.report_head.
CREATE FUNCTION log.drop_reports_before(day date) RETURNS int
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
    RETURN dropped;
END
$$;

-- The only way into the log of reports. The cursor moves to (`to_epoch`, `to_id`), if that is given, and
-- only from where the caller saw it (null: from nowhere), else GH001. Returns the new head.
CREATE FUNCTION log.append_reports(
    home uuid, phone uuid, from_epoch int, from_id bigint, to_epoch int, to_id bigint,
    epochs int[], ids bigint[], types text[], bodies bytea[]
) RETURNS bigint
LANGUAGE plpgsql SECURITY DEFINER SET search_path = pg_catalog, pg_temp AS $$
DECLARE
    head bigint;
    chained bytea;
    at timestamptz;
    moved int;
BEGIN
    PERFORM pg_advisory_xact_lock(7450489151653702);
    SELECT h.position, h.hash, greatest(clock_timestamp(), h.recorded_at + interval '1 microsecond')
        INTO STRICT head, chained, at FROM log.report_head h;
    IF to_regclass('log.reports_' || to_char(at AT TIME ZONE 'UTC' + interval '1 day', 'YYYYMMDD')) IS NULL THEN
        PERFORM log.make_report_partitions((at AT TIME ZONE 'UTC')::date);
    END IF;

    IF to_epoch IS NOT NULL THEN
        IF from_epoch IS NULL THEN
            INSERT INTO log.report_cursors VALUES (home, phone, to_epoch, to_id, at) ON CONFLICT DO NOTHING;
        ELSE
            UPDATE log.report_cursors c SET epoch = to_epoch, last_id = to_id, moved_at = at
                WHERE c.community = home AND c.device = phone AND c.epoch = from_epoch AND c.last_id = from_id;
        END IF;
        GET DIAGNOSTICS moved = ROW_COUNT;
        IF moved = 0 THEN
            RAISE EXCEPTION 'the cursor moved' USING ERRCODE = 'GH001';
        END IF;
    END IF;

    FOR i IN 1 .. cardinality(bodies) LOOP
        head := head + 1;
        chained := sha256('\x00000020'::bytea || chained
            || '\x00000008'::bytea || int8send(head)
            || '\x00000010'::bytea || uuid_send(home)
            || '\x00000010'::bytea || uuid_send(phone)
            || coalesce('\x00000004'::bytea || int4send(epochs[i]), '\xffffffff'::bytea)
            || coalesce('\x00000008'::bytea || int8send(ids[i]), '\xffffffff'::bytea)
            || int4send(octet_length(types[i])) || convert_to(types[i], 'UTF8')
            || '\x00000008'::bytea || int8send((extract(epoch FROM at) * 1000000)::bigint)
            || '\x00000020'::bytea || sha256(bodies[i]));
        INSERT INTO log.reports VALUES ((at AT TIME ZONE 'UTC')::date, head, home, phone, epochs[i], ids[i],
            types[i], at, bodies[i], chained);
        at := at + interval '1 microsecond';
    END LOOP;
    UPDATE log.report_head h
        SET position = head, hash = chained, recorded_at = at - interval '1 microsecond';
    PERFORM pg_notify('reports', head::text);
    RETURN head;
END
$$;

GRANT SELECT ON log.reports, log.report_head, log.report_cursors
    TO gatehouse_append, gatehouse_read, gatehouse_project;
REVOKE EXECUTE ON FUNCTION log.make_report_partitions, log.drop_reports_before, log.append_reports FROM PUBLIC;
GRANT EXECUTE ON FUNCTION log.append_reports, log.drop_reports_before TO gatehouse_append;

RESET ROLE;
