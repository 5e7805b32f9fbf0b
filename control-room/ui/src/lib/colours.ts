// The map draws on a canvas, which does not read the style sheet: the same colours as in app.css, held equal by a test.

import type { Grade } from './types';

export const GRADE_COLOURS: Record<Grade, string> = {
  1: '#ff6b5e',
  2: '#ffb52e',
  3: '#62adff',
  4: '#98a6b5',
};

export const MAP = {
  sea: '#0a0f15',
  land: '#121a23',
  landOwn: '#16212c',
  outline: '#3a4b5c',
  label: '#8ea2b5',
  motorway: '#3f6a8f',
  trunk: '#3d5566',
  primary: '#2c3b49',
  tunnel: '#5b7a8c',
  camera: '#6b8194',
  unit: '#7fe0b8',
  unitBusy: '#5d7f78',
  unitSent: '#dff8ee',
  stale: '#8a949e',
  selected: '#8fdcec',
  doubt: '#ffb52e',
  dark: '#0a0f15',
} as const;
