-- Named feeds of lists: since when each is known, and the hash of the token that it sends files with.
CREATE TABLE feeds (
    name TEXT NOT NULL PRIMARY KEY,
    since BIGINT NOT NULL,
    token TEXT
);
-- Files that came, and what became of each. A file is its bytes and when they were written: the same bytes sent again are another.
CREATE TABLE feed_arrivals (
    number BIGINT NOT NULL PRIMARY KEY,
    feed TEXT NOT NULL,
    hash TEXT NOT NULL,
    modified_at BIGINT NOT NULL,
    arrived_at BIGINT NOT NULL,
    -- loaded, drafted, unchanged, refused
    outcome TEXT NOT NULL,
    said TEXT NOT NULL,
    UNIQUE (feed, hash, modified_at)
);
CREATE INDEX feed_arrivals_by_feed ON feed_arrivals (feed, number);
INSERT INTO counters (name, value) VALUES ('arrival', 0);
