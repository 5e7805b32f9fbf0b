-- One text for SQLite and PostgreSQL. Times are milliseconds since 1970, ids lower-case hexadecimal, truth values 0 or 1.
-- A document (`doc`) is the domain's own JSON; columns beside it exist because a query or a rule needs them.

-- Numbers without gaps: a writer takes its numbers by updating the row, which stays locked until it commits, so that a
-- number becomes visible only after every smaller one.
CREATE TABLE counters (
    name TEXT NOT NULL PRIMARY KEY,
    value BIGINT NOT NULL
);
INSERT INTO counters (name, value) VALUES
    ('event', 0), ('relayed', 0), ('audit', 0), ('revision', 0), ('change', 0), ('published', 0);

CREATE TABLE cases (
    case_id TEXT NOT NULL PRIMARY KEY,
    vrm TEXT NOT NULL,
    state TEXT NOT NULL,
    grade BIGINT NOT NULL,
    is_open BIGINT NOT NULL,
    opened_at BIGINT NOT NULL,
    updated_at BIGINT NOT NULL,
    doc TEXT NOT NULL,
    proposals TEXT NOT NULL
);
-- The rule: a vehicle has at most one open case.
CREATE UNIQUE INDEX cases_open_vrm ON cases (vrm) WHERE is_open = 1;
CREATE INDEX cases_vrm ON cases (vrm);
CREATE INDEX cases_queue ON cases (grade, opened_at) WHERE is_open = 1;
CREATE INDEX cases_ended ON cases (updated_at) WHERE is_open = 0;

CREATE TABLE hits (
    -- The rule: a hit counts once.
    hit_id TEXT NOT NULL PRIMARY KEY,
    read_id TEXT NOT NULL,
    vrm TEXT NOT NULL,
    grade BIGINT NOT NULL,
    case_id TEXT REFERENCES cases (case_id),
    captured_at BIGINT NOT NULL,
    doc TEXT NOT NULL
);
CREATE INDEX hits_captured ON hits (captured_at);
CREATE INDEX hits_vrm ON hits (vrm, captured_at);
CREATE INDEX hits_grade ON hits (grade, captured_at);
CREATE INDEX hits_case ON hits (case_id, captured_at) WHERE case_id IS NOT NULL;
CREATE INDEX hits_read ON hits (read_id) WHERE case_id IS NOT NULL;

CREATE TABLE deployments (
    deployment_id TEXT NOT NULL PRIMARY KEY,
    case_id TEXT NOT NULL REFERENCES cases (case_id),
    callsign TEXT NOT NULL,
    is_active BIGINT NOT NULL,
    proposed_at BIGINT NOT NULL,
    doc TEXT NOT NULL
);
-- The rule: a unit is on at most one active deployment.
CREATE UNIQUE INDEX deployments_active_callsign ON deployments (callsign) WHERE is_active = 1;
CREATE INDEX deployments_case ON deployments (case_id, proposed_at);

-- The outbox, and every case's history.
CREATE TABLE events (
    sequence BIGINT NOT NULL PRIMARY KEY,
    case_id TEXT NOT NULL REFERENCES cases (case_id),
    kind TEXT NOT NULL,
    at BIGINT NOT NULL,
    actor TEXT,
    detail TEXT NOT NULL,
    doc TEXT NOT NULL
);
CREATE INDEX events_case ON events (case_id, sequence);

CREATE TABLE consumed (
    topic TEXT NOT NULL,
    partition_number BIGINT NOT NULL,
    next_offset BIGINT NOT NULL,
    PRIMARY KEY (topic, partition_number)
);

CREATE TABLE lists (
    list TEXT NOT NULL PRIMARY KEY,
    entries BIGINT NOT NULL,
    revision BIGINT NOT NULL,
    changed_at BIGINT NOT NULL,
    changed_by TEXT NOT NULL,
    published_at BIGINT
);

CREATE TABLE entries (
    entry_id TEXT NOT NULL PRIMARY KEY,
    list TEXT NOT NULL REFERENCES lists (list),
    vrm TEXT NOT NULL,
    listed_at BIGINT NOT NULL,
    -- The revision that last changed it.
    revision BIGINT NOT NULL,
    -- SHA-256 of the entry without its listed_at: what a new load is compared with.
    digest TEXT NOT NULL,
    doc TEXT NOT NULL
);
CREATE INDEX entries_list ON entries (list, vrm, entry_id);

-- Changes of entries on their way to the log; `doc` is null where the entry is gone.
CREATE TABLE pending_changes (
    number BIGINT NOT NULL PRIMARY KEY,
    revision BIGINT NOT NULL,
    entry_id TEXT NOT NULL,
    doc TEXT
);

CREATE TABLE users (
    name TEXT NOT NULL PRIMARY KEY,
    role TEXT NOT NULL,
    disabled BIGINT NOT NULL,
    password_hash TEXT NOT NULL,
    created_at BIGINT NOT NULL
);

CREATE TABLE sessions (
    secret TEXT NOT NULL PRIMARY KEY,
    name TEXT NOT NULL REFERENCES users (name),
    csrf TEXT NOT NULL,
    expires_at BIGINT NOT NULL
);
CREATE INDEX sessions_name ON sessions (name, expires_at);

CREATE TABLE tokens (
    name TEXT NOT NULL REFERENCES users (name),
    label TEXT NOT NULL,
    secret TEXT NOT NULL UNIQUE,
    created_at BIGINT NOT NULL,
    PRIMARY KEY (name, label)
);

CREATE TABLE sources (
    name TEXT NOT NULL PRIMARY KEY,
    token TEXT NOT NULL,
    cameras TEXT NOT NULL,
    disabled BIGINT NOT NULL
);

CREATE TABLE audit (
    number BIGINT NOT NULL PRIMARY KEY,
    at BIGINT NOT NULL,
    actor TEXT NOT NULL,
    action TEXT NOT NULL,
    subject TEXT NOT NULL,
    detail TEXT NOT NULL,
    hash TEXT NOT NULL
);
