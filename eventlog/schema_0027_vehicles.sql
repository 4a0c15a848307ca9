-- Plates and tags that were given up are remembered as PINs and cards are (D8).
SET ROLE gatehouse_owner;

CREATE OR REPLACE FUNCTION log.remember_released() RETURNS trigger
LANGUAGE plpgsql SECURITY DEFINER SET search_path = pg_catalog, pg_temp AS $$
BEGIN
    INSERT INTO log.released
        SELECT community, kind, key, discriminator, owner, clock_timestamp() FROM gone
        WHERE kind IN ('pin', 'card', 'plate', 'uhf')
        ON CONFLICT (community, kind, key, discriminator)
            DO UPDATE SET owner = excluded.owner, at = excluded.at;
    RETURN NULL;
END
$$;

RESET ROLE;
