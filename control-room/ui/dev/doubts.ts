// Development only: hits that are no plain exact matches, with judgements like the matcher's.

import type { Assessment, Camera, Entry, Evidence, Match, PlateRead } from '../src/lib/types';

/** How a made-up read matches. */
export type How = 'exact' | 'alike' | 'lost' | 'gained' | 'clone' | 'past';

const TAKEN_FOR: Record<string, string> = { 0: 'O', 5: 'S', 2: 'Z', 6: 'G', 4: 'A', 3: 'B', 7: 'T' };

/** The mark as such a read has it. */
export function asRead(vrm: string, how: How): string {
  if (how === 'alike') return vrm.slice(0, 3) + (TAKEN_FOR[vrm[3] ?? ''] ?? 'I') + vrm.slice(4);
  if (how === 'lost') return vrm.slice(0, 4) + vrm.slice(5);
  return how === 'gained' ? `1${vrm}` : vrm;
}

export function matched(how: How, read: PlateRead, entry: Entry, other: Camera, here: Camera): Match {
  if (how === 'past') return { kind: 'exact', past: true };
  if (how === 'clone') {
    const from = { camera: other.camera, at: new Date(Date.parse(read.captured_at) - 240_000).toISOString() };
    const metres = Math.hypot((other.lon - here.lon) * 66_600, (other.lat - here.lat) * 111_200);
    const journey = { from, to: { camera: here.camera, at: read.captured_at }, distance_m: metres, speed_kmh: metres / 1_000 / (4 / 60) };
    return { kind: 'clone', journey };
  }
  return { kind: how === 'exact' ? 'exact' : 'misread', assessment: assessed(how, read, entry) };
}

function assessed(how: How, read: PlateRead, entry: Entry): Assessment {
  const code = (at: number): number => entry.vrm.charCodeAt(at);
  const colour = read.vehicle.colour === entry.colour ? 1.6 : -2.1;
  const make = read.vehicle.make === undefined ? 0 : 1.9;
  const judged = (rows: [Evidence, number][]): Pick<Assessment, 'posterior' | 'terms'> => {
    const terms = rows.map(([evidence, log_odds]) => ({ evidence, log_odds }));
    const sum = terms.reduce((total, term) => total + term.log_odds, 0);
    return { terms, posterior: 1 / (1 + Math.exp(-sum)) };
  };
  switch (how) {
    case 'alike':
      return {
        difference: { alike: { count: 1 } },
        characters: [{ position: 3, listed: entry.vrm[3] ?? '', read: read.vrm[3] ?? '' }],
        ...judged([['characters', -4.8], ['confidence', 1.2], ['syntax', 4.1], ['register', 0.9], ['colour', colour], ['make', make], ['history', 0.4]]),
      };
    case 'lost':
      return {
        difference: { lost: { position: 4, character: code(4) } },
        characters: [{ position: 4, listed: entry.vrm[4] ?? '' }],
        ...judged([['characters', -6.9], ['confidence', 0], ['syntax', 5.2], ['register', 0], ['colour', colour], ['make', make], ['history', -0.6]]),
      };
    case 'gained':
      return {
        difference: { gained: { position: 0, character: 49 } },
        characters: [{ position: 0, read: '1' }],
        ...judged([['characters', -6.2], ['confidence', 0.7], ['syntax', 6.4], ['register', 0], ['colour', colour], ['make', make], ['history', 0]]),
      };
    default:
      return { difference: 'none', characters: [], ...judged([['characters', 4.2], ['confidence', 0.3], ['syntax', 1.1], ['register', 0], ['colour', colour], ['make', make], ['history', 0]]) };
  }
}
