import { describe, expect, test } from 'vitest';
import { EMPTY, apply, fromList, isOpen, mergeDeployments, neighbour, ordered, type Queue } from './queue';
import { Random } from './random';
import { aCase, deployment, event, read } from './samples';
import type { Case, CaseEvent, Grade } from './types';

const id = (n: number): string => n.toString(16).padStart(32, '0');
const ids = (queue: Queue): string[] => ordered(queue).map((one) => one.case_id);

describe('the order of the queue', () => {
  test('grade_comes_first_then_the_longest_waiting', () => {
    const cases = [
      aCase({ case_id: id(1), grade: 3, opened_at: '2026-11-22T09:00:00Z' }),
      aCase({ case_id: id(2), grade: 1, opened_at: '2026-11-22T11:00:00.000002Z' }),
      aCase({ case_id: id(3), grade: 1, opened_at: '2026-11-22T11:00:00.000001Z' }),
      aCase({ case_id: id(4), grade: 2, opened_at: '2026-11-22T10:00:00Z' }),
    ];
    expect(ids(fromList(EMPTY, cases, 0))).toEqual([id(3), id(2), id(4), id(1)]);
  });

  test('moving_stops_at_both_ends_and_begins_at_the_first', () => {
    const order = [1, 2, 3].map((n) => aCase({ case_id: id(n) }));
    const rows: [string | undefined, 1 | -1, number][] = [
      [undefined, 1, 1],
      [undefined, -1, 1],
      [id(9), 1, 1],
      [id(1), 1, 2],
      [id(3), 1, 3],
      [id(1), -1, 1],
      [id(3), -1, 2],
    ];
    for (const [from, by, to] of rows) expect(neighbour(order, from, by)?.case_id).toBe(id(to));
    expect(neighbour([], undefined, 1)).toBeUndefined();
  });
});

describe('the fold over events', () => {
  const opened = aCase();
  const confirmed = aCase({ state: 'confirmed', version: 1 });
  const closed = aCase({ state: 'closed', version: 2 });

  test('an_event_already_taken_changes_nothing', () => {
    const queue = apply(fromList(EMPTY, [], 4), event('opened', opened), 5);
    expect(apply(queue, event('closed', closed), 5)).toBe(queue);
    expect(apply(queue, event('closed', closed), 3)).toBe(queue);
  });

  test('ones_own_command_shows_at_once_and_the_stream_behind_it_takes_nothing_back', () => {
    let queue = fromList(EMPTY, [opened], 4);
    queue = apply(queue, event('confirmed', confirmed));
    expect(ordered(queue)[0]?.state).toBe('confirmed');
    queue = apply(queue, event('sighted', aCase({ sightings: 2 })), 5);
    expect(ordered(queue)[0]?.state).toBe('confirmed');
    queue = apply(queue, event('confirmed', aCase({ ...confirmed, sightings: 2 })), 6);
    expect(ordered(queue)[0]).toMatchObject({ state: 'confirmed', sightings: 2 });
  });

  test('a_closed_case_does_not_come_back_with_a_late_event', () => {
    let queue = fromList(EMPTY, [confirmed], 4);
    queue = apply(queue, event('closed', closed));
    expect(ids(queue)).toEqual([]);
    queue = apply(queue, event('sighted', aCase({ ...confirmed, sightings: 9 })), 5);
    expect(ids(queue)).toEqual([]);
    expect(queue.lastEvent).toBe(5);
  });

  test('units_are_known_while_the_case_is_open', () => {
    let queue = fromList(EMPTY, [confirmed], 4);
    const deployed = aCase({ state: 'deployed', version: 2 });
    queue = apply(queue, event('deployed', deployed, { deployments: [deployment()] }), 5);
    expect(queue.deployments.get(opened.case_id)?.[0]?.callsign).toBe('KN70');
    queue = apply(queue, event('closed', aCase({ state: 'closed', version: 3 })), 6);
    expect(queue.deployments.has(opened.case_id)).toBe(false);
  });

  test('a_deployment_never_goes_back', () => {
    const far = deployment({ state: 'at_scene' });
    expect(mergeDeployments([far], [deployment({ state: 'accepted' })])).toEqual([far]);
    expect(mergeDeployments([far], [deployment({ state: 'cleared' })])[0]?.state).toBe('cleared');
  });
});

/** A history of several cases as the service would publish it. */
function story(random: Random, length: number): CaseEvent[] {
  const cases: Case[] = [];
  const events: CaseEvent[] = [];
  for (let n = 0; n < length; n += 1) {
    const at = new Date(1_000_000 + n * 1_000).toISOString();
    const open = cases.filter((one) => isOpen(one.state));
    if (open.length === 0 || random.chance(0.3)) {
      const grade = random.between(1, 3) as Grade;
      const opened = aCase({ case_id: id(n + 1), grade, opened_at: at, updated_at: at });
      cases.push(opened);
      events.push(event('opened', opened));
      continue;
    }
    const before = random.pick(open);
    const after = step(before, random, at);
    cases[cases.findIndex((one) => one.case_id === before.case_id)] = after.case;
    events.push(after);
  }
  return events;
}

function step(before: Case, random: Random, at: string): CaseEvent {
  if (random.chance(0.4)) {
    const grade = Math.min(before.grade, random.between(1, 3)) as Grade;
    const seen = { ...before, grade, sightings: before.sightings + 1, updated_at: at, last_read: read({ captured_at: at }) };
    return event('sighted', seen);
  }
  const version = before.version + 1;
  const decided = { ...before, version, updated_at: at };
  if (before.state === 'new') {
    return random.chance(0.7)
      ? event('confirmed', { ...decided, state: 'confirmed' })
      : event('rejected', { ...decided, state: 'rejected' });
  }
  return random.chance(0.5)
    ? event('deployed', { ...decided, state: 'deployed' })
    : event('closed', { ...decided, state: 'closed' });
}

/** The slow truth: the last event of every case decides. */
function oracle(events: readonly CaseEvent[]): string {
  const last = new Map<string, Case>();
  for (const one of events) last.set(one.case.case_id, one.case);
  const open = [...last.values()].filter((one) => isOpen(one.state));
  open.sort((a, b) => a.grade - b.grade || a.opened_at.localeCompare(b.opened_at));
  return JSON.stringify(open);
}

test('any_mix_of_list_repeats_and_early_answers_ends_where_a_plain_fold_ends', () => {
  for (let seed = 1; seed <= 300; seed += 1) {
    const random = new Random(seed);
    const events = story(random, 60);
    const listed = random.between(0, 30);
    // The list may be newer than the event it names.
    const known = JSON.parse(oracle(events.slice(0, listed + random.between(0, 5)))) as Case[];
    let queue = fromList(EMPTY, known, listed);
    for (let place = listed + 1; place <= events.length; place += 1) {
      const one = events[place - 1]!;
      const own = events[place + random.between(0, 3)];
      // The service decides one command at a time on the version the operator sees.
      const seen = own && queue.cases.get(own.case.case_id);
      if (own && seen && own.case.version === seen.version + 1 && random.chance(0.3)) queue = apply(queue, own);
      queue = apply(queue, one, place);
      if (random.chance(0.2)) {
        const again = random.between(1, place);
        queue = apply(queue, events[again - 1]!, again);
      }
      if (random.chance(0.03)) queue = fromList(queue, JSON.parse(oracle(events.slice(0, place))) as Case[], place);
    }
    expect(JSON.stringify(ordered(queue)), `seed ${seed}`).toBe(oracle(events));
  }
});

test('the_answer_to_a_command_does_not_undo_what_a_rule_did_meanwhile', () => {
  const at = (second: number): string => `2026-11-22T12:00:0${second}Z`;
  const listed = fromList(EMPTY, [aCase({ grade: 2, updated_at: at(0) })], 0);
  const answered = event('observed', aCase({ grade: 2, updated_at: at(1) }));
  const escalated = event('escalated', aCase({ grade: 1, updated_at: at(2) }));
  const streamed = apply(apply(listed, answered, 1), escalated, 2);
  expect(ordered(apply(streamed, answered)).map((one) => one.grade)).toEqual([1]);
  expect(ordered(apply(apply(apply(listed, answered), answered, 1), escalated, 2)).map((one) => one.grade)).toEqual([1]);
});
