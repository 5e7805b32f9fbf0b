-- What people and cameras saw in vehicles, also in those that nobody looks for: a case that opens looks back.
CREATE TABLE observations (
    observation_id TEXT NOT NULL PRIMARY KEY,
    vrm TEXT NOT NULL,
    at BIGINT NOT NULL,
    -- `operator`, `officer` or `camera`.
    observer TEXT NOT NULL,
    -- The last case that took it up.
    case_id TEXT REFERENCES cases (case_id),
    doc TEXT NOT NULL
);
CREATE INDEX observations_vrm ON observations (vrm, at);
-- What is forgotten when no case took it up.
CREATE INDEX observations_idle ON observations (at) WHERE case_id IS NULL AND observer = 'camera';
