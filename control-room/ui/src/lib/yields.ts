// What a yield says in words and shares.

import type { Outcome } from './types';
import { OUTCOMES } from './words';
import type { Yield } from './yieldtypes';

const times = (came: Yield, outcome: Outcome): number => came.outcomes[outcome] ?? 0;
const known = Object.keys(OUTCOMES) as Outcome[];

/** Of the cases that ended, those whose plate was misread; none where none ended. */
export function misreadShare(came: Yield): string {
  const ended = known.reduce((sum, outcome) => sum + times(came, outcome), 0);
  return ended === 0 ? 'none ended' : `${Math.round((100 * times(came, 'misread')) / ended)} %`;
}

/** How cases ended, the most frequent first. */
export function outcomes(came: Yield): string {
  const seen = known.filter((outcome) => times(came, outcome) > 0).sort((a, b) => times(came, b) - times(came, a));
  return seen.map((outcome) => `${OUTCOMES[outcome]} ${times(came, outcome)}`).join(', ');
}
