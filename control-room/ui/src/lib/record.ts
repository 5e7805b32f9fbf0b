// One case in full, kept up to date by the same events as the queue, so that a look at it is fetched (and audited) once.

import { isNewer, mergeDeployments } from './queue';
import { compareTimes, millis } from './time';
import type { CaseEvent, CaseRecord, HistoryLine, PlateRead } from './types';

/** Events of one kind this close together are one: stores keep times to the microsecond or millisecond. */
const SAME_TIME_MS = 2;

export interface OpenCase extends CaseRecord {
  /** The vehicle's reads, newest first, each once. */
  reads: PlateRead[];
}

export function openCase(record: CaseRecord): OpenCase {
  return { ...record, reads: withRead(record.hits.map((hit) => hit.read), record.case.last_read) };
}

/** Takes an event of this case; events of others, and ones already taken, change nothing. */
export function applyToCase(open: OpenCase, event: CaseEvent): OpenCase {
  if (event.case.case_id !== open.case.case_id) return open;
  const newer = !isNewer(open.case, event.case);
  return {
    ...open,
    case: newer ? event.case : open.case,
    reads: withRead(open.reads, event.case.last_read),
    deployments: mergeDeployments(open.deployments, event.deployments ?? []),
    proposals: newer && event.proposals?.length ? event.proposals : open.proposals,
    history: withLine(open.history, lineOf(event)),
  };
}

function withRead(reads: readonly PlateRead[], read: PlateRead): PlateRead[] {
  const once = new Map([...reads, read].map((one) => [one.read_id, one]));
  return [...once.values()].sort((a, b) => compareTimes(b.captured_at, a.captured_at));
}

function withLine(lines: readonly HistoryLine[], line: HistoryLine): HistoryLine[] {
  const known = lines.some(
    (one) =>
      one.kind === line.kind &&
      one.by === line.by &&
      one.detail === line.detail &&
      Math.abs(millis(one.at) - millis(line.at)) < SAME_TIME_MS,
  );
  return known ? [...lines] : [...lines, line].sort((a, b) => compareTimes(a.at, b.at));
}

function lineOf(event: CaseEvent): HistoryLine {
  return { at: event.at, kind: event.kind, by: event.by ?? null, detail: detail(event) };
}

/** As the service writes it into the history that it gives out, so that both are known to be one line. */
function detail(event: CaseEvent): string {
  const { conclusion, last_read: read } = event.case;
  switch (event.kind) {
    case 'opened':
    case 'sighted':
      return read.camera;
    case 'confirmed':
      return '';
    case 'rejected':
    case 'closed':
      return conclusion ? [conclusion.outcome, conclusion.note].filter(Boolean).join(': ') : '';
    case 'recalled':
      return event.case.recall ? `${event.case.recall.list} ${event.case.recall.cause}` : '';
    case 'escalated':
    case 'notified':
    case 'observed':
    case 'asked':
    case 'answered':
    case 'instructed':
    case 'restricted':
    case 'followed_up':
      return event.said ?? '';
    case 'proposed':
      return (event.proposals ?? []).map((one) => one.callsign).join(', ');
    default:
      return (event.deployments ?? []).map((one) => `${one.callsign} ${one.state}`).join(', ');
  }
}
