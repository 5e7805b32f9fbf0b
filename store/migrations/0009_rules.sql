-- Rule files that went live; the newest counts.
CREATE TABLE rule_files (
    version BIGINT NOT NULL PRIMARY KEY,
    hash TEXT NOT NULL,
    loaded_at BIGINT NOT NULL,
    loaded_by TEXT NOT NULL,
    doc TEXT NOT NULL
);
-- `rules`: up to which event rules have been applied. What happened before there were rules stays as it was.
INSERT INTO counters (name, value) VALUES ('rule_file', 0), ('notification', 0);
INSERT INTO counters (name, value) SELECT 'rules', value FROM counters WHERE name = 'event';

-- A vehicle's case that ended by itself: what nobody had acted on counts on in its next.
CREATE INDEX cases_ended_unanswered ON cases (vrm) WHERE is_open = 0 AND recalled = 1;

-- Whom a rule called to a case.
CREATE TABLE notifications (
    number BIGINT NOT NULL PRIMARY KEY,
    case_id TEXT NOT NULL REFERENCES cases (case_id),
    at BIGINT NOT NULL,
    -- A unit or desk, such as `supervisor`.
    desk TEXT NOT NULL,
    said TEXT NOT NULL
);
CREATE TABLE notifications_seen (
    number BIGINT NOT NULL REFERENCES notifications (number),
    name TEXT NOT NULL,
    at BIGINT NOT NULL,
    PRIMARY KEY (number, name)
);
