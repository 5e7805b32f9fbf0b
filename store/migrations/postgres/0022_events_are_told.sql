-- Says to whoever listens that events were written, and the place of the newest.
CREATE FUNCTION tell_of_events() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    PERFORM pg_notify('steelring_events', (SELECT max(sequence) FROM written)::text);
    RETURN NULL;
END
$$;
CREATE TRIGGER events_are_told AFTER INSERT ON events
    REFERENCING NEW TABLE AS written FOR EACH STATEMENT EXECUTE FUNCTION tell_of_events();
