import { afterEach, beforeEach, expect, test, vi } from 'vitest';
import { GIVE_UP_AFTER_MS, Live, type Heard, type Source } from './live';
import { aCase, event } from './samples';

class Fake implements Source {
  readyState = 1;
  onerror: ((event: Event) => void) | null = null;
  private readonly listeners = new Map<string, (event: MessageEvent<string>) => void>();

  constructor(readonly address: string) {}

  addEventListener(kind: string, listener: (event: MessageEvent<string>) => void): void {
    this.listeners.set(kind, listener);
  }

  close(): void {
    this.readyState = 2;
  }

  say(kind: string, data: unknown, lastEventId = ''): void {
    this.listeners.get(kind)?.({ data: JSON.stringify(data), lastEventId } as MessageEvent<string>);
  }

  refuse(): void {
    this.readyState = 2;
    this.onerror?.({} as Event);
  }
}

let sources: Fake[];
let heard: Heard;
let live: Live;

beforeEach(() => {
  vi.useFakeTimers();
  sources = [];
  heard = { case: vi.fn(), hit: vi.fn(), units: vi.fn(), beat: vi.fn(), reload: vi.fn(), refused: vi.fn() };
  live = new Live(7, heard, (address) => {
    const source = new Fake(address);
    sources.push(source);
    return source;
  });
  live.start();
});

afterEach(() => {
  live.stop();
  vi.useRealTimers();
});

const beat = { at: '2026-11-22T12:00:00Z', lists_revision: 1, feeds: { reads_per_s: null } };

test('it_begins_behind_the_list_and_passes_events_with_their_places', () => {
  expect(sources[0]?.address).toBe('/api/events?after=7');
  sources[0]?.say('case', event('opened', aCase()), '8');
  expect(heard.case).toHaveBeenCalledWith(expect.objectContaining({ kind: 'opened' }), 8);
});

test('a_refused_connection_begins_again_from_the_last_event', () => {
  sources[0]?.say('case', event('opened', aCase()), '9');
  sources[0]?.refuse();
  expect(heard.refused).toHaveBeenCalledOnce();
  vi.advanceTimersByTime(2_000);
  expect(sources[1]?.address).toBe('/api/events?after=9');
});

test('a_silent_connection_is_given_up_and_its_leftovers_are_not_heard', () => {
  vi.advanceTimersByTime(GIVE_UP_AFTER_MS + 1_000);
  expect(sources).toHaveLength(2);
  sources[0]?.say('case', event('opened', aCase()), '8');
  expect(heard.case).not.toHaveBeenCalled();
});

test('beats_keep_a_quiet_connection', () => {
  for (let n = 0; n < 20; n += 1) {
    vi.advanceTimersByTime(2_000);
    sources[0]?.say('beat', beat);
  }
  expect(sources).toHaveLength(1);
  expect(heard.beat).toHaveBeenCalledTimes(20);
});

test('a_reload_moves_the_place_to_begin_from', () => {
  sources[0]?.say('reload', {}, '500');
  expect(heard.reload).toHaveBeenCalledOnce();
  sources[0]?.refuse();
  vi.advanceTimersByTime(2_000);
  expect(sources[1]?.address).toBe('/api/events?after=500');
});
