// The values that the service sends, as crate `domain` serialises them. Nothing here is checked at run time: the
// service is the only sender and its types are the contract. A test of the service holds these against its own.

import type { ReasonCode } from './listtypes';
import type { LinkedNominal } from './nominaltypes';
import type { Observed, Question, Ruled } from './ruletypes';
import type { Overdue } from './yieldtypes';

export type Timestamp = string;
export type Grade = 1 | 2 | 3 | 4;
export type CaseState = 'new' | 'confirmed' | 'rejected' | 'deployed' | 'closed';
export type Action = 'stop' | 'observe' | 'silent' | 'intelligence';
export type DeploymentState = 'proposed' | 'accepted' | 'en_route' | 'at_scene' | 'cleared';
export type UnitState = 'available' | 'accepted' | 'en_route' | 'at_scene' | 'busy' | 'off_duty';
export type Skill = 'armed' | 'pursuit' | 'roads' | 'dog';
export type Role = 'operator' | 'supervisor' | 'intelligence' | 'admin' | 'patrol' | 'client';
export type Permission =
  | 'view_cases'
  | 'act_on_cases'
  | 'report_observations'
  | 'see_why'
  | 'follow_up'
  | 'view_hotlists'
  | 'change_hotlists'
  | 'change_policies'
  | 'answer_calls'
  | 'view_yield'
  | 'take_lists'
  | 'view_audit'
  | 'administer';

export type Outcome =
  | 'arrest'
  | 'vehicle_recovered'
  | 'stopped_no_arrest'
  | 'observed'
  | 'not_found'
  | 'no_unit_available'
  | 'entry_out_of_date'
  | 'misread'
  | 'wrong_vehicle'
  | 'other'
  | 'recalled';

export type EventKind =
  | 'opened'
  | 'sighted'
  | 'confirmed'
  | 'rejected'
  | 'deployed'
  | 'deployment_advanced'
  | 'proposed'
  | 'closed'
  | 'recalled'
  | 'escalated'
  | 'notified'
  | 'observed'
  | 'asked'
  | 'answered'
  | 'instructed'
  | 'restricted'
  | 'followed_up';

export type Marker =
  | 'registered_sex_offender'
  | 'firearms'
  | 'weapons'
  | 'explosives'
  | 'violent'
  | 'contagious'
  | 'escaper'
  | 'alleges'
  | 'ailment'
  | 'suicidal'
  | 'mental'
  | 'drugs'
  | 'impersonates_male'
  | 'impersonates_female'
  | 'missing_person'
  | 'wanted'
  | 'stolen'
  | 'lost_or_stolen_plates'
  | 'no_insurance'
  | 'no_tax'
  | 'disqualified';

export type MatchKind = 'exact' | 'misread' | 'wildcard' | 'clone';

export type Evidence = 'characters' | 'confidence' | 'syntax' | 'register' | 'colour' | 'make' | 'history';

export type Difference =
  | 'none'
  | { alike: { count: number } }
  | { lost: { position: number; character: number } }
  | { gained: { position: number; character: number } };

export interface VehicleSeen {
  make?: string;
  model?: string;
  colour?: string;
  country?: string;
}

export interface PlateRead {
  read_id: string;
  vrm: string;
  camera: string;
  source: string;
  captured_at: Timestamp;
  received_at: Timestamp;
  clock_suspect?: boolean;
  retransmitted?: boolean;
  /** 0 to 1; absent is unknown, never certain. */
  confidence?: number;
  character_confidences?: number[];
  vehicle: VehicleSeen;
  motion?: 'towards' | 'away';
  plate_image?: string;
  overview_image?: string;
}

/** Where and when an entry is looked for. */
export interface Scope {
  sites?: string[];
  bcus?: string[];
  direction?: 'north' | 'east' | 'south' | 'west';
  hours?: string;
}

export interface Entry {
  entry_id: string;
  list: string;
  vrm: string;
  grade: Grade;
  action: Action;
  markers?: Marker[];
  reason_code?: ReasonCode;
  reason: string;
  information?: string;
  make?: string;
  model?: string;
  colour?: string;
  owner?: string;
  reference?: string;
  handling?: string;
  nominals?: LinkedNominal[];
  listed_at: Timestamp;
  expires_at?: Timestamp;
  scope?: Scope;
}

export interface Decision {
  by: string;
  what: EventKind;
  at: Timestamp;
}

export interface Conclusion {
  outcome: Outcome;
  note: string;
}

/** One character that differs. */
export interface Deviation {
  /** From 0: in the listed mark, or in the read where the listed mark has no such character. */
  position: number;
  listed?: string;
  read?: string;
}

export interface Term {
  evidence: Evidence;
  /** Natural logarithm; above 0 it speaks for the listed vehicle. */
  log_odds: number;
}

/** How likely a read is the vehicle looked for, and why. */
export interface Assessment {
  difference: Difference;
  characters: Deviation[];
  /** 0 to 1. */
  posterior: number;
  terms: Term[];
}

export interface Waypoint {
  camera: string;
  at: Timestamp;
}

/** Two readings of one mark that no single vehicle gets from one to the other of. */
export interface Journey {
  from: Waypoint;
  to: Waypoint;
  /** As the crow flies. */
  distance_m: number;
  /** At least. */
  speed_kmh: number;
}

/** How a case's latest read matched. */
export interface Match {
  kind: MatchKind;
  assessment?: Assessment;
  /** The vehicle's latest impossible journey. */
  journey?: Journey;
  /** The read was there before the entry. */
  past?: boolean;
}

/** An entry that led a case is no longer looked for. */
export interface Recall {
  entry_id: string;
  list: string;
  cause: 'withdrawn' | 'expired';
  at: Timestamp;
  /** The entry that leads instead; absent where none is left. */
  led_by?: string;
}

export interface Case {
  case_id: string;
  vrm: string;
  grade: Grade;
  state: CaseState;
  version: number;
  opened_at: Timestamp;
  updated_at: Timestamp;
  sightings: number;
  last_read: PlateRead;
  last_match: Match;
  bcu: string | null;
  entry: Entry;
  /** Its leading entry was overdue for review at its latest hit. */
  overdue?: Overdue;
  nominals?: LinkedNominal[];
  last_decision: Decision | null;
  conclusion: Conclusion | null;
  recall?: Recall;
  /** Sightings since a person last decided anything about it. */
  unanswered: number;
  /** What rules did to it, the newest last. */
  ruled?: Ruled[];
  /** What was seen in it around its sightings, the newest last. */
  observed?: Observed[];
  /** What rules asked, the newest last. */
  questions?: Question[];
  /** What rules want done, whatever the entry says. */
  instructions?: string[];
  /** Why is restricted: what is said in place of it. */
  restricted?: string;
}

export interface Deployment {
  deployment_id: string;
  case_id: string;
  callsign: string;
  state: DeploymentState;
  by: string;
  proposed_at: Timestamp;
  updated_at: Timestamp;
}

export interface Proposal {
  callsign: string;
  bcu: string;
  distance_m: number;
  fix_age_s: number;
  stale: boolean;
  own_bcu: boolean;
  skills: Skill[];
  why: string;
}

export interface CaseEvent {
  kind: EventKind;
  at: Timestamp;
  by?: string;
  case: Case;
  hit_id?: string;
  deployments?: Deployment[];
  proposals?: Proposal[];
  /** With `answered`: the number of the question. */
  answered?: number;
  /** What a rule did, or what was seen or answered, in words. */
  said?: string;
}

export interface Hit {
  hit_id: string;
  read: PlateRead;
  entry: Entry;
  revision: number;
  /** An earlier revision that did not count yet. */
  without?: number;
  kind: MatchKind;
  assessment?: Assessment;
  journey?: Journey;
  past?: boolean;
  /** Its entry was overdue for review. */
  overdue?: Overdue;
  matched_at: Timestamp;
}

export interface HistoryLine {
  at: Timestamp;
  kind: EventKind;
  by: string | null;
  detail: string;
}

export interface CaseRecord {
  case: Case;
  hits: Hit[];
  deployments: Deployment[];
  proposals: Proposal[];
  history: HistoryLine[];
}

export interface UnitPosition {
  callsign: string;
  bcu: string;
  lat: number;
  lon: number;
  heading: number;
  speed_kmh: number;
  state: UnitState;
  deployment?: string;
  crew: number;
  skills?: Skill[];
  at: Timestamp;
  stale: boolean;
}

export interface Camera {
  camera: string;
  site: string;
  name: string;
  bcu: string;
  road: string;
  lat: number;
  lon: number;
  bearing_deg: number;
  cctv?: string;
}

export interface ForceMap {
  name: string;
  control_room: string;
  bounds: [[number, number], [number, number]] | null;
  bcus: GeoJSON.FeatureCollection<GeoJSON.Geometry, { code: string; name: string }>;
  roads: GeoJSON.FeatureCollection<GeoJSON.LineString, { name: string; class: string }>;
  cameras: GeoJSON.FeatureCollection<
    GeoJSON.Point,
    { camera: string; name: string; bcu: string; bearing_deg: number }
  >;
}

export interface User {
  name: string;
  role: Role;
  disabled: boolean;
}

export interface Session {
  user: User;
  csrf: string;
  permissions: Permission[];
}

export interface AuditRow {
  number: number;
  at: Timestamp;
  actor: string;
  action: string;
  subject: string;
  detail: string;
  hash: string;
}

/** A hit just published: for the map to flash. */
export interface Flash {
  camera: string;
  grade: Grade;
  at: Timestamp;
}

export interface Beat {
  at: Timestamp;
  lists_revision: number;
  feeds: { reads_per_s: number | null; log?: 'ok' | 'away' };
}
