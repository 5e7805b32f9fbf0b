// Development only: a small seeded world behind the mock service. It follows the contract of the API, not the
// business: the real rules live in the service.

import { createHash } from 'node:crypto';
import { readFileSync } from 'node:fs';
import { isOpen } from '../src/lib/queue';
import { Random } from '../src/lib/random';
import type {
  Action, AuditRow, Camera, Case, CaseEvent, CaseRecord, Conclusion, Deployment, DeploymentState, Entry, EventKind,
  Flash, ForceMap, Grade, Hit, HistoryLine, Marker, Match, Outcome, PlateRead, Proposal, UnitPosition,
} from '../src/lib/types';
import { DEPLOYMENT_STEPS } from '../src/lib/words';
import { asRead, matched, type How } from './doubts';
import type { Vehicle } from './pictures';

const DATA = new URL('../../../data/merseyside/', import.meta.url);
const json = <T>(name: string): T => JSON.parse(readFileSync(new URL(name, DATA), 'utf8')) as T;
const hash = (text: string, digits = 32): string => createHash('sha256').update(text).digest('hex').slice(0, digits);
const iso = (ms: number): string => new Date(ms).toISOString();

export class Refused extends Error {
  constructor(readonly status: number, readonly code: string, message: string) {
    super(message);
  }
}

interface Story {
  grade: Grade;
  action: Action;
  markers: Marker[];
  reason: string;
  information: string;
  list: string;
  owner: string;
}

const STORIES: Story[] = [
  { grade: 1, action: 'stop', markers: ['wanted', 'firearms'], reason: 'Wanted for armed robbery, Bootle post office', information: 'Two males, one carried a shotgun. Do not approach without armed support.', list: 'pnc-wanted', owner: 'Merseyside, Serious Crime' },
  { grade: 1, action: 'stop', markers: ['registered_sex_offender', 'missing_person'], reason: 'Registered sex offender, failed to report; missing child may be in the vehicle', information: 'Is a child visible? Safeguard the child first.', list: 'rso', owner: 'Merseyside, Public Protection' },
  { grade: 1, action: 'observe', markers: ['explosives', 'violent'], reason: 'Linked to theft of commercial explosives, Warrington quarry', information: 'Follow at distance and report direction of travel. Call the force incident manager.', list: 'ct-watch', owner: 'Cheshire, Special Branch' },
  { grade: 2, action: 'stop', markers: ['stolen'], reason: 'Stolen from Crosby this morning, keys taken in burglary', information: 'Recover for forensic examination.', list: 'stolen', owner: 'Merseyside, Sefton' },
  { grade: 2, action: 'silent', markers: ['drugs', 'violent'], reason: 'Subject of Operation Copperleaf, supply of class A drugs', information: 'Log occupants and direction only.', list: 'operation-copperleaf', owner: 'Merseyside, Matrix' },
  { grade: 2, action: 'stop', markers: ['wanted'], reason: 'Keeper wanted on warrant, fail to appear at Liverpool Crown Court', information: '', list: 'pnc-wanted', owner: 'Merseyside, Warrants' },
  { grade: 3, action: 'stop', markers: ['no_insurance', 'disqualified'], reason: 'No insurance, keeper disqualified until 2027', information: 'Seize under section 165A.', list: 'mib', owner: 'Motor Insurers Bureau' },
  { grade: 3, action: 'stop', markers: ['lost_or_stolen_plates'], reason: 'Plates reported stolen, fuel drive-offs on the Wirral', information: 'Check the chassis number against the plate.', list: 'lost-plates', owner: 'Merseyside, Wirral' },
  { grade: 3, action: 'observe', markers: ['suicidal', 'mental'], reason: 'Concern for welfare, left a note, last seen Huyton', information: 'Partner is worried. Approach with care.', list: 'missing', owner: 'Merseyside, Knowsley' },
];
const CARS = [
  ['FORD', 'FOCUS ZETEC'], ['VAUXHALL', 'ASTRA SXI'], ['VOLKSWAGEN', 'GOLF GT TDI'], ['BMW', '320D'], ['AUDI', 'A4'], ['TOYOTA', 'AVENSIS'],
] as const;
const COLOURS = ['BLACK', 'SILVER', 'BLUE', 'RED', 'WHITE', 'GREY'] as const;

/** As a rule would: nobody is told why, and the operator is asked. */
function restrict(one: Case, at: number, whole: Map<string, Entry>): void {
  const restricted = 'Restricted: act as shown, the supervisor may see why';
  whole.set(one.case_id, one.entry);
  one.restricted = restricted;
  one.entry = { ...one.entry, list: 'restricted', markers: [], reason: restricted, information: '', owner: '', reference: '' };
  one.questions = [{ number: 1, rule: 'restricted', question: 'Is a child visible in the vehicle?', answers: ['seen', 'not seen', 'cannot tell'], about_child: true, asked_at: iso(at) }];
}

/** How the first cases match, so that each kind is there to be looked at. */
const FIRST: readonly How[] = ['alike', 'clone', 'past', 'lost', 'gained'];

interface Unit extends UnitPosition {
  course: [number, number][];
  step: number;
}

export class World {
  readonly cameras = json<Camera[]>('cameras.json');
  readonly roads = json<ForceMap['roads']>('roads.geojson');
  readonly bcus = json<ForceMap['bcus']>('bcus.geojson');
  readonly records = new Map<string, CaseRecord>();
  /** What is looked for, of cases whose reason is restricted. */
  readonly whole = new Map<string, Entry>();
  readonly pictures = new Map<string, Vehicle & { kind: 'plate' | 'scene' }>();
  readonly units: Unit[];
  readonly events: CaseEvent[] = [];
  readonly audit: AuditRow[] = [];
  onEvent: (event: CaseEvent, place: number) => void = () => {};
  onFlash: (flash: Flash) => void = () => {};
  private readonly random: Random;
  private made = 0;

  constructor(seed: number, cases: number) {
    this.random = new Random(seed);
    const profiles = json<{ callsign: string; bcu: string; crew: number; skills: UnitPosition['skills']; lat: number; lon: number }[]>('units.json');
    this.units = profiles.map((profile, index) => this.unit(profile, index));
    const names: Record<string, string> = { LN: 'Liverpool North', LS: 'Liverpool South', SE: 'Sefton', WI: 'Wirral', SH: 'St Helens', KN: 'Knowsley' };
    for (const bcu of this.bcus.features) bcu.properties.name = names[bcu.properties.code] ?? bcu.properties.code;
    const now = Date.now();
    for (let n = 0; n < cases; n += 1) this.open(now - this.random.between(20, 1_500) * 1_000, FIRST[n]);
    for (const record of [...this.records.values()].slice(FIRST.length, FIRST.length + 4)) this.sight(record, now - 9_000);
  }

  map(): ForceMap {
    const points = this.bcus.features.flatMap((bcu) => (bcu.geometry as GeoJSON.Polygon).coordinates[0] ?? []);
    const [lons, lats] = [points.map((at) => at[0] ?? 0), points.map((at) => at[1] ?? 0)];
    return {
      name: 'Merseyside Police',
      control_room: 'Lightning Three',
      bounds: [[Math.min(...lons), Math.min(...lats)], [Math.max(...lons), Math.max(...lats)]],
      bcus: this.bcus,
      roads: this.roads,
      cameras: {
        type: 'FeatureCollection',
        features: this.cameras.map(({ camera, name, bcu, bearing_deg, lon, lat }) => ({
          type: 'Feature', properties: { camera, name, bcu, bearing_deg }, geometry: { type: 'Point', coordinates: [lon, lat] },
        })),
      },
    };
  }

  note(actor: string, action: string, subject: string, detail = ''): void {
    const number = this.audit.length + 1;
    this.audit.push({ number, at: iso(Date.now()), actor, action, subject, detail, hash: hash(`${number}${actor}${action}`, 64) });
  }

  /** One second of the world. */
  tick(): UnitPosition[] {
    if (this.random.chance(0.8)) this.onFlash({ camera: this.random.pick(this.cameras).camera, grade: 4, at: iso(Date.now()) });
    if (this.random.chance(1 / 25)) this.open(Date.now(), this.random.chance(0.2) ? 'alike' : 'exact');
    if (this.random.chance(1 / 12)) {
      const open = [...this.records.values()].filter((record) => isOpen(record.case.state));
      if (open.length > 0) this.sight(this.random.pick(open), Date.now());
    }
    return this.units.filter((unit) => this.drive(unit));
  }

  open(at: number, how: How = 'exact'): Case {
    this.made += 1;
    const grade = this.made === 1 || this.random.chance(0.12) ? 1 : this.random.chance(0.4) ? 2 : 3;
    const told = STORIES.filter((one) => one.grade === grade);
    // The first asks something and is restricted, so that this is there to be looked at.
    const story = this.made === 1 ? told.find((one) => one.list === 'rso')! : this.random.pick(told);
    const vrm = this.vrm();
    const [make, model] = this.random.pick(CARS);
    const colour = this.random.pick(COLOURS);
    const entry: Entry = {
      ...story, entry_id: hash(`entry${vrm}`), vrm, make, model, colour, reference: `${this.random.between(10, 99)}/${this.random.between(1_000, 99_999)}`,
      listed_at: iso(at - this.random.between(1, 400) * 3_600_000), expires_at: iso(at + 40 * 86_400_000),
    };
    const here = this.random.pick(this.cameras);
    const far = (camera: Camera): number => Math.hypot(camera.lon - here.lon, camera.lat - here.lat);
    const other = this.cameras.reduce((a, b) => (far(a) > far(b) ? a : b));
    const read = this.read(vrm, colour, make, model, at, here, asRead(vrm, how));
    const match = matched(how, read, entry, other, here);
    const case_id = hash(`case${read.read_id}`);
    const one: Case = {
      case_id, vrm, grade: story.grade, state: 'new', version: 0, opened_at: iso(at), updated_at: iso(at), sightings: 1, unanswered: 1, last_read: read, last_match: match,
      bcu: this.camera(read).bcu, entry, last_decision: null, conclusion: null,
    };
    if (story.list === 'rso') restrict(one, at, this.whole);
    const record: CaseRecord = { case: one, hits: [this.hit(read, entry, match)], deployments: [], proposals: [], history: [] };
    this.records.set(case_id, record);
    this.publish(record, 'opened', at, { hit_id: record.hits[0]!.hit_id }, read.camera);
    this.rank(record, at);
    return one;
  }

  decide(id: string, by: string, wanted: { version: number; command: string; outcome?: Outcome; note?: string; callsign?: string }): CaseEvent {
    const record = this.records.get(id);
    if (!record) throw new Refused(404, 'not_found', 'there is no such case');
    const { state, version, last_decision: last } = record.case;
    if (wanted.version !== version && last) throw new Refused(409, 'superseded', `${last.by} was first: ${last.what} it at ${last.at}; look at the case again`);
    const wrong = (what: string): Refused => new Refused(409, 'wrong_state', `the case is ${state}; ${what}`);
    const now = Date.now();
    const next = { version: version + 1, updated_at: iso(now) };
    const decided = (kind: EventKind) => ({ ...next, last_decision: { by, what: kind, at: iso(now) } });
    const conclusion: Conclusion | null = wanted.outcome ? { outcome: wanted.outcome, note: wanted.note ?? '' } : null;
    const said = conclusion ? [conclusion.outcome, conclusion.note].filter(Boolean).join(': ') : '';
    if (wanted.command === 'confirm') {
      if (state !== 'new') throw wrong('only a new case is confirmed');
      record.case = { ...record.case, ...decided('confirmed'), state: 'confirmed' };
      return this.publish(record, 'confirmed', now, { by });
    }
    if (wanted.command === 'reject') {
      if (state !== 'new' && state !== 'confirmed') throw wrong('only a case without a deployment is rejected, close it instead');
      record.case = { ...record.case, ...decided('rejected'), state: 'rejected', conclusion };
      return this.publish(record, 'rejected', now, { by }, said);
    }
    if (wanted.command === 'deploy') {
      if (state !== 'confirmed' && state !== 'deployed') throw wrong('compare the plate image with the entry and confirm it before sending a unit');
      return this.deploy(record, wanted.callsign ?? '', by, now, decided('deployed'));
    }
    if (state !== 'confirmed' && state !== 'deployed') throw wrong('only a confirmed or deployed case is closed, reject a new one');
    const cleared = record.deployments.filter((one) => one.state !== 'cleared').map((one) => ({ ...one, state: 'cleared' as const, updated_at: iso(now) }));
    record.deployments = record.deployments.map((one) => cleared.find((other) => other.deployment_id === one.deployment_id) ?? one);
    record.case = { ...record.case, ...decided('closed'), state: 'closed', conclusion };
    return this.publish(record, 'closed', now, { by, deployments: cleared }, said);
  }

  advance(id: string, to: DeploymentState, by?: string): CaseEvent {
    const record = [...this.records.values()].find((one) => one.deployments.some((unit) => unit.deployment_id === id));
    const before = record?.deployments.find((unit) => unit.deployment_id === id);
    if (!record || !before) throw new Refused(404, 'not_found', 'there is no such deployment');
    if (DEPLOYMENT_STEPS.indexOf(to) <= DEPLOYMENT_STEPS.indexOf(before.state)) throw new Refused(409, 'wrong_step', `a deployment that is ${before.state} cannot become ${to}`);
    const now = Date.now();
    const after: Deployment = { ...before, state: to, updated_at: iso(now) };
    record.deployments = record.deployments.map((one) => (one.deployment_id === id ? after : one));
    record.case = { ...record.case, updated_at: iso(now) };
    const unit = this.units.find((one) => one.callsign === before.callsign);
    if (unit) unit.state = to === 'cleared' ? 'available' : to === 'proposed' ? 'available' : to;
    return this.publish(record, 'deployment_advanced', now, { ...(by ? { by } : {}), deployments: [after] }, `${after.callsign} ${to}`);
  }

  answer(id: string, by: string, number: number, given: string): CaseEvent {
    const record = this.records.get(id);
    if (!record) throw new Refused(404, 'not_found', 'there is no such case');
    const now = Date.now();
    const answer = { given, by: { kind: 'operator' as const, name: by }, at: iso(now) };
    record.case = { ...record.case, questions: (record.case.questions ?? []).map((one) => (one.number === number ? { ...one, answer } : one)) };
    return this.publish(record, 'answered', now, { by, answered: number, said: given }, given);
  }

  private deploy(record: CaseRecord, callsign: string, by: string, now: number, decided: Partial<Case>): CaseEvent {
    const busy = [...this.records.values()].some((one) => one.deployments.some((unit) => unit.callsign === callsign && unit.state !== 'cleared'));
    if (busy) throw new Refused(409, 'unit_busy', `${callsign} is already on a deployment; choose another unit`);
    const { case_id } = record.case;
    const deployment: Deployment = {
      deployment_id: hash(`${case_id}${callsign}${record.case.version}`), case_id, callsign, state: 'proposed', by, proposed_at: iso(now), updated_at: iso(now),
    };
    record.deployments = [deployment, ...record.deployments];
    record.case = { ...record.case, ...decided, state: 'deployed' };
    return this.publish(record, 'deployed', now, { by, deployments: [deployment] }, `${callsign} proposed`);
  }

  private sight(record: CaseRecord, at: number): void {
    const { entry, last_read: last, last_match: { journey } } = record.case;
    const here = this.camera(last);
    const near = this.cameras.filter((camera) => camera.site !== here.site && Math.hypot(camera.lon - here.lon, camera.lat - here.lat) < 0.06);
    const read = this.read(entry.vrm, entry.colour ?? '', entry.make ?? '', entry.model ?? '', at, near.length > 0 ? this.random.pick(near) : here);
    const match = matched('exact', read, entry, here, here);
    record.hits = [this.hit(read, entry, match), ...record.hits];
    record.case = { ...record.case, sightings: record.case.sightings + 1, last_read: read, last_match: { ...match, ...(journey ? { journey } : {}) }, bcu: this.camera(read).bcu, updated_at: iso(at) };
    this.publish(record, 'sighted', at, { hit_id: record.hits[0]!.hit_id }, read.camera);
    this.rank(record, at);
  }

  private rank(record: CaseRecord, at: number): void {
    const camera = this.camera(record.case.last_read);
    const far = (unit: Unit): number => Math.hypot((unit.lon - camera.lon) * 66_600, (unit.lat - camera.lat) * 111_200);
    const score = (unit: Unit): number => (unit.stale ? 1e7 : 0) + (unit.bcu === camera.bcu ? 0 : 1e6) + far(unit);
    const ranked = this.units.filter((unit) => unit.state === 'available').sort((a, b) => score(a) - score(b)).slice(0, 5);
    record.proposals = ranked.map((unit): Proposal => {
      const own = unit.bcu === camera.bcu;
      const why = unit.stale ? 'position is more than 2 minutes old, ask on the radio first' : `${own ? 'own BCU' : 'neighbouring BCU'}, available, crew of ${unit.crew}`;
      return { callsign: unit.callsign, bcu: unit.bcu, distance_m: far(unit), fix_age_s: unit.stale ? 190 : this.random.between(1, 14), stale: unit.stale, own_bcu: own, skills: unit.skills ?? [], why };
    });
    this.publish(record, 'proposed', at + 40, { proposals: record.proposals }, ranked.map((unit) => unit.callsign).join(', '));
  }

  private publish(record: CaseRecord, kind: EventKind, at: number, more: Partial<CaseEvent>, detail = ''): CaseEvent {
    const event: CaseEvent = { kind, at: iso(at), case: record.case, ...more };
    const line: HistoryLine = { at: event.at, kind, by: event.by ?? null, detail };
    record.history = [...record.history, line];
    this.events.push(event);
    if (event.by) this.note(event.by, kind, record.case.case_id, detail);
    if (kind === 'opened' || kind === 'sighted') this.onFlash({ camera: record.case.last_read.camera, grade: record.case.grade, at: event.at });
    this.onEvent(event, this.events.length);
    return event;
  }

  private hit(read: PlateRead, entry: Entry, match: Match): Hit {
    return { hit_id: hash(read.read_id + entry.entry_id), read, entry, revision: 12, ...match, matched_at: read.captured_at };
  }

  private read(vrm: string, colour: string, make: string, model: string, at: number, where: Camera, seenAs = vrm): PlateRead {
    const read_id = hash(`${vrm}${at}${where.camera}`);
    const rear = this.random.chance(0.6);
    const [plate_image, overview_image] = [hash(`p${read_id}`, 64), hash(`o${read_id}`, 64)];
    const vehicle = { vrm, colour, rear };
    this.pictures.set(plate_image, { ...vehicle, kind: 'plate' });
    this.pictures.set(overview_image, { ...vehicle, kind: 'scene' });
    const confidences = [...seenAs].map(() => (this.random.chance(0.1) ? 0.62 : 0.9 + 0.09 * this.random.next()));
    const sure = this.random.chance(0.8);
    return {
      read_id, vrm: seenAs, camera: where.camera, source: 'ring', captured_at: iso(at), received_at: iso(at + 180), motion: rear ? 'away' : 'towards',
      ...(sure ? { confidence: Math.min(...confidences), character_confidences: confidences } : {}),
      vehicle: { ...(this.random.chance(0.8) ? { make, model: model.split(' ')[0] ?? '' } : {}), colour: this.random.chance(0.85) ? colour : 'WHITE', country: 'GB' },
      ...(this.random.chance(0.93) ? { plate_image } : {}), overview_image,
    };
  }

  private camera(read: PlateRead): Camera {
    const found = this.cameras.find((camera) => camera.camera === read.camera);
    if (!found) throw new Error('no such camera');
    return found;
  }

  private vrm(): string {
    const letters = 'ABCDEFGHJKLMNOPRSTUVWXY';
    const some = (n: number): string => Array.from({ length: n }, () => letters[this.random.between(0, letters.length - 1)]).join('');
    return `${this.random.pick(['DK', 'DL', 'DE', 'MX', 'PO', 'SA'])}${this.random.pick(['02', '53', '04', '55', '06', '56', '07'])}${some(3)}`;
  }

  private unit(profile: { callsign: string; bcu: string; crew: number; skills: UnitPosition['skills']; lat: number; lon: number }, index: number): Unit {
    const near = this.roads.features.flatMap((road) => {
      const course = road.geometry.coordinates as [number, number][];
      const far = Math.min(...course.map(([lon, lat]) => Math.hypot(lon - profile.lon, lat - profile.lat)));
      return [{ course, far }];
    });
    near.sort((a, b) => a.far - b.far);
    const course = near[index % 2]?.course ?? [[profile.lon, profile.lat]];
    const step = this.random.between(0, Math.max(0, course.length - 2));
    const [lon, lat] = course[step] ?? [profile.lon, profile.lat];
    const state = index % 9 === 4 ? 'busy' : index % 23 === 7 ? 'at_scene' : index % 17 === 3 ? 'en_route' : index % 31 === 5 ? 'off_duty' : 'available';
    return { ...profile, skills: profile.skills ?? [], lon, lat, heading: 0, speed_kmh: 48, state, at: iso(Date.now()), stale: index % 29 === 11, course, step };
  }

  private drive(unit: Unit): boolean {
    if (unit.stale || unit.state === 'at_scene' || unit.state === 'off_duty') return false;
    const target = unit.course[unit.step + 1];
    if (!target) {
      unit.course = [...unit.course].reverse();
      unit.step = 0;
      return false;
    }
    const [dx, dy] = [(target[0] - unit.lon) * 66_600, (target[1] - unit.lat) * 111_200];
    const left = Math.hypot(dx, dy);
    const metres = unit.state === 'en_route' ? 24 : 13;
    if (left <= metres) [unit.lon, unit.lat, unit.step] = [target[0], target[1], unit.step + 1];
    else [unit.lon, unit.lat] = [unit.lon + (dx / left) * (metres / 66_600), unit.lat + (dy / left) * (metres / 111_200)];
    unit.heading = (Math.atan2(dx, dy) * 180) / Math.PI;
    unit.at = iso(Date.now());
    return true;
  }
}
