-- The span that an event follows, as a traceparent of W3C Trace Context, where its read is traced.
ALTER TABLE events ADD COLUMN trace TEXT;
