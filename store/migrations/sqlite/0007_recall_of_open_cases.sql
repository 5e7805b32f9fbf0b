-- The columns of cases that were open before they came.
UPDATE cases SET entry_id = doc -> 'entry' ->> 'entry_id', entry_list = doc -> 'entry' ->> 'list',
    entry_expires_at = CAST(strftime('%s', doc -> 'entry' ->> 'expires_at') AS BIGINT) * 1000
WHERE is_open = 1;
