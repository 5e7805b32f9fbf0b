// What the camera saw against what the list says: agree, differ, or not known.

export type Verdict = 'agree' | 'differ' | 'unknown';

// One name for what people and cameras write differently. Kept small: a wrong "agree" is worse than a "differ" that a
// person looks at.
const SAME: Readonly<Record<string, string>> = {
  GRAY: 'GREY',
  VW: 'VOLKSWAGEN',
  'VOLKSWAGEN VW': 'VOLKSWAGEN',
  'MERCEDES BENZ': 'MERCEDES',
  LANDROVER: 'LAND ROVER',
  OPEL: 'VAUXHALL',
  CITROËN: 'CITROEN',
  ŠKODA: 'SKODA',
};

const NOTHING = new Set(['', 'UNKNOWN', 'N/A', 'NONE', 'OTHER', '-']);

function normalise(text: string | undefined): string | undefined {
  const plain = (text ?? '').toUpperCase().replaceAll(/[\s-]+/g, ' ').trim();
  if (NOTHING.has(plain)) return undefined;
  return SAME[plain] ?? plain;
}

/** A side that says nothing makes it unknown, never an agreement. */
export function verdict(seen: string | undefined, listed: string | undefined): Verdict {
  const [a, b] = [normalise(seen), normalise(listed)];
  if (a === undefined || b === undefined) return 'unknown';
  return a === b ? 'agree' : 'differ';
}

/**
 * Models carry trim and body in no fixed order (`GOLF GT TDI`, `Golf`): one that begins with the other's words agrees.
 */
export function modelVerdict(seen: string | undefined, listed: string | undefined): Verdict {
  const [a, b] = [normalise(seen), normalise(listed)];
  if (a === undefined || b === undefined) return 'unknown';
  return a === b || a.startsWith(`${b} `) || b.startsWith(`${a} `) ? 'agree' : 'differ';
}

/** What is shown where nothing is known. */
export function shown(text: string | undefined): string {
  return text !== undefined && text.trim() !== '' ? text : 'unknown';
}
