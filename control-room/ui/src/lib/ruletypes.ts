// What rules do to cases, what they ask, and what is seen in vehicles, as `types.ts` has what the live page is told.

import type { Action, DeploymentState, Grade, Marker, Timestamp } from './types';

export type Child = 'seen' | 'not_seen' | 'cannot_tell';
export type Trigger = 'sighting' | 'observation' | 'answer';
export type ObserverKind = 'operator' | 'officer' | 'camera';

/** Who saw something. */
export interface Observer {
  kind: ObserverKind;
  name?: string;
  unit?: string;
  camera?: string;
}

/** What was seen in a vehicle around one of its sightings. */
export interface Observed {
  observation_id: string;
  vrm: string;
  child: Child;
  occupants?: number;
  by: Observer;
  at: Timestamp;
  /** Seconds between it and the sighting next to it. */
  apart_s: number;
}

/** What was answered. */
export interface Answer {
  given: string;
  by: Observer;
  at: Timestamp;
}

/** What a rule asked about a case. */
export interface Question {
  number: number;
  rule: string;
  question: string;
  answers: string[];
  about_child?: boolean;
  asked_at: Timestamp;
  /** The newest; absent while it waits. */
  answer?: Answer;
}

/** Which rule of which version did what to a case. */
export interface Ruled {
  rule: string;
  version: number;
  /** What it held at; absent for a sighting. */
  trigger?: Trigger;
  at: Timestamp;
  from?: Grade;
  grade: Grade;
  notified?: string[];
  signed_in?: string[];
  decisions: number;
  unanswered: number;
}

/** Somebody was called to a case. */
export interface Notification {
  number: number;
  case_id: string;
  at: Timestamp;
  desk: string;
  said: string;
  seen_by: string[];
}

/** Something to be done after a case. */
export interface FollowUp {
  number: number;
  case_id: string;
  opened_at: Timestamp;
  what: string;
  /** Absent while it is open. */
  closed?: Closed;
}

/** Who ended a follow-up, when, with which words. */
export interface Closed {
  by: string;
  at: Timestamp;
  words: string;
}

/** What a restricted reason is looked at for. */
export type WhyCode = 'safeguarding' | 'briefing' | 'investigation' | 'supervision' | 'data_quality';

/** What a unit is sent to, with what is needed to act. */
export interface Order {
  tag: string;
  case_id: string;
  state: DeploymentState;
  vrm: string;
  grade: Grade;
  action: Action;
  instructions: string[];
  /** Warnings for officers alone. */
  warnings: Marker[];
  make: string;
  model: string;
  colour: string;
  place: string;
  seen_at: Timestamp;
  /** What is to be found out at the vehicle. */
  questions: string[];
  stand_down: boolean;
}

/** What was seen in a vehicle, as it is reported. */
export interface Report {
  vrm: string;
  child: Child;
  occupants?: number;
  unit?: string;
  at?: Timestamp;
}
