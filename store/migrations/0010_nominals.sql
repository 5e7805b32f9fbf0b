-- People known to intelligence. The document has their links; who is linked to a vehicle is asked at every change.
CREATE TABLE nominals (
    reference TEXT NOT NULL PRIMARY KEY,
    version BIGINT NOT NULL,
    changed_at BIGINT NOT NULL,
    changed_by TEXT NOT NULL,
    doc TEXT NOT NULL
);
CREATE TABLE nominal_links (
    vrm TEXT NOT NULL,
    reference TEXT NOT NULL REFERENCES nominals (reference),
    PRIMARY KEY (vrm, reference)
);
CREATE INDEX nominal_links_reference ON nominal_links (reference);

-- Every change. What a nominal was after it is what it was before the next one, or what it is now.
CREATE TABLE nominal_changes (
    reference TEXT NOT NULL,
    version BIGINT NOT NULL,
    action TEXT NOT NULL,
    changed_at BIGINT NOT NULL,
    changed_by TEXT NOT NULL,
    why TEXT NOT NULL,
    -- Null where nobody was known under that reference.
    before TEXT,
    PRIMARY KEY (reference, version)
);
