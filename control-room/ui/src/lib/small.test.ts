import { readFileSync } from 'node:fs';
import { describe, expect, test } from 'vitest';
import { GRADE_COLOURS, MAP } from './colours';
import { Glide } from './motion';
import { compare, marked, spaced } from './plate';
import { format, parse } from './route';
import { age, ageInWords, asInput, compareTimes, distance, hour, span, withClocks } from './time';
import { modelVerdict, verdict } from './vehicle';
import { endings, historyWords, nextStep, REJECTIONS } from './words';

describe('times', () => {
  const now = Date.parse('2026-11-22T12:00:00Z');
  const ago = (seconds: number): string => new Date(now - seconds * 1_000).toISOString();

  test('an_hour_is_shown_on_the_rooms_clock_and_read_again_as_the_same', () => {
    const at = new Date(2026, 10, 5, 8).toISOString();
    expect(hour(at)).toBe('5 Nov 2026, 08:00');
    expect(asInput(at)).toBe('2026-11-05T08:00');
    expect(new Date(asInput(at)).toISOString()).toBe(at);
  });

  test('an_age_ticks_by_the_second_and_grows_coarser_with_time', () => {
    const rows: [number, string, string][] = [
      [0, '0:00', '0 s'],
      [-5, '0:00', '0 s'],
      [7, '0:07', '7 s'],
      [760, '12:40', '12 min'],
      [3_600 * 3 + 300, '3 h 05', '3 h'],
      [86_400, '1 d', '1 day'],
      [86_400 * 6, '6 d', '6 days'],
      [86_400 * 800, '800 d', '2 years'],
    ];
    for (const [seconds, ticking, words] of rows) {
      expect(age(ago(seconds), now)).toBe(ticking);
      expect(ageInWords(ago(seconds), now)).toBe(words);
    }
    expect(age('nonsense', now)).toBe('?');
  });

  test('how_long_something_took_is_told_as_people_say_it', () => {
    const rows: [number, string][] = [
      [0, '0 s'],
      [40.4, '40 s'],
      [240, '4 min'],
      [260, '4 min 20 s'],
      [42 * 60 + 7, '42 min'],
      [3_900, '1 h 05'],
    ];
    for (const [seconds, words] of rows) expect(span(seconds * 1_000)).toBe(words);
  });

  test('times_below_the_millisecond_keep_their_order', () => {
    expect(compareTimes('2026-11-22T12:00:00.000001Z', '2026-11-22T12:00:00.0000009Z')).toBeGreaterThan(0);
    expect(compareTimes('2026-11-22T12:00:00Z', '2026-11-22T12:00:00.1Z')).toBeLessThan(0);
    expect(compareTimes('2026-11-22T12:00:00.5Z', '2026-11-22T12:00:00.500Z')).toBe(0);
  });

  test('a_time_within_a_sentence_is_told_by_the_rooms_clock', () => {
    const at = '2026-11-22T11:58:03.685Z';
    const local = new Date(at).toTimeString().slice(0, 8);
    expect(withClocks(`op2 was first: confirmed it at ${at}; look again`, now)).toBe(
      `op2 was first: confirmed it at ${local}; look again`,
    );
    expect(withClocks('no time in here', now)).toBe('no time in here');
  });

  test('distances_are_said_as_officers_say_them', () => {
    const rows: [number, string][] = [[448, '450 m'], [994, '990 m'], [996, '1.0 km'], [3_210, '3.2 km'], [14_400, '14 km']];
    for (const [metres, said] of rows) expect(distance(metres)).toBe(said);
  });
});

describe('plates', () => {
  test('a_mark_is_spaced_as_on_its_plate', () => {
    const rows: [string, string][] = [
      ['AB12CDE', 'AB12 CDE'],
      ['A123BCD', 'A123 BCD'],
      ['ABC123D', 'ABC 123D'],
      ['ABZ1234', 'ABZ 1234'],
      ['1ABC', '1 ABC'],
      ['WAB1234567', 'WAB1234567'],
    ];
    for (const [vrm, plate] of rows) expect(spaced(vrm)).toBe(plate);
  });

  const picture = (read: string, listed: string): string =>
    compare(read, listed)
      .map((cell) => (cell.same ? cell.read : `[${cell.read ?? '_'}|${cell.listed ?? '_'}]`))
      .join('');

  test('a_read_that_fits_a_pattern_differs_in_nothing', () => {
    const rows: [string, string, string][] = [
      ['AB12CDE', 'AB1?CDE', 'AB1?CDE'],
      ['AB12CDE', 'AB1*', 'AB1????'],
      ['AB12CDE', '*2C*', '???2C??'],
      ['AB1', 'AB1*', 'AB1'],
    ];
    for (const [read, pattern, shown] of rows) {
      const cells = compare(read, pattern);
      expect(cells.every((cell) => cell.same)).toBe(true);
      expect(cells.map((cell) => cell.listed).join('')).toBe(shown);
    }
    expect(compare('AB12CDF', 'AB1?CDE').filter((cell) => !cell.same)).toHaveLength(1);
  });

  test('only_the_characters_that_differ_are_marked', () => {
    const rows: [string, string, string][] = [
      ['AB12CDE', 'AB12CDE', 'AB12CDE'],
      ['AB17CDE', 'AB12CDE', 'AB1[7|2]CDE'],
      ['B12CDE', 'AB12CDE', '[_|A]B12CDE'],
      ['AB12CCDE', 'AB12CDE', 'AB12[C|_]CDE'],
      ['', 'A', '[_|A]'],
    ];
    for (const [read, listed, expected] of rows) {
      const seen = picture(read, listed);
      expect(seen.replaceAll(/\[|\]/g, '').length, read).toBe(expected.replaceAll(/\[|\]/g, '').length);
      if (read !== 'AB12CCDE') expect(seen).toBe(expected);
    }
  });

  test('on_a_plate_what_differs_is_marked_and_what_is_missing_leaves_its_place', () => {
    const rows: [string, string, string][] = [
      ['AB12CDE', 'AB12CDE', 'AB12 CDE'],
      ['AB12CDE', 'ABI2CDE', 'AB[1]2 CDE'],
      ['ABI2CDE', 'AB12CDE', 'AB[I]2CDE'],
      ['AB12CDE', 'AB2CDE', 'AB[1]2 CDE'],
      ['AB2CDE', 'AB12CDE', 'AB[]2CDE'],
      ['AB12CDE', 'AB12XCDE', 'AB12 []CDE'],
      ['AB12CDE', 'AB1ZCDE', 'AB1[2] CDE'],
    ];
    for (const [vrm, other, picture] of rows) {
      const seen = marked(vrm, other).map(({ text, differs }) => (differs ? `[${text}]` : text));
      expect(seen.join('')).toBe(picture);
    }
  });

  test('of_equal_neighbours_the_first_is_the_one_that_was_lost_or_gained', () => {
    expect(picture('AB12CDE', 'AB12CCDE')).toBe('AB12[_|C]CDE');
    expect(picture('AB112CDE', 'AB12CDE')).toBe('AB[1|_]12CDE');
    expect(picture('HAB12CDF', 'AB12CDE')).toBe('[H|_]AB12CD[F|E]');
  });

  test('confidences_stay_with_the_characters_they_are_about', () => {
    const cells = compare('B12', 'AB12', [0.1, 0.2, 0.3]);
    expect(cells.map((cell) => cell.confidence)).toEqual([undefined, 0.1, 0.2, 0.3]);
    expect(compare('AB', 'AB', [0.5]).every((cell) => cell.confidence === undefined)).toBe(true);
  });
});

describe('vehicles', () => {
  test('what_one_side_does_not_know_is_unknown_never_agreed', () => {
    const rows: [string | undefined, string | undefined, string][] = [
      ['ford', 'FORD', 'agree'],
      ['gray', 'Grey', 'agree'],
      ['Mercedes-Benz', 'MERCEDES', 'agree'],
      ['red', 'blue', 'differ'],
      [undefined, 'blue', 'unknown'],
      ['unknown', 'blue', 'unknown'],
      ['red', '', 'unknown'],
      [undefined, undefined, 'unknown'],
    ];
    for (const [seen, listed, expected] of rows) expect(verdict(seen, listed)).toBe(expected);
  });

  test('a_model_with_its_trim_is_the_same_model', () => {
    expect(modelVerdict('Golf', 'GOLF GT TDI')).toBe('agree');
    expect(modelVerdict('Golf', 'POLO')).toBe('differ');
    expect(modelVerdict('A1', 'A10')).toBe('differ');
  });
});

describe('choices', () => {
  test('each_list_of_outcomes_fits_the_keys_and_the_state', () => {
    expect(REJECTIONS).toHaveLength(4);
    expect(endings('confirmed')).not.toContain('wrong_vehicle');
    expect(endings('deployed')).toContain('wrong_vehicle');
    expect(endings('deployed').length).toBeLessThanOrEqual(9);
  });

  test('history_is_told_in_words', () => {
    const place = (camera: string): string => (camera === 'c1' ? 'M57 J2 northbound' : camera);
    const rows: [Parameters<typeof historyWords>[0], string, string][] = [
      ['opened', 'c1', 'M57 J2 northbound'],
      ['confirmed', '', ''],
      ['deployment_advanced', 'KN70 en_route', 'KN70 en route'],
      ['closed', 'arrest: two in custody: both male', 'Stopped, arrest made: two in custody: both male'],
      ['rejected', 'misread', 'Plate misread'],
    ];
    for (const [kind, detail, words] of rows) expect(historyWords(kind, detail, place)).toBe(words);
  });

  test('a_deployment_goes_through_its_steps_and_ends', () => {
    expect(['proposed', 'accepted', 'en_route', 'at_scene', 'cleared'].map((step) => nextStep(step as never))).toEqual([
      'accepted',
      'en_route',
      'at_scene',
      'cleared',
      undefined,
    ]);
  });
});

test('an_address_names_a_page_and_at_most_a_case', () => {
  const one = 'c'.repeat(32);
  expect(parse('')).toEqual({ page: 'live' });
  expect(parse(`#/live/${one}`)).toEqual({ page: 'live', caseId: one });
  expect(parse('#/live/AB12CDE')).toEqual({ page: 'live' });
  expect(parse('#/audit')).toEqual({ page: 'audit' });
  expect(parse(format({ page: 'live', caseId: one }))).toEqual({ page: 'live', caseId: one });
  expect(format({ page: 'hotlists' })).toBe('#/hotlists');
});

test('a_unit_glides_to_its_fix_and_jumps_where_it_cannot_have_driven', () => {
  const glide = new Glide();
  glide.set({ callsign: 'KN70', lat: 53.4, lon: -2.9 }, 0);
  glide.set({ callsign: 'KN70', lat: 53.41, lon: -2.9 }, 1_000);
  expect(glide.at('KN70', 1_000)).toEqual([-2.9, 53.4]);
  expect(glide.at('KN70', 1_500)?.[1]).toBeCloseTo(53.405);
  expect(glide.moving(1_500)).toBe(true);
  expect(glide.at('KN70', 9_000)).toEqual([-2.9, 53.41]);
  expect(glide.moving(9_000)).toBe(false);
  glide.set({ callsign: 'KN70', lat: 53.6, lon: -2.9 }, 9_000);
  expect(glide.at('KN70', 9_000)).toEqual([-2.9, 53.6]);
  expect(glide.at('XX', 0)).toBeUndefined();
});

test('map_and_page_use_the_same_colours', () => {
  const css = readFileSync(new URL('../app.css', import.meta.url), 'utf8');
  const colour = (name: string): string | undefined => new RegExp(`--${name}: (#[0-9a-f]{6});`).exec(css)?.[1];
  for (const [grade, expected] of Object.entries(GRADE_COLOURS)) expect(colour(`grade-${grade}`)).toBe(expected);
  expect(colour('unit')).toBe(MAP.unit);
  expect(colour('accent')).toBe(MAP.selected);
  expect(colour('differ')).toBe(MAP.doubt);
});
