-- What a case's leading entry is known by: whether it is still on its list, and in time, is asked of all open cases at once.
ALTER TABLE cases ADD COLUMN entry_id TEXT;
ALTER TABLE cases ADD COLUMN entry_list TEXT;
ALTER TABLE cases ADD COLUMN entry_expires_at BIGINT;
ALTER TABLE cases ADD COLUMN recalled BIGINT NOT NULL DEFAULT 0;
CREATE INDEX cases_recall ON cases (entry_id) WHERE is_open = 1 AND recalled = 0;
