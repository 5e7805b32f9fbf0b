// What came of lists and entries, and who looked them through, as the service sends it. A test of the service holds these against its own.

import type { Entry, Outcome, Timestamp } from './types';

/** An entry is overdue for review. */
export interface Overdue {
  since: Timestamp;
  /** It has lapsed: its hits are kept and open no case. */
  log_only?: boolean;
}

/** How often what came of an entry or a list. */
export interface Yield {
  hits: number;
  confirmed: number;
  deployments: number;
  outcomes: Partial<Record<Outcome, number>>;
}

export interface Review {
  number: number;
  list: string;
  /** None where it was the whole list. */
  entry_id?: string;
  at: Timestamp;
  by: string;
  why: string;
}

/** What was overdue for review on a list, of one owner, on one day. */
export interface ReviewNotice {
  number: number;
  day: string;
  list: string;
  owner: string;
  at: Timestamp;
  overdue: number;
  lapsing: number;
  log_only: number;
  first_lapse_at?: Timestamp;
  seen?: SeenBy;
  /** When the list was reviewed since. */
  reviewed_at?: Timestamp;
}

export interface SeenBy {
  by: string;
  at: Timestamp;
}

export interface ListYield {
  list: string;
  entries: number;
  came: Yield;
  results: number;
  since: Timestamp | null;
  counted_since: Timestamp | null;
  reviewed: Review | null;
  overdue: number;
  log_only: number;
  /** Many hits, no result, and no review in the span. */
  fruitless: boolean;
}

export interface Yields {
  from: Timestamp;
  to: Timestamp;
  many_hits: number;
  lists: ListYield[];
}

export interface EntryYield {
  entry_id: string;
  came: Yield;
  last_hit_at?: Timestamp;
}

export interface EntryYieldShown extends EntryYield {
  results: number;
  /** None where it is no longer on the list. */
  entry: Entry | null;
}
