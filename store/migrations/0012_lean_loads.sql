-- The revision that put an entry on its list, so that its history needs no row of its own for that while it lives. Null for entries
-- of before: their history has the row.
ALTER TABLE entries ADD COLUMN added_in BIGINT;
-- 1 where the entry is on its list as `entries` has it: a load of a million entries copies none of them. Whatever then changes
-- one of these puts the copy here first.
ALTER TABLE pending_changes ADD COLUMN by_reference BIGINT NOT NULL DEFAULT 0;
