-- What an emergency needs to know, found without reading the rest of the log, and told at once (ADR 18).
SET ROLE gatehouse_owner;

CREATE INDEX events_in_emergencies ON log.events (position) WHERE type IN (
    'CommunityCreated', 'CommunityRenamed', 'DeviceRegistered', 'DeviceReplaced', 'DeviceEdited', 'DeviceRemoved',
    'FireInputsChosen', 'AlarmRaised', 'EmergencySettingChanged', 'UnlockOrdered', 'LockOrdered',
    'EmergencyAlarmChecked', 'DoorsTried');

CREATE FUNCTION log.tell_emergency() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    PERFORM pg_notify('emergency', NEW.position::text);
    RETURN NULL;
END
$$;
REVOKE EXECUTE ON FUNCTION log.tell_emergency FROM PUBLIC;

CREATE TRIGGER tell_emergency AFTER INSERT ON log.events FOR EACH ROW
    WHEN (NEW.type IN ('UnlockOrdered', 'LockOrdered', 'EmergencySettingChanged', 'AlarmRaised'))
    EXECUTE FUNCTION log.tell_emergency();

RESET ROLE;
