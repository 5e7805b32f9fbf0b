// What lies on the map, as GeoJSON.

import type { Feature, FeatureCollection, LineString, Point, Position } from 'geojson';
import { journeyWords } from '../lib/match';
import type { OpenCase } from '../lib/record';
import type { Camera, Case, ForceMap, Grade, UnitPosition } from '../lib/types';
import { unitIcon } from './icons';

export type Places = ReadonlyMap<string, Camera>;
export type Where = (callsign: string) => [number, number] | undefined;

/** How long a hit stays visible. */
export const FLASH_MS = 2_400;

export interface Flashing {
  lon: number;
  lat: number;
  grade: Grade;
  since: number;
}

export function collection<G extends Point | LineString>(features: Feature<G>[]): FeatureCollection<G> {
  return { type: 'FeatureCollection', features };
}

function point(at: Position, properties: Record<string, unknown>): Feature<Point> {
  return { type: 'Feature', properties, geometry: { type: 'Point', coordinates: at } };
}

/** A name for each BCU at the middle of its ground. */
export function labels(force: ForceMap): FeatureCollection<Point> {
  return collection(
    force.bcus.features.flatMap((bcu) => {
      const rings =
        bcu.geometry.type === 'Polygon'
          ? [bcu.geometry.coordinates[0] ?? []]
          : bcu.geometry.type === 'MultiPolygon'
            ? bcu.geometry.coordinates.map((polygon) => polygon[0] ?? [])
            : [];
      const largest = rings.map(centre).sort((a, b) => b.area - a.area)[0];
      return largest ? [point(largest.at, { name: bcu.properties.name.toUpperCase() })] : [];
    }),
  );
}

/** Area and centre of gravity of a ring, in degrees (shoelace formula). */
function centre(ring: Position[]): { area: number; at: Position } {
  let [doubled, x, y] = [0, 0, 0];
  ring.forEach((a, index) => {
    const b = ring[(index + 1) % ring.length] ?? a;
    const cross = (a[0] ?? 0) * (b[1] ?? 0) - (b[0] ?? 0) * (a[1] ?? 0);
    doubled += cross;
    x += ((a[0] ?? 0) + (b[0] ?? 0)) * cross;
    y += ((a[1] ?? 0) + (b[1] ?? 0)) * cross;
  });
  return { area: Math.abs(doubled) / 2, at: [x / (3 * doubled), y / (3 * doubled)] };
}

/** Units on duty. `sent` are those of the selected case: always named. */
export function units(all: Iterable<UnitPosition>, where: Where, sent: ReadonlySet<string>): FeatureCollection<Point> {
  const features: Feature<Point>[] = [];
  for (const unit of all) {
    if (unit.state === 'off_duty') continue;
    const engaged = unit.state !== 'available' && unit.state !== 'busy';
    features.push(
      point(where(unit.callsign) ?? [unit.lon, unit.lat], {
        callsign: unit.callsign,
        icon: unitIcon(unit),
        turn: unit.state === 'accepted' || unit.state === 'en_route' ? unit.heading : 0,
        weight: sent.has(unit.callsign) ? 2 : engaged ? 1 : 0,
      }),
    );
  }
  return collection(features);
}

/** The last camera of every open case; where several stand at one camera the most urgent is drawn last, on top. */
export function cases(open: readonly Case[], places: Places, selected: string | undefined): FeatureCollection<Point> {
  return collection(
    [...open].reverse().flatMap((one) => {
      const camera = places.get(one.last_read.camera);
      if (!camera) return [];
      const properties = { id: one.case_id, icon: `case-${one.grade}`, selected: one.case_id === selected };
      return [point([camera.lon, camera.lat], properties)];
    }),
  );
}

/** Where the selected vehicle was seen: the older the fainter. */
export function sightings(open: OpenCase | null, places: Places): FeatureCollection<Point> {
  return collection(
    (open?.reads ?? []).flatMap((read, index) => {
      const camera = places.get(read.camera);
      return camera ? [point([camera.lon, camera.lat], { last: index === 0 })] : [];
    }),
  );
}

/** The way from sighting to sighting, in straight lines: the roads between them nobody saw. */
export function track(open: OpenCase | null, places: Places): FeatureCollection<LineString> {
  const course = (open?.reads ?? []).flatMap((read) => {
    const camera = places.get(read.camera);
    return camera ? [[camera.lon, camera.lat]] : [];
  });
  if (course.length < 2) return collection<LineString>([]);
  return collection([
    { type: 'Feature', properties: {}, geometry: { type: 'LineString', coordinates: course.reverse() } },
  ]);
}

/** A journey that no vehicle can have made: a line, and at its middle what it would take. */
export function impossible(open: OpenCase | null, places: Places): FeatureCollection<LineString | Point> {
  const journey = open?.case.last_match.journey;
  const [from, to] = [places.get(journey?.from.camera ?? ''), places.get(journey?.to.camera ?? '')];
  if (!journey || !from || !to) return collection<LineString>([]);
  const coordinates = [from, to].map(({ lon, lat }) => [lon, lat]);
  return collection<LineString | Point>([
    { type: 'Feature', properties: {}, geometry: { type: 'LineString', coordinates } },
    point([(from.lon + to.lon) / 2, (from.lat + to.lat) / 2], { words: journeyWords(journey) }),
  ]);
}

/** From units to the vehicle: those on their way, or while nobody is, those that are proposed. */
export function lines(open: OpenCase | null, places: Places, where: Where): FeatureCollection<LineString> {
  const camera = open && places.get(open.reads[0]?.camera ?? '');
  if (!open || !camera) return collection<LineString>([]);
  return collection(
    shownUnits(open).flatMap(({ callsign, rank }) => {
      const at = where(callsign);
      if (!at) return [];
      const coordinates = [at, [camera.lon, camera.lat]];
      return [
        {
          type: 'Feature' as const,
          properties: { sent: rank === 0, rank: rank === 0 ? '' : String(rank) },
          geometry: { type: 'LineString' as const, coordinates },
        },
      ];
    }),
  );
}

/** The units that matter to a case: rank 0 is sent, 1 to 5 is proposed. */
export function shownUnits(open: OpenCase): { callsign: string; rank: number }[] {
  const sent = open.deployments.filter((one) => one.state !== 'cleared');
  if (sent.length > 0) return sent.map((one) => ({ callsign: one.callsign, rank: 0 }));
  if (open.case.state === 'closed' || open.case.state === 'rejected') return [];
  return open.proposals.slice(0, 5).map((one, index) => ({ callsign: one.callsign, rank: index + 1 }));
}

/** Rings that grow and fade; without motion they stand and vanish. */
export function flashes(all: readonly Flashing[], now: number, still: boolean): FeatureCollection<Point> {
  return collection(
    all.map((one) => {
      const share = Math.min(1, (now - one.since) / FLASH_MS);
      const size = one.grade === 4 ? 0.55 : 1;
      return point([one.lon, one.lat], {
        grade: one.grade,
        radius: (still ? 14 : 5 + 20 * (1 - (1 - share) ** 3)) * size,
        opacity: still ? 0.8 : 0.95 * (1 - share),
      });
    }),
  );
}
