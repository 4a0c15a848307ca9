-- What the adapters know of each phone right now, for whoever asks how things stand.
SET ROLE gatehouse_project;

CREATE TABLE doors.lanes (
    device uuid PRIMARY KEY,
    online boolean NOT NULL,
    failure text,
    seen_at timestamptz,
    waiting int NOT NULL,
    revocations int NOT NULL,
    waiting_since timestamptz,
    suspended int NOT NULL,
    clock_off interval,
    told_at timestamptz NOT NULL DEFAULT clock_timestamp()
);
CREATE TABLE doors.positions (
    name text PRIMARY KEY,
    position bigint NOT NULL,
    moved_at timestamptz NOT NULL DEFAULT clock_timestamp()
);

RESET ROLE;
