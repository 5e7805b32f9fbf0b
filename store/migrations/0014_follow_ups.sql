-- What a rule left to be done after a case; closed by a person, with words, and kept.
INSERT INTO counters (name, value) VALUES ('follow_up', 0);
CREATE TABLE follow_ups (
    number BIGINT NOT NULL PRIMARY KEY,
    case_id TEXT NOT NULL REFERENCES cases (case_id),
    opened_at BIGINT NOT NULL,
    what TEXT NOT NULL,
    closed_at BIGINT,
    closed_by TEXT,
    words TEXT
);
CREATE INDEX follow_ups_open ON follow_ups (number) WHERE closed_at IS NULL;
