// Values for tests.

import type { Assessment, Case, CaseEvent, Deployment, Entry, Journey, PlateRead } from './types';

export const NOON = '2026-11-22T12:00:00Z';

export function read(change: Partial<PlateRead> = {}): PlateRead {
  return {
    read_id: 'a'.repeat(32),
    vrm: 'AB12CDE',
    camera: 'M57-J2-N',
    source: 'test',
    captured_at: NOON,
    received_at: NOON,
    vehicle: {},
    ...change,
  };
}

export function entry(change: Partial<Entry> = {}): Entry {
  return {
    entry_id: 'b'.repeat(32),
    list: 'pnc',
    vrm: 'AB12CDE',
    grade: 1,
    action: 'stop',
    reason: 'Stolen',
    listed_at: '2026-11-20T12:00:00Z',
    ...change,
  };
}

/** Of `ABI2CDE` read for `AB12CDE`, as a matcher without a register judges it. */
export function assessment(change: Partial<Assessment> = {}): Assessment {
  return {
    difference: { alike: { count: 1 } },
    characters: [{ position: 2, listed: '1', read: 'I' }],
    posterior: 0.81,
    terms: [],
    ...change,
  };
}

export function journey(change: Partial<Journey> = {}): Journey {
  return {
    from: { camera: 'A5036-BOOTLE-E', at: '2026-11-22T11:56:00Z' },
    to: { camera: 'M57-J2-N', at: NOON },
    distance_m: 43_000,
    speed_kmh: 645,
    ...change,
  };
}

export function aCase(change: Partial<Case> = {}): Case {
  return {
    case_id: 'c'.repeat(32),
    vrm: 'AB12CDE',
    grade: 1,
    state: 'new',
    version: 0,
    opened_at: NOON,
    updated_at: NOON,
    sightings: 1,
    unanswered: 1,
    last_read: read(),
    last_match: { kind: 'exact' },
    bcu: 'KN',
    entry: entry(),
    last_decision: null,
    conclusion: null,
    ...change,
  };
}

export function event(kind: CaseEvent['kind'], of: Case, change: Partial<CaseEvent> = {}): CaseEvent {
  return { kind, at: of.updated_at, case: of, ...change };
}

export function deployment(change: Partial<Deployment> = {}): Deployment {
  return {
    deployment_id: 'd'.repeat(32),
    case_id: 'c'.repeat(32),
    callsign: 'KN70',
    state: 'proposed',
    by: 'op1',
    proposed_at: NOON,
    updated_at: NOON,
    ...change,
  };
}
