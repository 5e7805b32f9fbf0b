-- A shelf in order of mark. A table and no index: it is written when the shelf is full, in its own order. Without row
-- ids it is one tree and not two.
CREATE TABLE entry_marks (
    shelf BIGINT NOT NULL,
    vrm TEXT NOT NULL,
    entry_id TEXT NOT NULL,
    PRIMARY KEY (shelf, vrm, entry_id)
) WITHOUT ROWID;
INSERT INTO entry_marks (shelf, vrm, entry_id) SELECT shelf, vrm, entry_id FROM entries ORDER BY shelf, vrm, entry_id;
