// The open cases as a fold over the service's events.
//
// Two sources feed it: the list of open cases, which may already hold what the next events say, and the stream of
// events, each with its place in the one order of all events. Applying an event twice, or one that the list already
// holds, changes nothing that stays. An operator's own command answers with its event before the stream brings it;
// it is applied at once, without a place.

import type { Case, CaseEvent, CaseState, Deployment } from './types';
import { DEPLOYMENT_STEPS } from './words';
import { compareTimes } from './time';

/** Closed cases remembered, so that a late event does not bring one back. A shift closes a few hundred. */
const MOST_CLOSED = 2_000;

export interface Queue {
  readonly cases: ReadonlyMap<string, Case>;
  /** What is known of each case's units. */
  readonly deployments: ReadonlyMap<string, readonly Deployment[]>;
  /** The version at which each case was over. */
  readonly over: ReadonlyMap<string, number>;
  /** The last event taken from the stream. */
  readonly lastEvent: number;
}

export const EMPTY: Queue = { cases: new Map(), deployments: new Map(), over: new Map(), lastEvent: 0 };

export function isOpen(state: CaseState): boolean {
  return state === 'new' || state === 'confirmed' || state === 'deployed';
}

/** Begins from the list of open cases, at least as new as the event `atEvent`. What is known of units stays. */
export function fromList(
  before: Queue,
  cases: readonly Case[],
  atEvent: number,
  listed: readonly Deployment[] = [],
): Queue {
  const open = cases.filter((one) => isOpen(one.state));
  const known = (id: string): Deployment[] =>
    mergeDeployments(before.deployments.get(id) ?? [], listed.filter((one) => one.case_id === id));
  return {
    cases: new Map(open.map((one) => [one.case_id, one])),
    deployments: new Map(open.map((one) => [one.case_id, known(one.case_id)])),
    over: new Map(),
    lastEvent: atEvent,
  };
}

/** Takes an event; `place` is its place in the stream, none for the answer to one's own command. */
export function apply(queue: Queue, event: CaseEvent, place?: number): Queue {
  if (place !== undefined && place <= queue.lastEvent) return queue;
  const lastEvent = place ?? queue.lastEvent;
  const { case_id: id, version, state } = event.case;
  const known = queue.cases.get(id);
  const knownVersion = Math.max(known?.version ?? 0, queue.over.get(id) ?? 0);
  const next = { ...queue, lastEvent };
  // The stream is behind an answer that is already shown: its case is old, its units may not be.
  const overtaken = place === undefined && known !== undefined && isNewer(known, event.case);
  const old = version < knownVersion || overtaken || (queue.over.has(id) && isOpen(state));
  if (!old && isOpen(state)) {
    next.cases = new Map(queue.cases).set(id, event.case);
  } else if (!old) {
    const cases = new Map(queue.cases);
    cases.delete(id);
    next.cases = cases;
    next.over = remember(queue.over, id, version);
  }
  const deployments = new Map(queue.deployments);
  if (next.over.has(id)) deployments.delete(id);
  else if (event.deployments?.length) {
    deployments.set(id, mergeDeployments(deployments.get(id) ?? [], event.deployments));
  }
  next.deployments = deployments;
  return next;
}

/** Rules and sightings change a case without a new version, and may overtake the answer to a command. */
export function isNewer(one: Case, other: Case): boolean {
  return one.version > other.version || (one.version === other.version && compareTimes(one.updated_at, other.updated_at) > 0);
}

function remember(over: ReadonlyMap<string, number>, id: string, version: number): Map<string, number> {
  const kept = new Map(over).set(id, version);
  const oldest = kept.keys().next();
  if (kept.size > MOST_CLOSED && !oldest.done) kept.delete(oldest.value);
  return kept;
}

/** A deployment only goes forward, so the further of two is the newer. Newest first. */
export function mergeDeployments(known: readonly Deployment[], changed: readonly Deployment[]): Deployment[] {
  const merged = new Map(known.map((one) => [one.deployment_id, one]));
  for (const one of changed) {
    const before = merged.get(one.deployment_id);
    if (!before || progress(one) >= progress(before)) merged.set(one.deployment_id, one);
  }
  return [...merged.values()].sort((a, b) => compareTimes(b.proposed_at, a.proposed_at));
}

function progress(deployment: Deployment): number {
  return DEPLOYMENT_STEPS.indexOf(deployment.state);
}

/** The most urgent grade first, then the longest waiting. */
export function byUrgency(a: Case, b: Case): number {
  return a.grade - b.grade || compareTimes(a.opened_at, b.opened_at) || (a.case_id < b.case_id ? -1 : 1);
}

export function ordered(queue: Queue): Case[] {
  return [...queue.cases.values()].sort(byUrgency);
}

/** The case `by` steps from the selected one; from nowhere, the first. */
export function neighbour(order: readonly Case[], selected: string | undefined, by: 1 | -1): Case | undefined {
  const at = order.findIndex((one) => one.case_id === selected);
  if (at < 0) return order[0];
  return order[Math.min(order.length - 1, Math.max(0, at + by))];
}
