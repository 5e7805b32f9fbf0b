import { expect, test } from 'vitest';
import { openCase } from '../lib/record';
import { aCase, journey } from '../lib/samples';
import type { Camera, Match } from '../lib/types';
import { impossible } from './data';

const camera = (name: string, lon: number, lat: number): [string, Camera] => [
  name,
  { camera: name, site: name, name, bcu: 'KN', road: 'M57', lon, lat, bearing_deg: 0 },
];

test('an_impossible_journey_is_a_line_between_its_cameras_with_its_speed_at_the_middle', () => {
  const places = new Map([camera('A5036-BOOTLE-E', -3, 53.5), camera('M57-J2-N', -2.8, 53.4)]);
  const drawn = (last_match: Match, known = places): unknown[] => {
    const open = openCase({ case: aCase({ last_match }), hits: [], deployments: [], proposals: [], history: [] });
    return impossible(open, known).features.map(({ geometry, properties }) => [geometry.coordinates, properties]);
  };
  const [line, middle, ...more] = drawn({ kind: 'clone', journey: journey() });
  expect(line).toEqual([[[-3, 53.5], [-2.8, 53.4]], {}]);
  expect(middle).toEqual([[expect.closeTo(-2.9), expect.closeTo(53.45)], { words: '43 km in 4 min: 645 km/h' }]);
  expect(more).toEqual([]);
  expect(drawn({ kind: 'exact' })).toEqual([]);
  // A camera that the force no longer has.
  expect(drawn({ kind: 'clone', journey: journey() }, new Map([camera('M57-J2-N', -2.8, 53.4)]))).toEqual([]);
  expect(impossible(null, places).features).toEqual([]);
});
