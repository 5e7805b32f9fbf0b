// What a key means, given where the operator is. Keys never act while somebody types.

import type { CaseState } from './types';

/** What lies open over the case. */
export type Mode = 'none' | 'reject' | 'deploy' | 'close' | 'image' | 'help' | 'why';

export interface Press {
  key: string;
  /** Ctrl, Alt or Meta is held: the browser's own. */
  modified: boolean;
  /** The key is held down: only moving repeats. */
  repeat: boolean;
}

export interface Situation {
  mode: Mode;
  /** The focus is in a field. */
  typing: boolean;
  /** The focus is on a button that Enter should press. */
  onControl: boolean;
  /** The selected case, if there is one. */
  state: CaseState | undefined;
  mayAct: boolean;
  /** A deployment that can move on. */
  underway: boolean;
  /** Why is restricted, and not yet shown. */
  restricted: boolean;
  maySeeWhy: boolean;
  /** How many answers the question has that waits; 0 where none does. */
  answers: number;
}

export type Intent =
  | { act: 'move'; by: 1 | -1 }
  | { act: 'confirm' }
  | { act: 'open'; mode: Mode }
  | { act: 'pick'; index: number }
  | { act: 'send' }
  /** The answer of this place to the question that waits. */
  | { act: 'answer'; index: number }
  | { act: 'advance' }
  | { act: 'back' }
  /** The key means something, though not now: say why. */
  | { act: 'explain'; why: string };

/** For the help page, in the order of work. */
export const KEYS: readonly (readonly [string, string])[] = [
  ['J  or  ↓', 'next case in the queue'],
  ['K  or  ↑', 'case before'],
  ['I', 'images, larger'],
  ['C', 'confirm: the image shows the vehicle of the entry'],
  ['R', 'reject: then 1 to 4 for the reason, Enter'],
  ['W', 'see why, where that is restricted: then 1 to 5 for what it is for'],
  ['1 to 6', 'answer the question that waits on the case'],
  ['D', 'deploy: then 1 to 5 for the unit'],
  ['A', "move the unit's deployment on: accepted, en route, at scene, cleared"],
  ['X', 'close: then 1 to 9 for the outcome, Enter'],
  ['Esc', 'back'],
  ['?', 'this page'],
];

const CONFIRM_FIRST = 'Compare the plate image with the entry and confirm it (C) before sending a unit.';

export function intent(press: Press, now: Situation): Intent | undefined {
  if (press.key === 'Escape') return { act: 'back' };
  if (now.typing || press.modified) return undefined;
  if (press.key === 'j' || press.key === 'J' || press.key === 'ArrowDown') return { act: 'move', by: 1 };
  if (press.key === 'k' || press.key === 'K' || press.key === 'ArrowUp') return { act: 'move', by: -1 };
  if (press.repeat) return undefined;
  if (press.key === '?') return { act: 'open', mode: now.mode === 'help' ? 'none' : 'help' };
  if (now.state === undefined) return undefined;
  if (/^[1-9]$/.test(press.key) && isChoice(now.mode)) return { act: 'pick', index: Number(press.key) - 1 };
  const digit = Number(press.key);
  if (now.mode === 'none' && now.mayAct && digit >= 1 && digit <= now.answers) return { act: 'answer', index: digit - 1 };
  if (press.key === 'Enter' && isChoice(now.mode) && !now.onControl) return { act: 'send' };
  return letter(press.key.toLowerCase(), now.state, now);
}

function isChoice(mode: Mode): boolean {
  return mode === 'reject' || mode === 'deploy' || mode === 'close' || mode === 'why';
}

function letter(key: string, state: CaseState, now: Situation): Intent | undefined {
  if (key === 'i') return { act: 'open', mode: now.mode === 'image' ? 'none' : 'image' };
  if (key === 'w') return seeWhy(now);
  if (!'crdax'.includes(key) || key.length !== 1) return undefined;
  const why = refusal(key, state, now);
  if (why !== undefined) return { act: 'explain', why };
  switch (key) {
    case 'c':
      return { act: 'confirm' };
    case 'r':
      return { act: 'open', mode: 'reject' };
    case 'd':
      return { act: 'open', mode: 'deploy' };
    case 'a':
      return { act: 'advance' };
    default:
      return { act: 'open', mode: 'close' };
  }
}

function seeWhy(now: Situation): Intent | undefined {
  if (!now.restricted) return undefined;
  if (!now.maySeeWhy) return { act: 'explain', why: 'Your role may not see why. Ask a supervisor.' };
  return { act: 'open', mode: now.mode === 'why' ? 'none' : 'why' };
}

/** Why the command of a key is not possible now; none where it is. Buttons ask the same. */
export function refusal(
  key: string,
  state: CaseState,
  now: Pick<Situation, 'mayAct' | 'underway'>,
): string | undefined {
  if (!now.mayAct) return 'Your role may look at cases, not decide on them.';
  if (state === 'closed' || state === 'rejected') return 'This case is over.';
  switch (key) {
    case 'c':
      return state === 'new' ? undefined : 'The image is confirmed already.';
    case 'r':
      return state === 'deployed' ? 'A unit was sent: close the case (X) instead.' : undefined;
    case 'd':
      return state === 'new' ? CONFIRM_FIRST : undefined;
    case 'a':
      return now.underway ? undefined : 'No unit is on its way.';
    case 'x':
      return state === 'new' ? 'Confirm the image (C) or reject it (R) first.' : undefined;
    default:
      return undefined;
  }
}
