-- Lists that are used together for a while, as they stand.
CREATE TABLE operations (
    operation TEXT NOT NULL PRIMARY KEY,
    version BIGINT NOT NULL,
    changed_at BIGINT NOT NULL,
    changed_by TEXT NOT NULL,
    starts_at BIGINT NOT NULL,
    doc TEXT NOT NULL
);

-- Every change. What an operation was after it is what it was before the next one, or what it is now.
CREATE TABLE operation_changes (
    operation TEXT NOT NULL,
    version BIGINT NOT NULL,
    action TEXT NOT NULL,
    changed_at BIGINT NOT NULL,
    changed_by TEXT NOT NULL,
    why TEXT NOT NULL,
    -- Null where there was none.
    before TEXT,
    PRIMARY KEY (operation, version)
);
