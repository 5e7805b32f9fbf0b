// What this page knows of the room: who is signed in, the queue, units, cameras, and how fresh all of it is.

import { Api, ApiError, reason } from './api';
import { Live, STALE_AFTER_MS } from './live';
import { signs } from './match';
import { EMPTY, apply, fromList, ordered, type Queue } from './queue';
import type { Notification } from './ruletypes';
import { millis } from './time';
import { softTone } from './tone';
import type { Beat, Camera, CaseEvent, Flash, ForceMap, Permission, Session, UnitPosition } from './types';
import type { ReviewNotice } from './yieldtypes';

/** Between attempts to fetch what the page needs at its start. */
const RETRY_MS = 2_000;
/** How often it is asked whether something new is overdue: that is told once a day. */
const NOTICES_MS = 600_000;
const SOUND_KEPT = 'steelring.sound';

export class Room {
  readonly api = new Api();
  /** None: sign in. Undefined: not asked yet. */
  session = $state.raw<Session | null>();
  queue = $state.raw<Queue>(EMPTY);
  force = $state.raw<ForceMap>();
  places = $state.raw<ReadonlyMap<string, Camera>>(new Map());
  beat = $state.raw<Beat>();
  /** The service's time: ages must not depend on this machine's clock. */
  now = $state(Date.now());
  /** When the picture was last known to be live, by this machine's clock; 0 before it was fetched. */
  heardAt = $state(0);
  /** For screen readers: the newest case in a sentence. */
  announced = $state('');
  trouble = $state('');
  /** Calls to cases that nobody acts on, which this user has not answered yet; oldest first. */
  calls = $state.raw<Notification[]>([]);
  /** What is overdue for review, of lists that nobody reviewed since and that nobody says to have seen. */
  notices = $state.raw<ReviewNotice[]>([]);
  sound = $state(localStorage.getItem(SOUND_KEPT) === 'on');

  order = $derived(ordered(this.queue));
  staleFor = $derived.by(() => {
    const silent = this.now - this.skew - this.heardAt;
    return this.heardAt > 0 && silent > STALE_AFTER_MS ? Math.floor(silent / 1_000) : 0;
  });
  logAway = $derived(this.beat?.feeds.log === 'away');

  /** Those who draw without the page's own state: the map, and the open case. */
  onFlash: (hit: Flash) => void = () => {};
  onUnits: (units: UnitPosition[]) => void = () => {};
  onEvent: (event: CaseEvent) => void = () => {};
  /** Events may be missing: what follows them on its own begins anew. */
  onReload: () => void = () => {};

  private units = new Map<string, UnitPosition>();
  private skew = $state(0);
  private live: Live | undefined;
  private started = 0;
  /** Events that came while the list was fetched anew. */
  private held: [CaseEvent, number][] | undefined;

  constructor() {
    this.api.onSignedOut = () => this.end();
    setInterval(() => (this.now = Date.now() + this.skew), 500);
    setInterval(() => void this.hearNotices(), NOTICES_MS);
  }

  may(permission: Permission): boolean {
    return this.session?.permissions.includes(permission) ?? false;
  }

  /** Asks who is signed in, and begins if somebody is. */
  async resume(): Promise<void> {
    try {
      this.begin(await this.api.session());
    } catch (error) {
      if (error instanceof ApiError && error.status === 401) {
        this.session = null;
        return;
      }
      this.trouble = reason(error);
      setTimeout(() => void this.resume(), RETRY_MS);
    }
  }

  async signIn(username: string, password: string): Promise<void> {
    this.begin(await this.api.signIn(username, password));
  }

  async signOut(): Promise<void> {
    await this.api.signOut().catch(() => {});
    this.end();
  }

  allUnits(): UnitPosition[] {
    return [...this.units.values()];
  }

  unit(callsign: string): UnitPosition | undefined {
    return this.units.get(callsign);
  }

  /** A camera in words. */
  place(camera: string): string {
    return this.places.get(camera)?.name ?? camera;
  }

  /** Where to look at the road before a camera. */
  cctv(camera: string): string | undefined {
    return this.places.get(camera)?.cctv;
  }

  setSound(on: boolean): void {
    this.sound = on;
    localStorage.setItem(SOUND_KEPT, on ? 'on' : 'off');
    if (on) softTone();
  }

  /** Takes an event: of the stream with its place, or the answer to one's own command without. */
  take(event: CaseEvent, place?: number): void {
    if (place !== undefined && this.held) this.held.push([event, place]);
    const before = this.queue.cases.get(event.case.case_id);
    const after = apply(this.queue, event, place);
    if (after === this.queue) return;
    this.queue = after;
    this.onEvent(event);
    const urgent = event.case.grade === 1 && before?.grade !== 1 && after.cases.has(event.case.case_id);
    if (urgent && this.sound) softTone();
    if (event.kind === 'notified' && place !== undefined) void this.hearCalls(true);
    if (!before && event.kind === 'opened') {
      const { grade, entry, last_read: read } = event.case;
      const told = signs(event.case, this.now).map(({ word, says }) => `${word}, ${says}`);
      this.announced = [`New case, grade ${grade}: ${entry.reason}, ${this.place(read.camera)}`, ...told].join('. ');
    }
  }

  /** Fetches the calls that wait for this user; a new one sounds where sound is on. */
  private async hearCalls(sounds: boolean): Promise<void> {
    const name = this.session?.user.name;
    if (name === undefined || !this.may('answer_calls')) return;
    const all = await this.api.notifications().catch(() => undefined);
    if (!all || this.session?.user.name !== name) return;
    const waiting = all.filter((call) => !call.seen_by.includes(name)).reverse();
    if (sounds && this.sound && waiting.length > this.calls.length) softTone();
    this.calls = waiting;
  }

  /** Says that this user has seen a call; it leaves the banner. */
  async answer(call: Notification): Promise<void> {
    await this.api.seen(call.number);
    this.calls = this.calls.filter((one) => one.number !== call.number);
  }

  /** Fetches what is overdue for review, for those whose work it is. */
  async hearNotices(): Promise<void> {
    if (!this.may('view_yield')) return;
    const all = await this.api.reviewNotices().catch(() => undefined);
    if (all && this.session) this.notices = all.filter((notice) => !notice.seen && !notice.reviewed_at);
  }

  /** Says that this user has seen a notice. */
  async seeNotice(notice: ReviewNotice): Promise<void> {
    await this.api.seenNotice(notice.number);
    this.notices = this.notices.filter((one) => one.number !== notice.number);
  }

  private begin(session: Session): void {
    this.session = session;
    this.trouble = '';
    this.started += 1;
    // Who is out on patrol sees no queue.
    if (this.may('view_cases')) void this.load(this.started);
  }

  private end(): void {
    this.started += 1;
    this.live?.stop();
    this.live = undefined;
    this.session = null;
    this.queue = EMPTY;
    this.beat = undefined;
    this.heardAt = 0;
    this.units.clear();
    this.announced = '';
    this.calls = [];
    this.notices = [];
  }

  /** Fetches everything once and follows from there; tries again for as long as this session is the one on screen. */
  private async load(started: number): Promise<void> {
    while (this.started === started) {
      try {
        const { api } = this;
        const [force, cameras, units, list] = await Promise.all([api.map(), api.cameras(), api.units(), api.cases()]);
        if (this.started !== started) return;
        this.force = force;
        this.places = new Map(cameras.map((camera) => [camera.camera, camera]));
        this.takeUnits(units);
        this.queue = fromList(EMPTY, list.cases, list.at_event, list.deployments);
        this.trouble = '';
        this.follow(list.at_event);
        void this.hearCalls(false);
        void this.hearNotices();
        return;
      } catch (error) {
        if (this.started !== started) return;
        this.trouble = reason(error);
        await new Promise((resolve) => setTimeout(resolve, RETRY_MS));
      }
    }
  }

  private follow(after: number): void {
    this.live?.stop();
    this.heardAt = Date.now();
    this.live = new Live(after, {
      case: (event, place) => this.take(event, place),
      hit: (hit) => this.onFlash(hit),
      units: (units) => this.takeUnits(units),
      beat: (beat) => this.takeBeat(beat),
      reload: () => void this.reload(),
      // Whether the session is over, only the service knows; a 401 ends it.
      refused: () => void this.api.check().catch(() => {}),
    });
    this.live.start();
  }

  private async reload(): Promise<void> {
    if (this.held) return;
    const started = this.started;
    this.held = [];
    try {
      while (this.started === started) {
        const list = await this.api.cases().catch(() => undefined);
        if (list && this.started === started) {
          this.queue = fromList(this.queue, list.cases, list.at_event, list.deployments);
          for (const [event, place] of this.held) this.queue = apply(this.queue, event, place);
          this.onReload();
          return;
        }
        await new Promise((resolve) => setTimeout(resolve, RETRY_MS));
      }
    } finally {
      this.held = undefined;
    }
  }

  private takeUnits(changed: UnitPosition[]): void {
    for (const unit of changed) this.units.set(unit.callsign, unit);
    this.onUnits(changed);
  }

  private takeBeat(beat: Beat): void {
    this.beat = beat;
    this.heardAt = Date.now();
    this.skew = millis(beat.at) - Date.now();
    this.now = Date.now() + this.skew;
  }
}
