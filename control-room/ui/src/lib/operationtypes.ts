// What the page of operations is told, as `types.ts` has what the live page is.

import type { Timestamp } from './types';
import type { Yield } from './yieldtypes';

/** Lists that are used together from one hour to another. */
export interface Operation {
  name: string;
  purpose: string;
  starts_at: Timestamp;
  ends_at: Timestamp;
  lists: string[];
  owner: string;
}

export type OperationState = 'coming' | 'running' | 'ended';

export interface StoredOperation {
  operation: Operation;
  version: number;
  changed_at: Timestamp;
  changed_by: string;
  /** Those of its lists that still have entries. */
  live: string[];
}

/** An operation, and how far it is. */
export interface OperationShown extends StoredOperation {
  state: OperationState;
}

export interface OperationChange {
  version: number;
  action: string;
  at: Timestamp;
  by: string;
  why: string;
  before: Operation | null;
  after: Operation;
}

export interface OperationRecord {
  stored: StoredOperation;
  total: Yield;
  /** By list. */
  yields: Record<string, Yield>;
  changes: OperationChange[];
}
