// What the page of nominals is told, as `types.ts` has what the live page is.

import type { ListChange } from './listtypes';
import type { Marker, Timestamp } from './types';

export type Relation = 'keeper' | 'driver' | 'associate';

/** A person whose markers a vehicle's entry has; never a name. */
export interface LinkedNominal {
  reference: string;
  relations: Relation[];
  markers: Marker[];
}

/** A coded fact about a person. */
export interface PersonMarker {
  marker: Marker;
  detail: string;
}

/** A vehicle of a person. */
export interface Link {
  vrm: string;
  relation: Relation;
  source: string;
  /** 5x5x5, such as `B23`. */
  grading: string;
  date: string;
}

/** A person known to intelligence. */
export interface Nominal {
  reference: string;
  name: string;
  markers: PersonMarker[];
  links: Link[];
}

export interface StoredNominal extends Nominal {
  version: number;
  changed_at: Timestamp;
  changed_by: string;
}

export interface NominalChange {
  version: number;
  action: string;
  at: Timestamp;
  by: string;
  why: string;
  before: Nominal | null;
  after: Nominal | null;
}

export interface NominalRecord {
  nominal: StoredNominal | null;
  changes: NominalChange[];
}

export interface NominalChanged {
  version: number;
  list: ListChange | null;
}
