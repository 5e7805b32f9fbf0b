// The service's API. One place that knows addresses, headers and the shape of refusals.

import type { Became, Draft, EntryChange, EntrySaid, Feed, Guess, Hotlists, ListChange, ListCheck, ListPolicy, RowFault, Rules, RulesChecked } from './listtypes';
import type { Link, NominalChanged, NominalRecord, PersonMarker, StoredNominal } from './nominaltypes';
import type { Operation, OperationRecord, OperationShown } from './operationtypes';
import type { FollowUp, Notification, Order, Report, WhyCode } from './ruletypes';
import type { AuditRow, Case, CaseEvent, CaseRecord, Camera, Deployment, DeploymentState, Entry, ForceMap, Outcome, Session, UnitPosition } from './types';
import type { EntryYieldShown, Review, ReviewNotice, Yields } from './yieldtypes';

/** Open cases asked for at once: the most that the service gives. */
export const MOST_CASES = 1_000;
/** How long an answer may take before the page says that none came. */
const PATIENCE_MS = 15_000;

export type Command =
  | { command: 'confirm' }
  | { command: 'reject'; outcome: Outcome; note: string }
  | { command: 'deploy'; callsign: string }
  | { command: 'close'; outcome: Outcome; note: string };

/** What the service said instead of what was asked. Status 0: it said nothing. */
export class ApiError extends Error {
  constructor(
    readonly status: number,
    readonly code: string,
    message: string,
    readonly faults: RowFault[] = [],
    readonly faultCount = 0,
    readonly guess?: Guess,
  ) {
    super(message);
  }

  static from(status: number, text: string): ApiError {
    try {
      const body = JSON.parse(text) as {
        error: { code: string; message: string };
        faults?: RowFault[];
        fault_count?: number;
        guess?: Guess;
      };
      const { code, message } = body.error;
      return new ApiError(status, code, message, body.faults ?? [], body.fault_count ?? body.faults?.length ?? 0, body.guess);
    } catch {
      return new ApiError(status, 'unknown', `The service answered ${status} without a reason.`);
    }
  }
}

const listAddress = (list: string): string => `/api/hotlists/${encodeURIComponent(list)}`;
const operationAddress = (name: string): string => `/api/operations/${encodeURIComponent(name)}`;
const nominalAddress = (reference: string): string => `/api/nominals/${encodeURIComponent(reference)}`;

const SILENT = (): ApiError => new ApiError(0, 'unreachable', 'The service does not answer. Nothing was changed.');

export interface OpenCases {
  cases: Case[];
  at_event: number;
  /** Those of the cases listed; a service that leaves them out shows a case's unit only from its next event on. */
  deployments?: Deployment[];
}

export interface Loaded extends Became {
  faults: RowFault[];
  fault_count?: number;
}

export interface HowToLoad {
  acceptGoodRows: boolean;
  /** What the columns hold, where a person said so; empty otherwise. */
  mapping: string;
}

export class Api {
  /** Proves to the service that a change comes from this page. */
  csrf = '';
  /** Called when the session is over. */
  onSignedOut: () => void = () => {};

  constructor(private readonly send: typeof fetch = (input, init) => fetch(input, init)) {}

  session(): Promise<Session> {
    return this.keep(this.ask<Session>('GET', '/api/session', undefined, true));
  }

  /** Asks whether the session still holds; its end is told as everywhere. */
  async check(): Promise<void> {
    await this.ask<Session>('GET', '/api/session');
  }

  signIn(username: string, password: string): Promise<Session> {
    return this.keep(this.ask<Session>('POST', '/api/session', { username, password }, true));
  }

  async signOut(): Promise<void> {
    await this.ask('DELETE', '/api/session');
  }

  cases(): Promise<OpenCases> {
    return this.ask('GET', `/api/cases?open=true&limit=${MOST_CASES}`);
  }

  case(id: string): Promise<CaseRecord> {
    return this.ask('GET', `/api/cases/${id}`);
  }

  decide(id: string, version: number, command: Command): Promise<CaseEvent> {
    return this.ask('POST', `/api/cases/${id}/decide`, { version, ...command });
  }

  answer(id: string, question: number, answer: string): Promise<CaseEvent> {
    return this.ask('POST', `/api/cases/${id}/answer`, { question, answer });
  }

  /** A restricted case whole; that it was seen, and what for, is recorded. */
  why(id: string, code: WhyCode): Promise<CaseRecord> {
    return this.ask('POST', `/api/cases/${id}/why`, { code });
  }

  async followUps(open: boolean): Promise<FollowUp[]> {
    return (await this.ask<{ follow_ups: FollowUp[] }>('GET', `/api/follow-ups?open=${open}`)).follow_ups;
  }

  async closeFollowUp(number: number, note: string): Promise<void> {
    await this.ask('POST', '/api/follow-ups/close', { number, note });
  }

  /** The order of a unit; `known` is the tag of the one that is on the screen. */
  patrol(callsign: string, known: string | undefined): Promise<{ units: string[]; order: Order | null; unchanged: boolean }> {
    const tag = known === undefined ? '' : `&known=${encodeURIComponent(known)}`;
    return this.ask('GET', `/api/patrol?callsign=${encodeURIComponent(callsign)}${tag}`);
  }

  async report(seen: Report): Promise<void> {
    await this.ask('POST', '/api/observations', seen);
  }

  advance(deployment: string, to: DeploymentState): Promise<CaseEvent> {
    return this.ask('POST', `/api/deployments/${deployment}/advance`, { to });
  }

  map(): Promise<ForceMap> {
    return this.ask('GET', '/api/map');
  }

  async units(): Promise<UnitPosition[]> {
    return (await this.ask<{ units: UnitPosition[] }>('GET', '/api/units')).units;
  }

  async cameras(): Promise<Camera[]> {
    return (await this.ask<{ cameras: Camera[] }>('GET', '/api/cameras')).cameras;
  }

  hotlists(): Promise<Hotlists> {
    return this.ask('GET', '/api/hotlists');
  }

  async feeds(): Promise<Feed[]> {
    return (await this.ask<{ feeds: Feed[] }>('GET', '/api/feeds')).feeds;
  }

  async entries(list: string, after?: string, limit = 50): Promise<Entry[]> {
    const from = after === undefined ? '' : `&after=${encodeURIComponent(after)}`;
    const address = `${listAddress(list)}/entries?limit=${limit}${from}`;
    return (await this.ask<{ entries: Entry[] }>('GET', address)).entries;
  }

  withdraw(list: string, vrm?: string): Promise<Became> {
    return this.ask('POST', `${listAddress(list)}/withdraw`, vrm === undefined ? {} : { vrm });
  }

  putEntry(list: string, entry: EntrySaid, why: string): Promise<Became> {
    return this.ask('POST', `${listAddress(list)}/entries`, { entry, why });
  }

  entryHistory(list: string, entry: string): Promise<{ changes: EntryChange[]; reviews: Review[] }> {
    return this.ask('GET', `${listAddress(list)}/entries/${entry}/history`);
  }

  /** What came of every list since then. */
  yields(from: string): Promise<Yields> {
    return this.ask('GET', `/api/yield?from=${encodeURIComponent(from)}`);
  }

  async entryYields(list: string, skip = 0, limit = 20): Promise<EntryYieldShown[]> {
    return (await this.ask<{ entries: EntryYieldShown[] }>('GET', `${listAddress(list)}/yield?skip=${skip}&limit=${limit}`)).entries;
  }

  /** That a list was looked through, or one entry of it, and stays. */
  async review(list: string, why: string, entry?: string): Promise<void> {
    await this.ask('POST', `${listAddress(list)}/review`, entry === undefined ? { why } : { why, entry_id: entry });
  }

  async reviewNotices(): Promise<ReviewNotice[]> {
    return (await this.ask<{ notices: ReviewNotice[] }>('GET', '/api/reviews')).notices;
  }

  async seenNotice(number: number): Promise<void> {
    await this.ask('POST', '/api/reviews/seen', { number });
  }

  async policy(list: string): Promise<ListPolicy> {
    return (await this.ask<{ policy: ListPolicy }>('GET', `${listAddress(list)}/policy`)).policy;
  }

  async setPolicy(list: string, policy: ListPolicy): Promise<void> {
    await this.ask('POST', `${listAddress(list)}/policy`, policy);
  }

  async drafts(): Promise<Draft[]> {
    return (await this.ask<{ drafts: Draft[] }>('GET', '/api/drafts')).drafts;
  }

  async draftEntries(draft: number, limit = 20): Promise<Entry[]> {
    return (await this.ask<{ entries: Entry[] }>('GET', `/api/drafts/${draft}/entries?limit=${limit}`)).entries;
  }

  decideDraft(draft: number, verdict: 'authorise' | 'decline', why: string): Promise<{ draft: Draft; change: ListChange | null }> {
    return this.ask('POST', `/api/drafts/${draft}/decide`, { verdict, why });
  }

  async nominals(vrm?: string, after?: string, limit = 50): Promise<StoredNominal[]> {
    const only = vrm === undefined ? '' : `&vrm=${encodeURIComponent(vrm)}`;
    const from = after === undefined ? '' : `&after=${encodeURIComponent(after)}`;
    return (await this.ask<{ nominals: StoredNominal[] }>('GET', `/api/nominals?limit=${limit}${only}${from}`)).nominals;
  }

  nominal(reference: string): Promise<NominalRecord> {
    return this.ask('GET', nominalAddress(reference));
  }

  putNominal(reference: string, name: string, markers: PersonMarker[], why: string): Promise<NominalChanged> {
    return this.ask('POST', nominalAddress(reference), { name, markers, why });
  }

  removeNominal(reference: string, why: string): Promise<NominalChanged> {
    return this.ask('POST', `${nominalAddress(reference)}/remove`, { why });
  }

  linkNominal(reference: string, link: Link, why: string): Promise<NominalChanged> {
    return this.ask('POST', `${nominalAddress(reference)}/link`, { ...link, why });
  }

  unlinkNominal(reference: string, vrm: string, why: string): Promise<NominalChanged> {
    return this.ask('POST', `${nominalAddress(reference)}/unlink`, { vrm, why });
  }

  async operations(): Promise<OperationShown[]> {
    return (await this.ask<{ operations: OperationShown[] }>('GET', '/api/operations')).operations;
  }

  operation(name: string): Promise<OperationRecord> {
    return this.ask('GET', operationAddress(name));
  }

  /** Its version then. */
  async putOperation({ name, ...said }: Operation, why: string): Promise<number> {
    return (await this.ask<{ version: number }>('POST', operationAddress(name), { ...said, why })).version;
  }

  async endOperation(name: string, why: string): Promise<number> {
    return (await this.ask<{ version: number }>('POST', `${operationAddress(name)}/end`, { why })).version;
  }

  rules(): Promise<Rules> {
    return this.ask('GET', '/api/rules');
  }

  checkRules(file: File): Promise<RulesChecked> {
    return this.sendFile('/api/rules/check', file, () => undefined);
  }

  loadRules(file: File): Promise<{ version: number; rules: number }> {
    return this.sendFile('/api/rules', file, () => undefined);
  }

  async notifications(): Promise<Notification[]> {
    return (await this.ask<{ notifications: Notification[] }>('GET', '/api/notifications')).notifications;
  }

  async seen(number: number): Promise<void> {
    await this.ask('POST', '/api/notifications/seen', { number });
  }

  async audit(before?: number, limit = 100): Promise<AuditRow[]> {
    const from = before === undefined ? '' : `&before=${before}`;
    return (await this.ask<{ rows: AuditRow[] }>('GET', `/api/audit?limit=${limit}${from}`)).rows;
  }

  load(list: string, file: File, how: HowToLoad, why: string, progress: (share: number) => void): Promise<Loaded> {
    return this.sendFile(`${listAddress(list)}/load?${asked(how)}&why=${encodeURIComponent(why)}`, file, progress);
  }

  /** What a load of the same file would do; nothing is changed. */
  checkList(list: string, file: File, how: HowToLoad, progress: (share: number) => void): Promise<ListCheck> {
    return this.sendFile(`${listAddress(list)}/check?${asked(how)}`, file, progress);
  }

  /** By XMLHttpRequest, since `fetch` does not tell how much has gone. */
  private sendFile<T>(address: string, file: File, progress: (share: number) => void): Promise<T> {
    return new Promise((resolve, reject) => {
      const request = new XMLHttpRequest();
      request.open('POST', address);
      request.setRequestHeader('X-CSRF-Token', this.csrf);
      request.setRequestHeader('Content-Type', mediaType(file.name.toLowerCase()));
      request.upload.onprogress = (event) => progress(event.lengthComputable ? event.loaded / event.total : 0);
      request.onerror = () => reject(SILENT());
      request.onload = () => {
        if (request.status === 200) resolve(JSON.parse(request.responseText) as T);
        else reject(this.refused(request.status, request.responseText));
      };
      request.send(file);
    });
  }

  private async keep(session: Promise<Session>): Promise<Session> {
    const kept = await session;
    this.csrf = kept.csrf;
    return kept;
  }

  private async ask<T>(method: string, address: string, body?: unknown, signingIn = false): Promise<T> {
    const headers: Record<string, string> = { Accept: 'application/json' };
    if (body !== undefined) headers['Content-Type'] = 'application/json';
    if (method !== 'GET') headers['X-CSRF-Token'] = this.csrf;
    const response = await this.send(address, {
      method,
      headers,
      credentials: 'same-origin',
      cache: 'no-store',
      signal: AbortSignal.timeout(PATIENCE_MS),
      ...(body === undefined ? {} : { body: JSON.stringify(body) }),
    }).catch(() => {
      throw SILENT();
    });
    const text = await response.text();
    if (!response.ok) throw this.refused(response.status, text, signingIn);
    return (text === '' ? undefined : JSON.parse(text)) as T;
  }

  private refused(status: number, text: string, signingIn = false): ApiError {
    if (status === 401 && !signingIn) this.onSignedOut();
    return ApiError.from(status, text);
  }
}

/** What went wrong, for people. */
export function reason(error: unknown): string {
  return error instanceof Error ? error.message : 'Something went wrong on this page. Reload it.';
}

function asked({ acceptGoodRows, mapping }: HowToLoad): string {
  return `accept_good_rows=${acceptGoodRows}${mapping === '' ? '' : `&mapping=${encodeURIComponent(mapping)}`}`;
}

function mediaType(name: string): string {
  if (name.endsWith('.zip')) return 'application/zip';
  if (name.endsWith('.json')) return 'application/json';
  return name.endsWith('.toml') ? 'application/toml' : 'text/csv';
}
