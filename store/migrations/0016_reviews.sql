-- Who looked through a list, or one entry of it, and why it stays.
INSERT INTO counters (name, value) VALUES ('review', 0), ('review_notice', 0);
CREATE TABLE reviews (
    number BIGINT NOT NULL PRIMARY KEY,
    list TEXT NOT NULL,
    -- Null for the whole list.
    entry_id TEXT,
    reviewed_at BIGINT NOT NULL,
    reviewed_by TEXT NOT NULL,
    why TEXT NOT NULL
);
CREATE INDEX reviews_list ON reviews (list, reviewed_at) WHERE entry_id IS NULL;
CREATE INDEX reviews_entry ON reviews (entry_id, reviewed_at) WHERE entry_id IS NOT NULL;

-- The days, in the force's time zone, on which it was looked what is overdue: each once, by whichever process was first.
CREATE TABLE review_days (
    day TEXT NOT NULL PRIMARY KEY,
    told_at BIGINT NOT NULL
);
-- What was overdue that day, by list and by the unit that answers for the entries; until somebody says that it was seen.
CREATE TABLE review_notices (
    number BIGINT NOT NULL PRIMARY KEY,
    day TEXT NOT NULL REFERENCES review_days (day),
    list TEXT NOT NULL,
    owner TEXT NOT NULL,
    told_at BIGINT NOT NULL,
    -- The entries that somebody last looked at until then were named.
    looked_at_until BIGINT NOT NULL,
    overdue BIGINT NOT NULL,
    lapsing BIGINT NOT NULL,
    log_only BIGINT NOT NULL,
    first_lapse_at BIGINT,
    seen_by TEXT,
    seen_at BIGINT,
    UNIQUE (day, list, owner)
);
CREATE INDEX review_notices_list ON review_notices (list, told_at);
