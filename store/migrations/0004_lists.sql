-- What a list demands of its changes. A list without a row has the policy of the settings.
CREATE TABLE list_policies (
    list TEXT NOT NULL PRIMARY KEY,
    doc TEXT NOT NULL
);

-- Changes of lists that wait for a second person, and what became of them.
INSERT INTO counters (name, value) VALUES ('draft', 0);
CREATE TABLE drafts (
    draft BIGINT NOT NULL PRIMARY KEY,
    list TEXT NOT NULL,
    kind TEXT NOT NULL,
    state TEXT NOT NULL,
    author TEXT NOT NULL,
    made_at BIGINT NOT NULL,
    why TEXT NOT NULL,
    -- The list's revision that its counts are against.
    base BIGINT NOT NULL,
    added BIGINT NOT NULL,
    changed BIGINT NOT NULL,
    removed BIGINT NOT NULL,
    unchanged BIGINT NOT NULL,
    decided_by TEXT,
    decided_at BIGINT,
    decided_why TEXT
);
-- The rule: one change of a whole list waits at a time.
CREATE UNIQUE INDEX drafts_whole ON drafts (list) WHERE state = 'waiting' AND kind <> 'entry';
CREATE INDEX drafts_state ON drafts (state, list);

-- What a waiting draft would have on the list; forgotten when it is decided.
CREATE TABLE draft_entries (
    draft BIGINT NOT NULL REFERENCES drafts (draft),
    entry_id TEXT NOT NULL,
    doc TEXT NOT NULL,
    PRIMARY KEY (draft, entry_id)
);

-- Every change of a list: who made it, why, and who authorised it where four eyes were asked for.
CREATE TABLE list_changes (
    revision BIGINT NOT NULL PRIMARY KEY,
    list TEXT NOT NULL,
    action TEXT NOT NULL,
    changed_at BIGINT NOT NULL,
    changed_by TEXT NOT NULL,
    authorised_by TEXT,
    why TEXT NOT NULL
);

-- One row for each entry that a change touched. What it was after is what it was before the next one, or what it is now: no
-- entry is kept twice.
CREATE TABLE entry_changes (
    entry_id TEXT NOT NULL,
    revision BIGINT NOT NULL,
    -- Null where it was not on the list.
    before TEXT,
    PRIMARY KEY (entry_id, revision)
);
