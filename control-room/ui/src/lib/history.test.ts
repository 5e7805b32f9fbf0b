import { expect, test } from 'vitest';
import { differences } from './history';
import type { Entry } from './types';

const entry: Entry = {
  entry_id: '0',
  list: 'wanted',
  vrm: 'AB12CDE',
  grade: 2,
  action: 'stop',
  reason: 'stolen',
  markers: ['stolen'],
  listed_at: '2026-11-24T12:00:00Z',
};

test('only what differs is told, and a field that came or went is nothing on one side', () => {
  const { markers: _, ...bare } = entry;
  expect(differences(entry, { ...bare, grade: 1, expires_at: '2027-01-01T00:00:00Z', listed_at: '2020-01-01T00:00:00Z' })).toEqual([
    { name: 'expires at', before: '', after: '2027-01-01T00:00:00Z' },
    { name: 'grade', before: '2', after: '1' },
    { name: 'markers', before: 'stolen', after: '' },
  ]);
  expect(differences(entry, entry)).toEqual([]);
});
