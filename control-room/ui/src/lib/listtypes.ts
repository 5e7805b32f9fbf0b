// What the pages of lists and rules are told, as `types.ts` has what the live page is.

import type { Action, Entry, Grade, Timestamp } from './types';

/** Why a vehicle is looked for. */
export type ReasonCode =
  | 'stolen'
  | 'plates'
  | 'clone'
  | 'wanted'
  | 'missing'
  | 'safeguarding'
  | 'offender'
  | 'firearms'
  | 'violence'
  | 'drugs'
  | 'theft'
  | 'no_insurance'
  | 'no_tax'
  | 'disqualified'
  | 'intelligence'
  | 'other';

/** A rule, all of whose tests pass. */
export interface Rule {
  name: string;
  when: string;
  raise_grade: boolean;
  set_grade: Grade | null;
  notify: string[];
  ask: { question: string; answers: string[] } | null;
  instruct: string | null;
  restrict: string | null;
  follow_up: string | null;
  steps: number;
  tests: { name: string; expect: boolean }[];
}

export interface RuleFault {
  line: number;
  column: number;
  rule: string;
  reason: string;
}

export interface RulesChecked {
  faults: RuleFault[];
  rules: Rule[];
}

/** The rule file that counts; version 0 is the force's own. */
export interface Rules extends RulesChecked {
  version: number;
  hash: string;
  loaded_at?: Timestamp;
  loaded_by?: string;
  text: string;
}

export interface ListSummary {
  list: string;
  entries: number;
  revision: number;
  changed_at: Timestamp;
  changed_by: string;
  published_at: Timestamp | null;
}

/** A list, and where it is live. */
export interface ListShown extends ListSummary {
  /** In the log whole, and every running matcher judges by it. */
  live: boolean;
  /** Running matchers that do not yet. */
  lagging: string[];
  /** Clients outside may take it. */
  distributed: boolean;
  /** Which state each client has. */
  takings: Taking[];
}

/** At which revision a client last had the whole of a list. */
export interface Taking {
  client: string;
  list: string;
  revision: number;
  at: Timestamp;
}

/** What a list demands of its changes. */
export interface ListPolicy {
  four_eyes: boolean;
  max_days: number;
  owner: string;
  default_grade: Grade | null;
  review_days: number;
  notice_days: number;
  distributed: boolean;
}

/** A change that waits, or waited, for a second person. */
export interface Draft {
  draft: number;
  list: string;
  kind: 'load' | 'entry' | 'withdrawal';
  state: 'waiting' | 'authorised' | 'declined';
  author: string;
  made_at: Timestamp;
  why: string;
  change: ListChange;
  /** The list has changed since. */
  moved: boolean;
  decided_by: string | null;
  decided_at: Timestamp | null;
  decided_why: string | null;
}

/** One of the two is there. */
export interface Became {
  change: ListChange | null;
  draft: Draft | null;
}

export interface EntryChange {
  revision: number;
  action: string;
  at: Timestamp;
  by: string;
  authorised_by: string | null;
  why: string;
  before: Entry | null;
  after: Entry | null;
}

/** One mark, to be stopped by one list and on no account by another. */
export interface Contradiction {
  vrm: string;
  action: Action;
  list: string;
  there: Action;
}

/** What a file would do to a list. */
export interface ListCheck {
  comparison: { change: ListChange; added: string[]; changed: string[]; removed: string[]; contradictions: Contradiction[] } | null;
  may_load: boolean;
  faults: RowFault[];
  fault_count: number;
  suspicions: RowFault[];
  suspicion_count: number;
  rows: number;
  bad_rows: number;
  doubles: number;
  expired: number;
  notes: string[];
}

/** An entry as a person writes it. */
export interface EntrySaid {
  vrm: string;
  grade: string;
  action: string;
  reason_code: string;
  reason: string;
  owner: string;
  expires_at: string;
  markers: string;
  information: string;
  make: string;
  model: string;
  colour: string;
  reference: string;
  handling: string;
  sites: string;
  bcus: string;
  direction: string;
  hours: string;
}

/** A feed of lists, and how it stands. */
export interface Feed {
  feed: string;
  list: string;
  owner: string;
  due_hours: number | null;
  /** When the file was due that has not come. */
  late_since: Timestamp | null;
  refused: boolean;
  last: { number: number; at: Timestamp; outcome: 'loaded' | 'drafted' | 'unchanged' | 'refused'; said: string } | null;
}

/** What a column may hold, as a mapping names it. */
export const FIELDS = [
  'vrm', 'make', 'model', 'colour', 'action', 'markers', 'reason', 'reason_code', 'nim', 'information', 'owner', 'expires_at', 'reference', 'handling', 'cad', 'grade', 'region', 'sites', 'bcus', 'direction', 'hours',
] as const;

/** What the columns of an unknown file seem to hold. */
export interface Guess {
  mapping: string;
  /** The first row seems to name the columns. */
  header: boolean;
  columns: GuessedColumn[];
}

export interface GuessedColumn {
  number: number;
  name: string;
  /** How a mapping names it. */
  key: string | number;
  field: string | null;
  because: string;
}

export interface MatcherStatus {
  matcher: string;
  revision: number;
  /** An earlier revision that it does not have yet. */
  without?: number;
  entries: number;
  applied_at: Timestamp;
  at: Timestamp;
  running: boolean;
  current: boolean;
}

export interface Hotlists {
  revision: number;
  entries: number;
  lists: ListShown[];
  matchers: MatcherStatus[];
  /** Changes that wait for a second person. */
  drafts: number;
}

export interface ListChange {
  revision: number;
  added: number;
  changed: number;
  removed: number;
  unchanged: number;
}

export interface RowFault {
  line: number;
  column: string;
  reason: string;
}
