// Why a hit is a hit, in words: what sets a case's latest read apart from a plain exact match, and what spoke for the
// listed vehicle and what against it.

import { ageInWords, distance, millis, span } from './time';
import type { Assessment, Case, Deviation, Entry, Evidence, Journey, PlateRead } from './types';

export type SignKind = 'misread' | 'wildcard' | 'clone' | 'past';

/** A sign and a word for each, so that no meaning hangs on colour alone. The signs are in every machine's fonts. */
export const SIGNS: Record<SignKind, { sign: string; word: string; meaning: string }> = {
  misread: { sign: '≈', word: 'Not exact', meaning: 'what was read may be a misread of the wanted mark' },
  wildcard: { sign: '*', word: 'Part of a mark', meaning: 'only a part of the wanted mark is known, and what was read fits it' },
  clone: { sign: '↔', word: 'Cloned plate?', meaning: 'the mark was read at two places that no car gets between in time' },
  past: { sign: '←', word: 'Past read', meaning: 'the car passed before it was listed' },
};

export interface Sign {
  kind: SignKind;
  sign: string;
  word: string;
  says: string;
}

/** What an operator must know at a glance; nothing where the read is the listed mark and no more. The longer where `place` is told. */
export function signs(one: Case, now: number, place?: string): Sign[] {
  const { kind, assessment, journey, past } = one.last_match;
  const found: Sign[] = [];
  const sign = (of: SignKind, says: string): Sign => ({ kind: of, sign: SIGNS[of].sign, word: SIGNS[of].word, says });
  if (kind === 'misread') {
    const says = assessment ? likely(assessment.posterior) : 'how likely is not known';
    found.push(sign('misread', says));
  }
  if (kind === 'wildcard') found.push(sign('wildcard', 'one of many that fit'));
  if (journey) found.push(sign('clone', journeyWords(journey)));
  if (past) {
    const where = place === undefined ? '' : `${ageInWords(one.last_read.captured_at, now)} ago at ${place}, `;
    const says = `seen ${where}before it was listed`;
    found.push(sign('past', says));
  }
  return found;
}

/** The mark that the wanted one is shown against: what the camera read instead, if it did. */
export function readAs(one: Case): string {
  return one.last_match.kind === 'misread' ? one.last_read.vrm : one.vrm;
}

/** `81 % this car`; never certain, one way or the other. */
export function likely(posterior: number): string {
  const percent = Math.round(posterior * 100);
  if (percent >= 100) return 'over 99 % this car';
  return percent < 1 ? 'under 1 % this car' : `${percent} % this car`;
}

/** `43 km in 4 min: 645 km/h` */
export function journeyWords({ from, to, distance_m: metres, speed_kmh: speed }: Journey): string {
  const passed = millis(to.at) - millis(from.at);
  if (passed === 0) return `${distance(metres)} apart at the same moment`;
  return `${distance(metres)} in ${span(passed)}: ${Math.round(speed).toLocaleString('en-GB')} km/h`;
}

export interface Reason {
  evidence: Evidence;
  name: string;
  says: string;
  /** Above 0 it speaks for the listed vehicle. */
  logOdds: number;
  /** Beside the strongest, 0 to 1. */
  share: number;
  /** `12 times likelier` */
  times: string;
}

/** Evidence that changes the odds by less than a tenth is not worth an operator's eye. */
const LEAST_LOG_ODDS = Math.log(1.1);

const NAMES: Record<Evidence, string> = {
  characters: 'Characters',
  confidence: 'Camera',
  syntax: 'Form',
  register: 'Register',
  colour: 'Colour',
  make: 'Make',
  history: 'Last 24 h',
};

/** What moved the odds, in the order in which it was weighed. */
export function reasons(assessment: Assessment, read: PlateRead, entry: Entry): Reason[] {
  const moved = assessment.terms.filter((term) => Math.abs(term.log_odds) >= LEAST_LOG_ODDS);
  const strongest = Math.max(...moved.map((term) => Math.abs(term.log_odds)));
  return moved.map(({ evidence, log_odds: logOdds }) => ({
    evidence,
    name: NAMES[evidence],
    says: words(evidence, logOdds, assessment.characters, read, entry),
    logOdds,
    share: Math.abs(logOdds) / strongest,
    times: times(logOdds),
  }));
}

function words(evidence: Evidence, logOdds: number, characters: Deviation[], read: PlateRead, entry: Entry): string {
  const speaksFor = logOdds > 0;
  const exact = characters.length === 0;
  switch (evidence) {
    case 'characters':
      return exact ? 'every one agrees' : `${characters.map(misreadWords).join(', ')}, ${rarity(logOdds)}`;
    case 'confidence':
      return sureness(characters, read) ?? `it was ${speaksFor === exact ? 'sure' : 'unsure'} of what it read`;
    case 'syntax':
      return `the read has ${speaksFor === exact ? 'the' : 'hardly the'} form of a mark`;
    case 'register':
      return speaksFor ? 'knows hardly another car that fits the read' : 'knows another car that fits the read';
    case 'colour':
      return beside(read.vehicle.colour, entry.colour);
    case 'make':
      return beside(read.vehicle.make, entry.make);
    case 'history':
      if (exact) return speaksFor ? 'the mark was seen before' : 'the mark was not seen';
      return `the mark as read ${speaksFor ? 'did not pass' : 'passed'} like another car`;
  }
}

function misreadWords({ listed, read }: Deviation): string {
  if (listed === undefined) return `${read} too many`;
  return read === undefined ? `${listed} not read` : `${read} read for ${listed}`;
}

/** With nothing else known, the odds are how often such a misread is made. */
function rarity(logOdds: number): string {
  return logOdds >= 0 ? 'which happens easily' : `about once in ${rounded(Math.exp(-logOdds))} reads`;
}

/** `it was 62 % sure of I`, where the camera says so of each character. */
function sureness(characters: Deviation[], read: PlateRead): string | undefined {
  const sure = characters.flatMap(({ position, read: character }) => {
    const confidence = read.character_confidences?.[position];
    if (character === undefined || confidence === undefined) return [];
    return [`${Math.round(confidence * 100)} % sure of ${character}`];
  });
  return sure.length > 0 ? `it was ${sure.join(', ')}` : undefined;
}

function beside(seen: string | undefined, listed: string | undefined): string {
  return `seen ${seen || 'unknown'}, wanted ${listed || 'unknown'}`;
}

function times(logOdds: number): string {
  return `${rounded(Math.exp(Math.abs(logOdds)))} times ${logOdds > 0 ? 'likelier' : 'less likely'}`;
}

/** Two digits tell enough: `1.2`, `47`, `5,300`; beyond a million they tell nothing. */
function rounded(factor: number): string {
  if (factor >= 1e6) return 'over a million';
  return Number(factor.toPrecision(2)).toLocaleString('en-GB');
}

/** The odds in words: `4.3 to 1 for`, `12 to 1 against`. */
export function oddsWords(posterior: number): string {
  const odds = posterior / (1 - posterior);
  return odds >= 1 ? `${rounded(odds)} to 1 for this car` : `${rounded(1 / odds)} to 1 against this car`;
}
