-- Pictures of people, each sealed with the key of its subject (ADR 19). `key` is the keyed hash that
-- the claim on the picture has, too: what no claim names any more is gone with the claim.
SET ROLE gatehouse_owner;

CREATE TABLE log.photos (
    community uuid NOT NULL,
    subject uuid NOT NULL,
    key bytea NOT NULL,
    sealed bytea NOT NULL,
    claimed boolean NOT NULL DEFAULT false,
    kept_at timestamptz NOT NULL DEFAULT clock_timestamp(),
    PRIMARY KEY (community, subject, key)
);
CREATE INDEX photos_unclaimed ON log.photos (kept_at) WHERE NOT claimed;
ALTER TABLE log.photos ALTER COLUMN sealed SET STORAGE EXTERNAL;  -- what is sealed does not shrink

-- Before the append that claims it. What was kept for an append that never came is dropped.
CREATE FUNCTION log.keep_photo(home uuid, whose uuid, name bytea, box bytea) RETURNS void
LANGUAGE sql SECURITY DEFINER SET search_path = pg_catalog, pg_temp AS $$
    DELETE FROM log.photos WHERE NOT claimed AND kept_at < clock_timestamp() - interval '1 hour';
    INSERT INTO log.photos (community, subject, key, sealed) VALUES (home, whose, name, box)
        ON CONFLICT (community, subject, key) DO UPDATE
            SET sealed = excluded.sealed, kept_at = excluded.kept_at;
$$;

CREATE FUNCTION log.claim_photo() RETURNS trigger
LANGUAGE plpgsql SECURITY DEFINER SET search_path = pg_catalog, pg_temp AS $$
BEGIN
    UPDATE log.photos SET claimed = true
        WHERE community = NEW.community AND subject = NEW.owner AND key = NEW.key;
    RETURN NULL;
END
$$;

CREATE FUNCTION log.drop_photo() RETURNS trigger
LANGUAGE plpgsql SECURITY DEFINER SET search_path = pg_catalog, pg_temp AS $$
BEGIN
    DELETE FROM log.photos
        WHERE community = OLD.community AND subject = OLD.owner AND key = OLD.key;
    RETURN NULL;
END
$$;

CREATE TRIGGER photo_claimed AFTER INSERT ON log.claims
    FOR EACH ROW WHEN (NEW.kind = 'photo') EXECUTE FUNCTION log.claim_photo();
CREATE TRIGGER photo_dropped AFTER DELETE ON log.claims
    FOR EACH ROW WHEN (OLD.kind = 'photo') EXECUTE FUNCTION log.drop_photo();

-- Nobody can open again what was sealed for these; their pictures are gone as well.
CREATE OR REPLACE FUNCTION log.forget(home uuid, subjects uuid[]) RETURNS void
LANGUAGE sql SECURITY DEFINER SET search_path = pg_catalog, pg_temp AS $$
    UPDATE log.keys SET wrapped = NULL, destroyed_at = clock_timestamp()
        WHERE community = home AND subject = ANY (subjects) AND wrapped IS NOT NULL;
    DELETE FROM log.photos WHERE community = home AND subject = ANY (subjects);
$$;

REVOKE EXECUTE ON FUNCTION log.keep_photo, log.claim_photo, log.drop_photo FROM PUBLIC;
GRANT EXECUTE ON FUNCTION log.keep_photo TO gatehouse_append;
GRANT SELECT ON log.photos TO gatehouse_append;

RESET ROLE;
