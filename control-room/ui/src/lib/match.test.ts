import { describe, expect, test } from 'vitest';
import { journeyWords, likely, oddsWords, readAs, reasons, signs } from './match';
import { aCase, assessment, entry, journey, read } from './samples';
import type { Deviation, Evidence, Match, PlateRead, Term } from './types';

const now = Date.parse('2026-11-22T12:42:00Z');

describe('signs', () => {
  const misread: Match = { kind: 'misread', assessment: assessment() };

  test('only_what_is_no_plain_exact_match_has_a_sign', () => {
    const rows: [Match, string[]][] = [
      [{ kind: 'exact' }, []],
      [{ kind: 'exact', assessment: assessment({ characters: [], posterior: 0.4 }) }, []],
      [misread, ['≈ Not exact: 81 % this car']],
      [{ kind: 'misread' }, ['≈ Not exact: how likely is not known']],
      [{ kind: 'clone', journey: journey() }, ['↔ Cloned plate?: 43 km in 4 min: 645 km/h']],
      // A later read does not undo an impossible journey.
      [{ kind: 'exact', journey: journey() }, ['↔ Cloned plate?: 43 km in 4 min: 645 km/h']],
      [{ kind: 'exact', past: true }, ['← Past read: seen before it was listed']],
      [{ ...misread, past: true }, ['≈ Not exact: 81 % this car', '← Past read: seen before it was listed']],
    ];
    for (const [last_match, expected] of rows) {
      const found = signs(aCase({ last_match }), now).map(({ sign, word, says }) => `${sign} ${word}: ${says}`);
      expect(found).toEqual(expected);
    }
  });

  test('where_there_is_room_a_past_read_says_when_and_where', () => {
    const [past] = signs(aCase({ last_match: { kind: 'exact', past: true } }), now, 'M57 J2 northbound');
    expect(past?.says).toBe('seen 42 min ago at M57 J2 northbound, before it was listed');
  });

  test('a_wanted_mark_is_shown_against_what_was_read_only_where_that_is_a_misread', () => {
    const last_read = read({ vrm: 'ABI2CDE' });
    expect(readAs(aCase({ last_read, last_match: misread }))).toBe('ABI2CDE');
    expect(readAs(aCase())).toBe('AB12CDE');
  });

  test('a_probability_is_never_told_as_certain', () => {
    const rows: [number, string, string][] = [
      [0.999_999_9, 'over 99 % this car', 'over a million to 1 for this car'],
      [0.994, '99 % this car', '170 to 1 for this car'],
      [0.81, '81 % this car', '4.3 to 1 for this car'],
      [0.25, '25 % this car', '3 to 1 against this car'],
      [0.004, 'under 1 % this car', '250 to 1 against this car'],
    ];
    for (const [posterior, percent, odds] of rows) {
      expect(likely(posterior)).toBe(percent);
      expect(oddsWords(posterior)).toBe(odds);
    }
  });

  test('a_journey_says_how_far_in_what_time_and_how_fast', () => {
    const to = (at: string) => ({ camera: 'c2', at });
    expect(journeyWords(journey())).toBe('43 km in 4 min: 645 km/h');
    expect(journeyWords(journey({ to: to('2026-11-22T11:56:09.6Z'), speed_kmh: 16_125 }))).toBe('43 km in 10 s: 16,125 km/h');
    expect(journeyWords(journey({ to: to('2026-11-22T11:56:00Z') }))).toBe('43 km apart at the same moment');
  });
});

describe('reasons', () => {
  const ONE: Deviation = { position: 2, listed: '1', read: 'I' };
  const told = (terms: Term[], characters: Deviation[] = [ONE], seen: Partial<PlateRead> = {}): string[] =>
    reasons(assessment({ terms, characters }), read({ vrm: 'ABI2CDE', ...seen }), entry({ colour: 'RED', make: 'FORD' })).map(
      (reason) => `${reason.name}: ${reason.says}`,
    );
  const one = (evidence: Evidence, log_odds: number, characters?: Deviation[], seen?: Partial<PlateRead>): string =>
    told([{ evidence, log_odds }], characters, seen)[0] ?? '';

  test('only_what_moved_the_odds_is_told_in_the_order_of_weighing', () => {
    const terms: Term[] = [
      { evidence: 'characters', log_odds: -6 },
      { evidence: 'confidence', log_odds: 0 },
      { evidence: 'syntax', log_odds: 3 },
      { evidence: 'register', log_odds: 0.09 },
      { evidence: 'history', log_odds: -0.1 },
    ];
    const found = reasons(assessment({ terms }), read(), entry());
    expect(found.map((reason) => reason.evidence)).toEqual(['characters', 'syntax', 'history']);
    expect(found.map((reason) => reason.share)).toEqual([1, 0.5, 0.1 / 6]);
    expect(found.map((reason) => reason.times)).toEqual(['400 times less likely', '20 times likelier', '1.1 times less likely']);
    expect(reasons(assessment(), read(), entry())).toEqual([]);
  });

  test('each_character_that_differs_is_named_with_how_rare_such_a_misread_is', () => {
    const rows: [Deviation[], string][] = [
      [[ONE], 'I read for 1, about once in 120 reads'],
      [[ONE, { position: 6, listed: 'E', read: 'F' }], 'I read for 1, F read for E, about once in 120 reads'],
      [[{ position: 1, listed: 'B' }], 'B not read, about once in 120 reads'],
      [[{ position: 0, read: 'H' }], 'H too many, about once in 120 reads'],
      [[], 'every one agrees'],
    ];
    for (const [characters, words] of rows) expect(one('characters', -4.8, characters)).toBe(`Characters: ${words}`);
    expect(one('characters', 0.2)).toBe('Characters: I read for 1, which happens easily');
  });

  test('the_cameras_certainty_is_told_of_the_character_that_differs', () => {
    const character_confidences = [0.99, 0.99, 0.62, 0.99, 0.99, 0.99, 0.99];
    expect(one('confidence', 1, [ONE], { character_confidences })).toBe('Camera: it was 62 % sure of I');
    expect(one('confidence', 1)).toBe('Camera: it was unsure of what it read');
    expect(one('confidence', -1)).toBe('Camera: it was sure of what it read');
    // Of a character that is not there, no camera says anything.
    expect(one('confidence', -1, [{ position: 1, listed: 'B' }], { character_confidences })).toBe('Camera: it was sure of what it read');
    expect(one('confidence', 1, [])).toBe('Camera: it was sure of what it read');
  });

  test('what_was_seen_stands_beside_what_is_wanted', () => {
    expect(one('colour', 1, [ONE], { vehicle: { colour: 'RED' } })).toBe('Colour: seen RED, wanted RED');
    expect(one('make', -1, [ONE], { vehicle: {} })).toBe('Make: seen unknown, wanted FORD');
  });

  test('each_kind_of_evidence_says_which_side_it_is_on', () => {
    const sides: [Evidence, Deviation[]][] = [
      ['syntax', [ONE]],
      ['syntax', []],
      ['register', [ONE]],
      ['history', [ONE]],
      ['history', []],
    ];
    for (const [evidence, characters] of sides) {
      const [speaksFor, against] = [one(evidence, 1, characters), one(evidence, -1, characters)];
      expect(speaksFor).not.toBe(against);
    }
    expect(one('syntax', 1)).toBe('Form: the read has hardly the form of a mark');
    expect(one('register', -1)).toBe('Register: knows another car that fits the read');
    expect(one('history', -1)).toBe('Last 24 h: the mark as read passed like another car');
  });
});
