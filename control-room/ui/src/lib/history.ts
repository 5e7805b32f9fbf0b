// What differs between an entry before and after a change, in words.

import type { Entry } from './types';

export interface FieldChange {
  name: string;
  before: string;
  after: string;
}

/** What stays the same by definition, or is nobody's doing. */
const LEFT_OUT: ReadonlySet<string> = new Set(['entry_id', 'list', 'vrm', 'listed_at']);

const words = (value: unknown): string =>
  value === undefined || value === null ? '' : typeof value === 'string' ? value : Array.isArray(value) ? value.join(', ') : JSON.stringify(value);

/** Every field that differs, by name. */
export function differences(before: Entry, after: Entry): FieldChange[] {
  const [old, now] = [before, after].map((entry) => entry as unknown as Record<string, unknown>) as [Record<string, unknown>, Record<string, unknown>];
  const names = [...new Set([...Object.keys(old), ...Object.keys(now)])].filter((name) => !LEFT_OUT.has(name)).sort();
  return names
    .map((name) => ({ name: name.replaceAll('_', ' '), before: words(old[name]), after: words(now[name]) }))
    .filter((field) => field.before !== field.after);
}
