// Units between their fixes: each glides from where it is drawn to its newest fix, in the time that its fixes are apart.

export interface Fix {
  callsign: string;
  lat: number;
  lon: number;
}

interface Track {
  from: [number, number];
  to: [number, number];
  since: number;
  lasts: number;
}

const SHORTEST_MS = 400;
const LONGEST_MS = 5_000;
/** Further than this in one step was not driven: drawn at once. About 2 km. */
const JUMP_DEG = 0.02;

export class Glide {
  private readonly tracks = new Map<string, Track>();

  /** `smooth` false: units jump, for those who want no motion. */
  set(fix: Fix, now: number, smooth = true): void {
    const to: [number, number] = [fix.lon, fix.lat];
    const before = this.tracks.get(fix.callsign);
    const from = before ? place(before, now) : to;
    const jump = Math.abs(from[0] - to[0]) > JUMP_DEG || Math.abs(from[1] - to[1]) > JUMP_DEG;
    const lasts = before ? Math.min(LONGEST_MS, Math.max(SHORTEST_MS, now - before.since)) : 0;
    this.tracks.set(fix.callsign, { from: jump || !smooth ? to : from, to, since: now, lasts });
  }

  /** Longitude and latitude to draw the unit at. */
  at(callsign: string, now: number): [number, number] | undefined {
    const track = this.tracks.get(callsign);
    return track && place(track, now);
  }

  /** Whether anything still moves. */
  moving(now: number): boolean {
    for (const track of this.tracks.values()) {
      const still = track.from[0] === track.to[0] && track.from[1] === track.to[1];
      if (!still && now < track.since + track.lasts) return true;
    }
    return false;
  }
}

function place({ from, to, since, lasts }: Track, now: number): [number, number] {
  const share = lasts === 0 ? 1 : Math.min(1, Math.max(0, (now - since) / lasts));
  return [from[0] + (to[0] - from[0]) * share, from[1] + (to[1] - from[1]) * share];
}
