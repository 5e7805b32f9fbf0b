// The field's words for what the wire abbreviates.

import type { ReasonCode } from './listtypes';
import type { Relation } from './nominaltypes';
import type { Observed, Observer, WhyCode } from './ruletypes';
import type { Action, CaseState, DeploymentState, EventKind, Grade, Marker, Outcome, Recall, Skill, UnitState } from './types';

export const GRADES: Record<Grade, { name: string; promise: string }> = {
  1: { name: 'Immediate', promise: 'now' },
  2: { name: 'Within the hour', promise: 'within the hour' },
  3: { name: 'Within 24 hours', promise: 'within 24 hours' },
  4: { name: 'Log only', promise: 'no deployment' },
};

export const MARKERS: Record<Marker, { code: string; words: string }> = {
  registered_sex_offender: { code: 'RSO', words: 'registered sex offender' },
  firearms: { code: 'FI', words: 'firearms' },
  weapons: { code: 'WE', words: 'weapons' },
  explosives: { code: 'XP', words: 'explosives' },
  violent: { code: 'VI', words: 'violent' },
  contagious: { code: 'CO', words: 'contagious' },
  escaper: { code: 'ES', words: 'escaper' },
  alleges: { code: 'AG', words: 'alleges' },
  ailment: { code: 'AT', words: 'ailment' },
  suicidal: { code: 'SU', words: 'suicidal' },
  mental: { code: 'MN', words: 'mental health' },
  drugs: { code: 'DR', words: 'drugs' },
  impersonates_male: { code: 'IM', words: 'impersonates male' },
  impersonates_female: { code: 'IF', words: 'impersonates female' },
  missing_person: { code: 'MP', words: 'missing person' },
  wanted: { code: 'WM', words: 'wanted person' },
  stolen: { code: 'LS', words: 'stolen vehicle' },
  lost_or_stolen_plates: { code: 'LP', words: 'lost or stolen plates' },
  no_insurance: { code: 'NI', words: 'no insurance' },
  no_tax: { code: 'NT', words: 'no vehicle tax' },
  disqualified: { code: 'DQ', words: 'disqualified driver' },
};

/** Markers that say an officer may be hurt: drawn more strongly. */
export const DANGER: ReadonlySet<Marker> = new Set([
  'firearms',
  'weapons',
  'explosives',
  'violent',
  'contagious',
] as const);

/** Facts about a vehicle alone, which no person has. */
const OF_VEHICLES: ReadonlySet<Marker> = new Set(['stolen', 'lost_or_stolen_plates', 'no_insurance', 'no_tax'] as const);

/** Markers that a person may have. */
export const OF_PEOPLE = (Object.keys(MARKERS) as Marker[]).filter((marker) => !OF_VEHICLES.has(marker));

export const REASONS: Record<ReasonCode, string> = {
  stolen: 'Stolen vehicle',
  plates: 'Lost or stolen plates',
  clone: 'Cloned plates',
  wanted: 'Wanted person',
  missing: 'Missing person',
  safeguarding: 'Person at risk',
  offender: 'Managed offender',
  firearms: 'Firearms, weapons or explosives',
  violence: 'Violence',
  drugs: 'Drugs',
  theft: 'Burglary, robbery or theft',
  no_insurance: 'No insurance',
  no_tax: 'No vehicle tax',
  disqualified: 'Disqualified driver',
  intelligence: 'Intelligence to be developed',
  other: 'Other',
};

export const RELATIONS: Record<Relation, string> = {
  keeper: 'Keeper',
  driver: 'Driver',
  associate: 'Associate',
};

export const ACTIONS: Record<Action, { word: string; meaning: string }> = {
  stop: { word: 'STOP', meaning: 'Stop the vehicle' },
  observe: { word: 'OBSERVE', meaning: 'Watch and report, do not stop' },
  silent: { word: 'SILENT', meaning: 'Do not stop, show no interest' },
  intelligence: { word: 'LOG ONLY', meaning: 'For intelligence, do not stop' },
};

export const STATES: Record<CaseState, string> = {
  new: 'To verify',
  confirmed: 'Confirmed',
  deployed: 'Deployed',
  rejected: 'Rejected',
  closed: 'Closed',
};

export const EVENTS: Record<EventKind, string> = {
  opened: 'Case opened',
  sighted: 'Sighted',
  confirmed: 'Confirmed',
  rejected: 'Rejected',
  deployed: 'Unit sent',
  deployment_advanced: 'Unit',
  proposed: 'Units ranked',
  closed: 'Closed',
  recalled: 'Recalled',
  escalated: 'Escalated',
  notified: 'Called',
  observed: 'Seen in the vehicle',
  asked: 'Asked',
  answered: 'Answered',
  instructed: 'To be done',
  restricted: 'Restricted',
  followed_up: 'Follow-up opened',
};

export const OUTCOMES: Record<Outcome, string> = {
  arrest: 'Stopped, arrest made',
  vehicle_recovered: 'Vehicle seized or recovered',
  stopped_no_arrest: 'Stopped, dealt with at the roadside',
  observed: 'Observed as asked, not stopped',
  not_found: 'Vehicle not found',
  no_unit_available: 'No unit available',
  entry_out_of_date: 'Entry no longer holds',
  misread: 'Plate misread',
  wrong_vehicle: 'Right plate, wrong vehicle',
  other: 'Other, see note',
  recalled: 'Marker withdrawn or expired before anybody looked',
};

/** What a recall says to whoever works on the case; nothing where the case was not recalled. */
export function recallWords(recall: Recall | undefined): { word: string; says: string } | undefined {
  if (!recall) return undefined;
  const gone = `Marker ${recall.cause}`;
  if (recall.led_by) return { word: gone, says: `No longer on ${recall.list}. Another marker leads this case now.` };
  return {
    word: `${gone}: stand down`,
    says: `No longer on ${recall.list}. Stand down unless there are other grounds, then close the case.`,
  };
}

/** Why a case is rejected, in the order of the keys 1 to 4. */
export const REJECTIONS: readonly Outcome[] = ['misread', 'wrong_vehicle', 'entry_out_of_date', 'other'];

const ENDINGS: readonly Outcome[] = [
  'arrest',
  'vehicle_recovered',
  'stopped_no_arrest',
  'observed',
  'not_found',
  'no_unit_available',
  'entry_out_of_date',
  'other',
];

/** How a case ends, in the order of the keys from 1; that it was the wrong car only a unit on the spot can tell. */
export function endings(state: CaseState): readonly Outcome[] {
  return state === 'deployed' ? [...ENDINGS.slice(0, 7), 'wrong_vehicle', 'other'] : ENDINGS;
}

export const DEPLOYMENT_STEPS: readonly DeploymentState[] = ['proposed', 'accepted', 'en_route', 'at_scene', 'cleared'];

export const DEPLOYMENT: Record<DeploymentState, string> = {
  proposed: 'Proposed',
  accepted: 'Accepted',
  en_route: 'En route',
  at_scene: 'At scene',
  cleared: 'Cleared',
};

/** The step after, none after the last. */
export function nextStep(state: DeploymentState): DeploymentState | undefined {
  return DEPLOYMENT_STEPS[DEPLOYMENT_STEPS.indexOf(state) + 1];
}

export const UNITS: Record<UnitState, string> = {
  available: 'Available',
  accepted: 'Accepted',
  en_route: 'En route',
  at_scene: 'At scene',
  busy: 'Busy',
  off_duty: 'Off duty',
};

export const SKILLS: Record<Skill, string> = {
  armed: 'armed',
  pursuit: 'pursuit',
  roads: 'roads',
  dog: 'dog',
};

/** What a restricted reason may be looked at for, in the order of the keys from 1. */
export const WHY_CODES: readonly (readonly [WhyCode, string])[] = [
  ['safeguarding', 'To protect somebody'],
  ['briefing', 'To brief a unit'],
  ['investigation', 'To investigate'],
  ['supervision', 'To answer for the case'],
  ['data_quality', 'To mend the entry'],
];

/** Who saw something: `officer olu of KN11`. */
export function observerWords(by: Observer, place: (camera: string) => string): string {
  if (by.kind === 'camera') return `camera at ${place(by.camera ?? '')}`;
  return `${by.kind} ${by.name ?? ''}${by.unit === undefined ? '' : ` of ${by.unit}`}`;
}

const CHILD: Record<Observed['child'], string> = { seen: 'Child seen', not_seen: 'No child seen', cannot_tell: 'Cannot tell whether a child is in it' };

/** What was seen in a vehicle, in words. */
export function seenWords(one: Observed): string {
  return one.occupants === undefined ? CHILD[one.child] : `${CHILD[one.child]}, ${one.occupants} in the vehicle`;
}

/** A line of a case's history in words: `KN70 en route`, `Stopped, arrest made: two in custody`. */
export function historyWords(kind: EventKind, detail: string, place: (camera: string) => string): string {
  switch (kind) {
    case 'opened':
    case 'sighted':
      return place(detail);
    case 'rejected':
    case 'closed': {
      const [outcome = '', ...note] = detail.split(': ');
      return [OUTCOMES[outcome as Outcome] ?? outcome, ...note].join(': ');
    }
    case 'deployed':
    case 'deployment_advanced':
      return detail.replaceAll('_', ' ');
    default:
      return detail;
  }
}
