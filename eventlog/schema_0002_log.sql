-- The log's tables. Nothing in them says a name, a PIN or a card in clear.
SET ROLE gatehouse_owner;

CREATE TABLE log.events (
    position bigint NOT NULL UNIQUE,
    community uuid NOT NULL,
    stream uuid NOT NULL,
    version int NOT NULL,
    type text NOT NULL,
    subject uuid,
    recorded_at timestamptz NOT NULL,
    actor text NOT NULL,
    command_id uuid NOT NULL,
    cause text,
    body bytea NOT NULL,
    hash bytea NOT NULL,
    PRIMARY KEY (community, stream, version)
);

-- Every accepted command, also one that decided nothing: then it has no positions.
CREATE TABLE log.commands (
    actor text NOT NULL,
    command_id uuid NOT NULL,
    community uuid NOT NULL,
    fingerprint bytea NOT NULL,
    first_position bigint,
    last_position bigint,
    answer bigint NOT NULL,
    events int NOT NULL,
    PRIMARY KEY (actor, command_id)
);

-- Who owns a value: `key` is a keyed hash of it. A fold of the log gives the same rows.
CREATE TABLE log.claims (
    community uuid NOT NULL,
    kind text NOT NULL,
    key bytea NOT NULL,
    discriminator uuid NOT NULL DEFAULT '00000000-0000-0000-0000-000000000000',
    owner uuid NOT NULL,
    place uuid,
    PRIMARY KEY (community, kind, key, discriminator)
);
CREATE INDEX claims_by_owner ON log.claims (community, owner, kind);

-- The keys of subjects, wrapped by the master key; under the nil subject a community's index key.
CREATE TABLE log.keys (
    community uuid NOT NULL,
    subject uuid NOT NULL,
    key_id bytea NOT NULL,
    wrapped bytea,
    destroyed_at timestamptz,
    PRIMARY KEY (community, subject),
    CHECK ((wrapped IS NULL) = (destroyed_at IS NOT NULL))
);

CREATE FUNCTION log.refuse_change() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    RAISE EXCEPTION '% is append-only', TG_TABLE_NAME USING ERRCODE = 'GH009';
END
$$;

CREATE TRIGGER append_only BEFORE UPDATE OR DELETE OR TRUNCATE ON log.events
    FOR EACH STATEMENT EXECUTE FUNCTION log.refuse_change();
CREATE TRIGGER append_only BEFORE UPDATE OR DELETE OR TRUNCATE ON log.commands
    FOR EACH STATEMENT EXECUTE FUNCTION log.refuse_change();

GRANT SELECT ON log.events, log.commands, log.claims, log.keys
    TO gatehouse_append, gatehouse_read, gatehouse_project;

RESET ROLE;
