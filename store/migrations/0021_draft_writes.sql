-- Entries of a large draft are written before it, in short transactions, and forgotten after it, likewise: they need no draft.
ALTER TABLE draft_entries RENAME TO draft_entries_before;
CREATE TABLE draft_entries (
    draft BIGINT NOT NULL,
    entry_id TEXT NOT NULL,
    doc TEXT NOT NULL,
    PRIMARY KEY (draft, entry_id)
);
INSERT INTO draft_entries (draft, entry_id, doc)
SELECT draft, entry_id, doc FROM draft_entries_before ORDER BY draft, entry_id;
DROP TABLE draft_entries_before;

-- Numbers of drafts whose entries are no waiting draft's: somebody writes them, or they wait to be forgotten.
CREATE TABLE draft_writes (
    draft BIGINT NOT NULL PRIMARY KEY,
    -- When they were last written to; 0 where nobody does any more.
    touched_at BIGINT NOT NULL
);
