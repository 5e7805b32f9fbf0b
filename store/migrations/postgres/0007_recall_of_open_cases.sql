-- The columns of cases that were open before they came.
UPDATE cases SET entry_id = doc::jsonb -> 'entry' ->> 'entry_id', entry_list = doc::jsonb -> 'entry' ->> 'list',
    entry_expires_at = CAST(EXTRACT(EPOCH FROM CAST(doc::jsonb -> 'entry' ->> 'expires_at' AS TIMESTAMPTZ)) * 1000 AS BIGINT)
WHERE is_open = 1;
