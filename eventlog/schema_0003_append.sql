-- The only way into the log: a group of commands in one call, all or nothing, in one order.
SET ROLE gatehouse_owner;

-- All claims of a kind in a community under another discriminator, or the clashing owners.
CREATE FUNCTION log.rescope(home uuid, what text, to_place bool) RETURNS void LANGUAGE plpgsql AS $$
DECLARE
    nobody CONSTANT uuid := '00000000-0000-0000-0000-000000000000';
    clashes json;
BEGIN
    SELECT json_agg(owner ORDER BY owner::text) INTO clashes FROM (
        SELECT c.owner, count(*) OVER (
            PARTITION BY c.key, CASE WHEN to_place THEN coalesce(c.place, nobody) ELSE nobody END) AS holders
        FROM log.claims c WHERE c.community = home AND c.kind = what) AS moved
    WHERE holders > 1;
    IF clashes IS NOT NULL THEN
        RAISE EXCEPTION 'claims would clash' USING ERRCODE = 'GH003',
            DETAIL = json_build_object('kind', what, 'owners', clashes);
    END IF;
    UPDATE log.claims
        SET discriminator = CASE WHEN to_place THEN coalesce(place, nobody) ELSE nobody END
        WHERE community = home AND kind = what;
END
$$;

-- What ends in `of` counts commands, what ends in `event(s)` counts events, both from 1; `ends` is
-- the number of events up to and including each command's. Claims move in steps: in each of them
-- kinds are rescoped, then released, then claimed.
-- Errors: GH001 a stream moved or a key is there already, GH002 a value is taken {kind},
-- GH003 values clash {kind, owners}; a unique violation of commands_pkey: answered before.
CREATE FUNCTION log.append(
    actors text[], command_ids uuid[], communities uuid[], fingerprints bytea[], causes text[], ends int[],
    guard_of int[], guard_streams uuid[], guard_versions int[],
    event_of int[], event_streams uuid[], event_versions int[], event_types text[],
    event_subjects uuid[], event_bodies bytea[],
    key_of int[], key_subjects uuid[], key_ids bytea[], keys_wrapped bytea[],
    rescope_steps int[], rescope_events int[], rescope_kinds text[], rescope_to_place bool[],
    release_steps int[], release_events int[], release_kinds text[],
    claim_steps int[], claim_events int[], claim_kinds text[], claim_keys bytea[],
    claim_discriminators uuid[], claim_places uuid[]
) RETURNS bigint  -- the head before
LANGUAGE plpgsql SECURITY DEFINER
SET search_path = pg_catalog, pg_temp
SET plan_cache_mode = force_generic_plan  -- each plan is an index look-up for each element
SET enable_seqscan = off
AS $$
DECLARE
    total CONSTANT int := cardinality(event_of);
    head bigint;
    chained bytea;
    last_at timestamptz;
    first_at timestamptz;
    first_us bigint;
    hashes bytea[];
    stored int;
    taken text;
BEGIN
    PERFORM pg_advisory_xact_lock(7450489151653700);

    SELECT e.position, e.hash, e.recorded_at INTO head, chained, last_at
        FROM log.events e ORDER BY e.position DESC LIMIT 1;
    head := coalesce(head, 0);
    chained := coalesce(chained, decode(repeat('00', 32), 'hex'));

    INSERT INTO log.commands
        SELECT actors[n], command_ids[n], communities[n], fingerprints[n],
            CASE WHEN coalesce(ends[n - 1], 0) < ends[n] THEN head + coalesce(ends[n - 1], 0) + 1 END,
            CASE WHEN coalesce(ends[n - 1], 0) < ends[n] THEN head + ends[n] END,
            head + ends[n], ends[n] - coalesce(ends[n - 1], 0)
        FROM generate_series(1, cardinality(actors)) AS n;  -- commands_pkey: answered before

    PERFORM FROM generate_series(1, cardinality(guard_of)) AS n
        WHERE guard_versions[n] <> coalesce((
            SELECT max(e.version) FROM log.events e
            WHERE e.community = communities[guard_of[n]] AND e.stream = guard_streams[n]), 0);
    IF found THEN
        RAISE EXCEPTION 'a stream moved' USING ERRCODE = 'GH001';
    END IF;
    IF total = 0 THEN
        RETURN head;
    END IF;

    IF cardinality(key_of) > 0 THEN
        INSERT INTO log.keys (community, subject, key_id, wrapped)
            SELECT communities[key_of[n]], key_subjects[n], key_ids[n], keys_wrapped[n]
            FROM generate_series(1, cardinality(key_of)) AS n
            ON CONFLICT (community, subject) DO UPDATE  -- one who was forgotten comes back
                SET key_id = excluded.key_id, wrapped = excluded.wrapped, destroyed_at = NULL
                WHERE keys.wrapped IS NULL;
        GET DIAGNOSTICS stored = ROW_COUNT;
        IF stored < cardinality(key_of) THEN
            RAISE EXCEPTION 'a key is there already' USING ERRCODE = 'GH001';
        END IF;
    END IF;

    FOR step IN 1 .. coalesce(greatest(
        rescope_steps[cardinality(rescope_steps)],
        release_steps[cardinality(release_steps)],
        claim_steps[cardinality(claim_steps)]), 0)
    LOOP
        IF step = ANY (rescope_steps) THEN
            PERFORM log.rescope(communities[event_of[r.event]], r.kind, r.to_place)
                FROM unnest(rescope_steps, rescope_events, rescope_kinds, rescope_to_place)
                    AS r(at, event, kind, to_place)
                WHERE r.at = step;
        END IF;
        IF step = ANY (release_steps) THEN
            -- A claim finds the owner who gives the value up only later.
            IF claim_events[1] < release_events[cardinality(release_events)] THEN
                SELECT claim_kinds[n] INTO taken FROM generate_series(1, cardinality(claim_steps)) AS n
                    WHERE claim_steps[n] = step AND EXISTS (
                        SELECT FROM log.claims c
                        WHERE c.community = communities[event_of[claim_events[n]]] AND c.kind = claim_kinds[n]
                            AND c.key = claim_keys[n] AND c.discriminator = claim_discriminators[n]
                            AND c.owner <> event_streams[claim_events[n]] AND NOT EXISTS (
                                SELECT FROM generate_series(1, cardinality(release_steps)) AS r
                                WHERE release_steps[r] = step AND release_kinds[r] = c.kind
                                    AND release_events[r] < claim_events[n]
                                    AND communities[event_of[release_events[r]]] = c.community
                                    AND event_streams[release_events[r]] = c.owner))
                    ORDER BY n LIMIT 1;
                EXIT WHEN taken IS NOT NULL;
            END IF;
            DELETE FROM log.claims c
                USING unnest(release_steps, release_events, release_kinds) AS r(at, event, kind)
                WHERE r.at = step AND c.community = communities[event_of[r.event]]
                    AND c.owner = event_streams[r.event] AND c.kind = r.kind;
        END IF;
        IF step = ANY (claim_steps) THEN
            INSERT INTO log.claims
                SELECT communities[event_of[claim_events[n]]], claim_kinds[n], claim_keys[n],
                    claim_discriminators[n], event_streams[claim_events[n]], claim_places[n]
                FROM generate_series(1, cardinality(claim_steps)) AS n
                WHERE claim_steps[n] = step
                ON CONFLICT DO NOTHING;
            GET DIAGNOSTICS stored = ROW_COUNT;
            IF stored < cardinality(array_positions(claim_steps, step)) THEN
                SELECT w.kind INTO taken
                    FROM unnest(claim_steps, claim_events, claim_kinds, claim_keys, claim_discriminators)
                        AS w(at, event, kind, key, discriminator)
                    JOIN log.claims c ON c.community = communities[event_of[w.event]] AND c.kind = w.kind
                        AND c.key = w.key AND c.discriminator = w.discriminator
                    WHERE w.at = step AND c.owner <> event_streams[w.event]
                    ORDER BY w.event LIMIT 1;
                EXIT WHEN taken IS NOT NULL;
            END IF;
        END IF;
    END LOOP;
    IF taken IS NOT NULL THEN
        RAISE EXCEPTION 'a value is taken' USING ERRCODE = 'GH002', DETAIL = json_build_object('kind', taken);
    END IF;

    first_at := greatest(clock_timestamp(), last_at + interval '1 microsecond');
    first_us := extract(epoch FROM first_at) * 1000000;
    hashes := array_fill(NULL::bytea, ARRAY[total]);
    FOR i IN 1 .. total LOOP
        -- bytea[] goes over the wire as 20 bytes of head, then each field after its length.
        chained := sha256(substr(array_send(ARRAY[
            chained, int8send(head + i), uuid_send(communities[event_of[i]]), uuid_send(event_streams[i]),
            int4send(event_versions[i]), convert_to(event_types[i], 'UTF8'), uuid_send(event_subjects[i]),
            int8send(first_us + i - 1), convert_to(actors[event_of[i]], 'UTF8'),
            uuid_send(command_ids[event_of[i]]), convert_to(causes[event_of[i]], 'UTF8'),
            sha256(event_bodies[i])]), 21));
        hashes[i] := chained;
    END LOOP;

    INSERT INTO log.events
        SELECT head + n, communities[event_of[n]], event_streams[n], event_versions[n], event_types[n],
            event_subjects[n], first_at + (n - 1) * interval '1 microsecond', actors[event_of[n]],
            command_ids[event_of[n]], causes[event_of[n]], event_bodies[n], hashes[n]
        FROM generate_series(1, total) AS n;

    PERFORM pg_notify('log', (head + total)::text);
    RETURN head;
END
$$;

-- A community's key for keyed hashes, made on first need; of several that try at once, one wins.
CREATE FUNCTION log.index_key(home uuid, id bytea, fresh bytea) RETURNS bytea
LANGUAGE plpgsql SECURITY DEFINER SET search_path = pg_catalog, pg_temp AS $$
DECLARE
    nobody CONSTANT uuid := '00000000-0000-0000-0000-000000000000';
    kept bytea;
BEGIN
    INSERT INTO log.keys (community, subject, key_id, wrapped) VALUES (home, nobody, id, fresh)
        ON CONFLICT DO NOTHING;
    SELECT wrapped INTO STRICT kept FROM log.keys WHERE community = home AND subject = nobody;
    RETURN kept;
END
$$;

-- Nobody can open again what was sealed for these.
CREATE FUNCTION log.forget(home uuid, subjects uuid[]) RETURNS void
LANGUAGE sql SECURITY DEFINER SET search_path = pg_catalog, pg_temp AS $$
    UPDATE log.keys SET wrapped = NULL, destroyed_at = clock_timestamp()
        WHERE community = home AND subject = ANY (subjects) AND wrapped IS NOT NULL;
$$;

REVOKE EXECUTE ON ALL FUNCTIONS IN SCHEMA log FROM PUBLIC;
GRANT EXECUTE ON FUNCTION log.append TO gatehouse_append;
GRANT EXECUTE ON FUNCTION log.forget TO gatehouse_append;
GRANT EXECUTE ON FUNCTION log.index_key TO gatehouse_append, gatehouse_read, gatehouse_project;

RESET ROLE;
