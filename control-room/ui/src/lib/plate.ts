// The mark: how it is written on a plate, and where two of them differ.

export interface Cell {
  /** The character the camera read; none where the list has one more. */
  read: string | undefined;
  /** The character on the list; none where the camera read one more. */
  listed: string | undefined;
  same: boolean;
  /** The camera's confidence in its character, 0 to 1. */
  confidence: number | undefined;
}

/** Below this a character deserves a second look at the image. */
export const DOUBTFUL = 0.8;

// Where the space goes, for the layouts in use in Great Britain and Northern Ireland.
const LAYOUTS: readonly RegExp[] = [
  /^([A-Z]{2}\d{2})([A-Z]{3})$/, // since 2001
  /^([A-Z]\d{1,3})([A-Z]{3})$/, // 1983 to 2001
  /^([A-Z]{3})(\d{1,3}[A-Z])$/, // 1963 to 1983
  /^([A-Z]{1,3})(\d{1,4})$/, // before, and Northern Ireland
  /^(\d{1,4})([A-Z]{1,3})$/,
];

/** The mark as its plate shows it: `AB12 CDE`. A mark of no known layout stays as it is. */
export function spaced(vrm: string): string {
  for (const layout of LAYOUTS) {
    const parts = layout.exec(vrm);
    if (parts) return `${parts[1]} ${parts[2]}`;
  }
  return vrm;
}

export interface Piece {
  /** Empty where the other mark has a character that this one lacks. */
  text: string;
  differs: boolean;
}

/** The mark as its plate shows it, with what differs from another mark. */
export function marked(vrm: string, other: string): Piece[] {
  const gap = spaced(vrm).indexOf(' ');
  let shown = 0;
  return compare(vrm, other).flatMap(({ read, same }) => {
    shown += read === undefined ? 0 : 1;
    const piece = { text: read ?? '', differs: !same };
    return read !== undefined && shown === gap ? [piece, { text: ' ', differs: false }] : [piece];
  });
}

/** Whether the list has a part of a plate: `?` for one character, `*` for any number of them. */
export function isPattern(listed: string): boolean {
  return /[?*]/.test(listed);
}

/** The pattern with a `?` for each character of the read that its `*` stand for. */
function asFarAs(read: string, pattern: string): string {
  const parts = pattern.split(/(\*)/);
  const ways = parts.map((part) => (part === '*' ? '(.*)' : `(${part.replaceAll('?', '.')})`));
  const found = new RegExp(`^${ways.join('')}$`).exec(read);
  return parts.map((part, index) => (part === '*' ? '?'.repeat(found?.[index + 1]?.length ?? 0) : part)).join('');
}

/**
 * Lines both marks up character by character with the fewest differences, so that one lost or gained character does
 * not make all that follow look wrong.
 */
export function compare(read: string, listed: string, confidences: readonly number[] = []): Cell[] {
  if (isPattern(listed)) listed = asFarAs(read, listed);
  const cost = costs(read, listed);
  const at = (i: number, j: number): number => cost[i]?.[j] ?? Infinity;
  const confidence = (i: number): number | undefined =>
    confidences.length === read.length ? confidences[i] : undefined;
  const cells: Cell[] = [];
  let [i, j] = [read.length, listed.length];
  while (i > 0 || j > 0) {
    const same = i > 0 && j > 0 && (read[i - 1] === listed[j - 1] || listed[j - 1] === '?');
    if (i > 0 && j > 0 && at(i, j) === at(i - 1, j - 1) + (same ? 0 : 1)) {
      cells.push({ read: read[i - 1], listed: listed[j - 1], same, confidence: confidence(i - 1) });
      i -= 1;
      j -= 1;
    } else if (i > 0 && at(i, j) === at(i - 1, j) + 1) {
      cells.push({ read: read[i - 1], listed: undefined, same: false, confidence: confidence(i - 1) });
      i -= 1;
    } else {
      cells.push({ read: undefined, listed: listed[j - 1], same: false, confidence: undefined });
      j -= 1;
    }
  }
  return cells.reverse();
}

/** Edit distances of every pair of beginnings. */
function costs(a: string, b: string): number[][] {
  const table: number[][] = [];
  for (let i = 0; i <= a.length; i += 1) {
    const row: number[] = [];
    for (let j = 0; j <= b.length; j += 1) {
      if (i === 0 || j === 0) {
        row.push(i + j);
      } else {
        const above = table[i - 1] ?? [];
        const swap = (above[j - 1] ?? 0) + (a[i - 1] === b[j - 1] || b[j - 1] === '?' ? 0 : 1);
        row.push(Math.min(swap, (above[j] ?? 0) + 1, (row[j - 1] ?? 0) + 1));
      }
    }
    table.push(row);
  }
  return table;
}
