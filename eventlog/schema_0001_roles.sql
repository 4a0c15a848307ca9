-- Who may do what. Roles belong to the whole server, so another database may have made them.
DO $$
DECLARE
    role text;
BEGIN
    FOREACH role IN ARRAY ARRAY['gatehouse_owner', 'gatehouse_append', 'gatehouse_read', 'gatehouse_project'] LOOP
        BEGIN
            EXECUTE format('CREATE ROLE %I NOINHERIT', role);
            IF role <> 'gatehouse_owner' THEN
                EXECUTE format('ALTER ROLE %I LOGIN', role);
            END IF;
        EXCEPTION WHEN duplicate_object OR unique_violation THEN
            NULL;
        END;
    END LOOP;
END
$$;

-- To hand things over, whoever migrates must be a member (a superuser is one of every role).
DO $$
DECLARE
    role text;
BEGIN
    IF NOT pg_has_role(current_user, 'gatehouse_owner', 'SET') THEN
        GRANT gatehouse_owner TO CURRENT_USER WITH SET TRUE;
    END IF;
    IF NOT pg_has_role(current_user, 'gatehouse_project', 'SET') THEN
        GRANT gatehouse_project TO CURRENT_USER WITH SET TRUE;
    END IF;
    -- With one DATABASE_URL the processes set their role after they have connected.
    FOREACH role IN ARRAY ARRAY['gatehouse_append', 'gatehouse_read'] LOOP
        IF NOT pg_has_role(current_user, role, 'SET') THEN
            EXECUTE format('GRANT %I TO CURRENT_USER WITH SET TRUE', role);
        END IF;
    END LOOP;
END
$$;

CREATE SCHEMA log AUTHORIZATION gatehouse_owner;
CREATE SCHEMA read AUTHORIZATION gatehouse_project;
CREATE SCHEMA rebuild AUTHORIZATION gatehouse_project;
CREATE SCHEMA doors AUTHORIZATION gatehouse_project;

GRANT USAGE ON SCHEMA log TO gatehouse_append, gatehouse_read, gatehouse_project;
GRANT USAGE ON SCHEMA read, doors TO gatehouse_read;

ALTER DEFAULT PRIVILEGES FOR ROLE gatehouse_project IN SCHEMA read GRANT SELECT ON TABLES TO gatehouse_read;
ALTER DEFAULT PRIVILEGES FOR ROLE gatehouse_project IN SCHEMA rebuild GRANT SELECT ON TABLES TO gatehouse_read;
ALTER DEFAULT PRIVILEGES FOR ROLE gatehouse_project IN SCHEMA doors GRANT SELECT ON TABLES TO gatehouse_read;
