// Times for people. All take the time now as an argument.

const SECOND = 1_000;
const MINUTE = 60 * SECOND;
const HOUR = 60 * MINUTE;
const DAY = 24 * HOUR;

/** Milliseconds since the epoch; `NaN` where the text is no time. */
export function millis(at: string): number {
  return Date.parse(at);
}

const two = (n: number): string => String(n).padStart(2, '0');

/** How long ago, ticking by the second below an hour: `0:07`, `12:40`, `3 h 05`, `6 d`. */
export function age(at: string, now: number): string {
  const passed = now - millis(at);
  if (Number.isNaN(passed)) return '?';
  const ms = Math.max(0, passed);
  if (ms < HOUR) return `${Math.floor(ms / MINUTE)}:${two(Math.floor((ms % MINUTE) / SECOND))}`;
  if (ms < DAY) return `${Math.floor(ms / HOUR)} h ${two(Math.floor((ms % HOUR) / MINUTE))}`;
  return `${Math.floor(ms / DAY)} d`;
}

/** The same in words, for text that does not tick: `7 s`, `12 min`, `3 h`, `6 days`, `2 years`. */
export function ageInWords(at: string, now: number): string {
  const passed = now - millis(at);
  if (Number.isNaN(passed)) return 'unknown';
  const ms = Math.max(0, passed);
  if (ms < MINUTE) return `${Math.floor(ms / SECOND)} s`;
  if (ms < HOUR) return `${Math.floor(ms / MINUTE)} min`;
  if (ms < DAY) return `${Math.floor(ms / HOUR)} h`;
  const days = Math.floor(ms / DAY);
  if (days < 730) return days === 1 ? '1 day' : `${days} days`;
  return `${Math.floor(days / 365)} years`;
}

/** How long something took: `40 s`, `4 min`, `4 min 20 s`, `42 min`, `1 h 05`. Seconds count below ten minutes. */
export function span(ms: number): string {
  const seconds = Math.round(ms / SECOND);
  const [minutes, rest] = [Math.floor(seconds / 60), seconds % 60];
  if (minutes === 0) return `${seconds} s`;
  if (minutes < 10 && rest > 0) return `${minutes} min ${rest} s`;
  return minutes < 60 ? `${minutes} min` : `${Math.floor(minutes / 60)} h ${two(minutes % 60)}`;
}

/** The time of day on this room's clock, with the date in front where it is not today's. */
export function clock(at: string, now: number): string {
  const then = new Date(at);
  if (Number.isNaN(then.getTime())) return '?';
  const time = `${two(then.getHours())}:${two(then.getMinutes())}:${two(then.getSeconds())}`;
  return then.toDateString() === new Date(now).toDateString() ? time : `${date(at)} ${time}`;
}

/** The service writes times in UTC; within a sentence people want their own clock. */
export function withClocks(text: string, now: number): string {
  return text.replaceAll(/\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d(?:\.\d+)?Z/g, (at) => clock(at, now));
}

/** `22 Nov 2026, 14:00` */
export function hour(at: string): string {
  const then = new Date(at);
  return Number.isNaN(then.getTime()) ? '?' : `${date(at)}, ${two(then.getHours())}:${two(then.getMinutes())}`;
}

/** A time on this room's clock as an input of date and time has it: `2026-11-22T14:00`. */
export function asInput(at: string): string {
  const then = new Date(at);
  const day = `${then.getFullYear()}-${two(then.getMonth() + 1)}-${two(then.getDate())}`;
  return `${day}T${two(then.getHours())}:${two(then.getMinutes())}`;
}

/** `22 Nov 2026` */
export function date(at: string): string {
  const then = new Date(at);
  if (Number.isNaN(then.getTime())) return '?';
  return then.toLocaleDateString('en-GB', { day: 'numeric', month: 'short', year: 'numeric' });
}

/**
 * Orders two RFC 3339 times in UTC exactly; `Date` would drop what is below a millisecond, and two events of one
 * transaction differ by less.
 */
export function compareTimes(a: string, b: string): number {
  const [wholeA, fractionA] = split(a);
  const [wholeB, fractionB] = split(b);
  return wholeA - wholeB || (fractionA < fractionB ? -1 : fractionA > fractionB ? 1 : 0);
}

function split(at: string): [number, string] {
  const match = /^(.*?)(?:\.(\d+))?(Z|[+-]\d\d:\d\d)$/.exec(at);
  if (!match) return [millis(at), ''];
  return [Date.parse(`${match[1]}${match[3]}`), (match[2] ?? '').padEnd(9, '0')];
}

/** Metres as an officer says them: `450 m`, `3.2 km`, `14 km`. */
export function distance(metres: number): string {
  if (metres < 995) return `${Math.round(metres / 10) * 10} m`;
  return metres < 9_950 ? `${(metres / 1_000).toFixed(1)} km` : `${Math.round(metres / 1_000)} km`;
}
