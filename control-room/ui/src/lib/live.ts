// The live push. The browser's EventSource resumes by itself with the last event's id; what is left to do here is what
// it does not: begin again after a refusal or behind a silent connection, from the last event seen.

import type { Beat, CaseEvent, Flash, UnitPosition } from './types';

/** Without a beat for so long, the picture counts as stale: beats come every 2 s. */
export const STALE_AFTER_MS = 6_000;
/** A connection that brought nothing for so long is given up, though the browser still believes in it. */
export const GIVE_UP_AFTER_MS = 15_000;
/** Between two attempts where the service refuses. */
const RETRY_MS = 2_000;

export interface Heard {
  case(event: CaseEvent, place: number): void;
  hit(flash: Flash): void;
  units(units: UnitPosition[]): void;
  beat(beat: Beat): void;
  /** The picture must be fetched anew. */
  reload(): void;
  /** The connection was refused: is this user still signed in? */
  refused(): void;
}

/** The part of EventSource that is used. */
export interface Source {
  readonly readyState: number;
  addEventListener(kind: string, listener: (event: MessageEvent<string>) => void): void;
  onerror: ((event: Event) => void) | null;
  close(): void;
}

const CLOSED = 2;

export class Live {
  private source: Source | undefined;
  private heardAt = 0;
  private watch: ReturnType<typeof setInterval> | undefined;
  private retry: ReturnType<typeof setTimeout> | undefined;

  constructor(
    private last: number,
    private readonly heard: Heard,
    private readonly connect: (address: string) => Source = (address) => new EventSource(address),
    private readonly now: () => number = () => Date.now(),
  ) {}

  start(): void {
    this.open();
    this.watch = setInterval(() => {
      if (this.now() - this.heardAt > GIVE_UP_AFTER_MS) this.open();
    }, 1_000);
  }

  stop(): void {
    clearInterval(this.watch);
    clearTimeout(this.retry);
    this.source?.close();
    this.source = undefined;
  }

  private open(): void {
    clearTimeout(this.retry);
    this.source?.close();
    this.heardAt = this.now();
    const source = this.connect(`/api/events?after=${this.last}`);
    this.source = source;
    const on = (kind: string, take: (event: MessageEvent<string>) => void): void =>
      source.addEventListener(kind, (event) => {
        // One that was given up may still have something in its pocket.
        if (this.source !== source) return;
        this.heardAt = this.now();
        take(event);
      });
    on('case', (event) => {
      const place = Number(event.lastEventId);
      this.last = place;
      this.heard.case(JSON.parse(event.data) as CaseEvent, place);
    });
    on('hit', (event) => this.heard.hit(JSON.parse(event.data) as Flash));
    on('units', (event) => this.heard.units((JSON.parse(event.data) as { units: UnitPosition[] }).units));
    on('beat', (event) => this.heard.beat(JSON.parse(event.data) as Beat));
    on('reload', (event) => {
      if (event.lastEventId !== '') this.last = Number(event.lastEventId);
      this.heard.reload();
    });
    source.onerror = () => {
      if (this.source !== source || source.readyState !== CLOSED) return;
      this.source = undefined;
      this.heard.refused();
      this.retry = setTimeout(() => this.open(), RETRY_MS);
    };
  }
}
