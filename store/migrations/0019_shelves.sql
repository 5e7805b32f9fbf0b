-- A list's entries stand on a shelf. A change of few is made on it, in one transaction. One of many fills another shelf in short
-- transactions, so that nothing else waits, and the last of them makes that shelf the list's.
--
-- Every change of a list has a ticket, taken when it begins, and a revision, taken when it is live. What is written before is kept
-- under the ticket, and counts for nothing until `list_changes` has it. A shelf has the number of the ticket that began it.
INSERT INTO counters (name, value) SELECT 'ticket', value FROM counters WHERE name = 'revision';

ALTER TABLE lists ADD COLUMN shelf BIGINT NOT NULL DEFAULT 0;
UPDATE lists SET shelf = revision;

ALTER TABLE list_changes ADD COLUMN ticket BIGINT NOT NULL DEFAULT 0;
UPDATE list_changes SET ticket = revision;
CREATE UNIQUE INDEX list_changes_ticket ON list_changes (ticket);
-- Where its entries stand, and the place of the first of them. Null for changes of before: those are published by comparison.
ALTER TABLE list_changes ADD COLUMN shelf BIGINT;
ALTER TABLE list_changes ADD COLUMN first_place BIGINT;
CREATE INDEX list_changes_list ON list_changes (list, revision);

ALTER TABLE entry_changes RENAME COLUMN revision TO ticket;

DROP INDEX entries_list;
DROP INDEX entries_place;
ALTER TABLE entries RENAME TO entries_before;
CREATE TABLE entries (
    shelf BIGINT NOT NULL,
    entry_id TEXT NOT NULL,
    list TEXT NOT NULL,
    vrm TEXT NOT NULL,
    listed_at BIGINT NOT NULL,
    -- The beginning of a SHA-256 of the entry without its listed_at: what a new load is compared with.
    digest TEXT NOT NULL,
    doc TEXT NOT NULL,
    -- The change that put it on the list, so that its history needs no row of its own for that while it lives. Null for entries of
    -- before: their history has the row.
    added_in BIGINT,
    -- Where its last change stands in the order of all changes of its list.
    place BIGINT NOT NULL,
    PRIMARY KEY (shelf, entry_id)
);
INSERT INTO entries (shelf, entry_id, list, vrm, listed_at, digest, doc, added_in, place)
SELECT lists.shelf, e.entry_id, e.list, e.vrm, e.listed_at, e.digest, e.doc, e.added_in, e.place
FROM entries_before e JOIN lists ON lists.list = e.list ORDER BY lists.shelf, e.entry_id;
CREATE INDEX entries_place ON entries (shelf, place);

-- The few entries for patterns: all lists together have a bounded number.
CREATE TABLE entry_patterns (
    shelf BIGINT NOT NULL,
    entry_id TEXT NOT NULL,
    PRIMARY KEY (shelf, entry_id)
);
INSERT INTO entry_patterns (shelf, entry_id)
SELECT shelf, entry_id FROM entries WHERE vrm LIKE '%?%' OR vrm LIKE '%*%';
DROP TABLE entries_before;

-- Shelves that are being filled (`replaced_in` is null), or that were replaced and wait to be emptied.
CREATE TABLE shelves (
    shelf BIGINT NOT NULL PRIMARY KEY,
    replaced_in BIGINT,
    -- When it was last written to: one that nobody fills any more is emptied, too.
    touched_at BIGINT NOT NULL
);

-- The change under which an entry went.
ALTER TABLE removals ADD COLUMN ticket BIGINT NOT NULL DEFAULT 0;

-- What changed again before its revision was in the log: it is published as it was.
DROP TABLE pending_changes;
CREATE TABLE superseded (
    place BIGINT NOT NULL PRIMARY KEY,
    revision BIGINT NOT NULL,
    entry_id TEXT NOT NULL,
    doc TEXT
);
