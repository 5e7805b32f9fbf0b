-- How often what came of entries and lists, counted in the transaction in which it came. `what` is `hit`, `confirmed`, `deployed`, or
-- the outcome of a case that the entry led. Kept when the entry is gone.
CREATE TABLE entry_yields (
    entry_id TEXT NOT NULL,
    list TEXT NOT NULL,
    what TEXT NOT NULL,
    times BIGINT NOT NULL,
    last_at BIGINT NOT NULL,
    PRIMARY KEY (entry_id, what)
);
-- A list's entries with the most hits.
CREATE INDEX entry_yields_list ON entry_yields (list, what, times);
-- The same by list and hour, so that any span of hours can be summed; `hour` is when it began.
CREATE TABLE list_yields (
    list TEXT NOT NULL,
    hour BIGINT NOT NULL,
    what TEXT NOT NULL,
    times BIGINT NOT NULL,
    PRIMARY KEY (list, hour, what)
);
