-- Where an entry stands in the order of all changes: what changed since is a range of it, and a load appends to its index.
ALTER TABLE entries ADD COLUMN place BIGINT NOT NULL DEFAULT 0;
UPDATE entries SET place = numbered.place
FROM (SELECT entry_id, ROW_NUMBER() OVER (ORDER BY revision, entry_id) AS place FROM entries) numbered
WHERE numbered.entry_id = entries.entry_id;
CREATE INDEX entries_place ON entries (list, place);

-- What is on no list any more, and where it went.
CREATE TABLE removals (
    entry_id TEXT NOT NULL PRIMARY KEY,
    list TEXT NOT NULL,
    vrm TEXT NOT NULL,
    place BIGINT NOT NULL
);
CREATE INDEX removals_place ON removals (list, place);

-- The last place of a revision. Null for revisions of before: what went since is not known of them, and a client begins anew.
ALTER TABLE list_changes ADD COLUMN last_place BIGINT;

-- At which revision each client last took what.
CREATE TABLE takings (
    client TEXT NOT NULL,
    list TEXT NOT NULL,
    revision BIGINT NOT NULL,
    at BIGINT NOT NULL,
    PRIMARY KEY (client, list)
);
