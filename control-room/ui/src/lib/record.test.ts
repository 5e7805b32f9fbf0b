import { expect, test } from 'vitest';
import { applyToCase, openCase } from './record';
import { NOON, aCase, deployment, entry, event, read } from './samples';
import type { CaseRecord } from './types';

const later = '2026-11-22T12:05:00Z';
const first = read();
const second = read({ read_id: 'e'.repeat(32), captured_at: later, camera: 'M57-J4-N' });

function record(): CaseRecord {
  return {
    case: aCase(),
    hits: [{ hit_id: 'f'.repeat(32), read: first, entry: entry(), revision: 1, kind: 'exact', matched_at: NOON }],
    deployments: [],
    proposals: [],
    history: [{ at: NOON, kind: 'opened', by: null, detail: 'M57-J2-N' }],
  };
}

test('a_sighting_joins_the_reads_once_and_the_newest_leads', () => {
  const sighted = event('sighted', aCase({ sightings: 2, last_read: second, updated_at: later }));
  let open = applyToCase(openCase(record()), sighted);
  open = applyToCase(open, sighted);
  expect(open.reads.map((one) => one.camera)).toEqual(['M57-J4-N', 'M57-J2-N']);
  expect(open.history).toHaveLength(2);
  expect(open.case.sightings).toBe(2);
});

test('an_event_of_another_case_changes_nothing', () => {
  const open = openCase(record());
  expect(applyToCase(open, event('closed', aCase({ case_id: '9'.repeat(32), state: 'closed' })))).toBe(open);
});

test('an_answer_and_its_echo_from_the_stream_are_one_line_of_history', () => {
  const deployed = event('deployed', aCase({ state: 'deployed', version: 2, updated_at: later }), {
    by: 'op1',
    deployments: [deployment()],
  });
  let open = applyToCase(openCase(record()), deployed);
  open = applyToCase(open, { ...deployed, at: '2026-11-22T12:05:00.001Z' });
  expect(open.history.map((line) => line.detail)).toEqual(['M57-J2-N', 'KN70 proposed']);
  expect(open.deployments).toHaveLength(1);
});

test('an_older_event_does_not_take_a_decision_back', () => {
  const confirmed = openCase({ ...record(), case: aCase({ state: 'confirmed', version: 1 }) });
  const late = applyToCase(confirmed, event('sighted', aCase({ version: 0, sightings: 2 })));
  expect(late.case.state).toBe('confirmed');
});

test('the_outcome_and_note_are_in_the_history', () => {
  const closed = aCase({ state: 'closed', version: 3, conclusion: { outcome: 'arrest', note: 'two in custody' } });
  const open = applyToCase(openCase(record()), event('closed', closed, { by: 'op1' }));
  expect(open.history.at(-1)?.detail).toBe('arrest: two in custody');
});
