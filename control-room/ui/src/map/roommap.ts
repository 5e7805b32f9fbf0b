// The map as the page drives it: what is on it comes in by `show...`, what the operator clicks goes out by `onCase`.
//
// Moving things are redrawn a few times a second, and only while something moves: a control room's screens run all day.

import { Map as MapLibre, NavigationControl, setWorkerUrl, type GeoJSONSource } from 'maplibre-gl';
import workerUrl from 'maplibre-gl/dist/maplibre-gl-worker.mjs?url';
import 'maplibre-gl/dist/maplibre-gl.css';
import { Glide } from '../lib/motion';
import type { OpenCase } from '../lib/record';
import type { Camera, Case, Flash, ForceMap, UnitPosition } from '../lib/types';
import * as data from './data';
import { addIcons } from './icons';
import { style, type LiveSource } from './style';

/** Between two drawings of what moves: smooth enough for cars seen from above, light enough for software drawing. */
const FRAME_MS = 120;
/** Flashes at once; more is a flood in which none can be told apart. */
const MOST_FLASHES = 60;
/** The sources that never change. */
const STILL = ['bcus', 'names', 'roads', 'cameras'];
/** Nearer than this the map does not go by itself. */
const NEAREST_ZOOM = 12.5;

export class RoomMap {
  onCase: (id: string) => void = () => {};
  private readonly map: MapLibre;
  private readonly glide = new Glide();
  private readonly units = new Map<string, UnitPosition>();
  private readonly still = matchMedia('(prefers-reduced-motion: reduce)');
  private flashing: data.Flashing[] = [];
  private open: OpenCase | null = null;
  private ready = false;
  private timer: ReturnType<typeof setInterval> | undefined;
  private pending = new Map<LiveSource, Parameters<GeoJSONSource['setData']>[0]>();
  private dirty = true;

  constructor(
    private readonly container: HTMLElement,
    private readonly force: ForceMap,
    private readonly places: data.Places,
  ) {
    setWorkerUrl(workerUrl);
    this.map = new MapLibre({
      container,
      style: style(force),
      ...(force.bounds ? { bounds: force.bounds } : {}),
      fitBoundsOptions: { padding: 24 },
      attributionControl: false,
      dragRotate: false,
      pitchWithRotate: false,
      fadeDuration: 0,
      // The queue's keys are not the map's.
      keyboard: false,
    });
    this.map.touchZoomRotate.disableRotation();
    this.map.addControl(new NavigationControl({ showCompass: false }), 'bottom-right');
    this.map.on('load', () => this.begin());
    for (const layer of ['cases', 'sightings']) {
      this.map.on('mouseenter', layer, () => (this.map.getCanvas().style.cursor = 'pointer'));
      this.map.on('mouseleave', layer, () => (this.map.getCanvas().style.cursor = ''));
    }
    this.map.on('click', 'cases', (event) => {
      const id: unknown = event.features?.[0]?.properties.id;
      if (typeof id === 'string') this.onCase(id);
    });
  }

  destroy(): void {
    clearInterval(this.timer);
    this.map.remove();
  }

  showUnits(changed: readonly UnitPosition[]): void {
    const now = performance.now();
    for (const unit of changed) {
      this.units.set(unit.callsign, unit);
      this.glide.set(unit, now, !this.still.matches);
    }
    this.dirty = true;
  }

  showCases(open: readonly Case[], selected: string | undefined): void {
    this.set('cases', data.cases(open, this.places, selected));
  }

  showCase(open: OpenCase | null): void {
    this.open = open;
    this.set('sightings', data.sightings(open, this.places));
    this.set('track', data.track(open, this.places));
    this.set('impossible', data.impossible(open, this.places));
    this.dirty = true;
  }

  flash(hit: Flash): void {
    const camera = this.places.get(hit.camera);
    if (!camera || document.hidden) return;
    const { lon, lat } = camera;
    this.flashing = [...this.flashing.slice(1 - MOST_FLASHES), { lon, lat, grade: hit.grade, since: performance.now() }];
  }

  /** The whole force. */
  whole(): void {
    if (this.force.bounds) this.map.fitBounds(this.force.bounds, { padding: 24, animate: !this.still.matches });
  }

  /** The selected vehicle and the units that matter to it. */
  closer(): void {
    if (!this.open) return;
    const { reads, case: one } = this.open;
    const seen = [...reads.slice(0, 3).map((read) => read.camera), one.last_match.journey?.from.camera ?? ''];
    const places = seen.flatMap((camera) => asPlace(this.places.get(camera)));
    for (const { callsign } of data.shownUnits(this.open)) {
      const at = this.glide.at(callsign, performance.now());
      if (at) places.push(at);
    }
    if (places.length === 0) return;
    const [lons, lats] = [places.map((at) => at[0]), places.map((at) => at[1])];
    this.map.fitBounds(
      [
        [Math.min(...lons), Math.min(...lats)],
        [Math.max(...lons), Math.max(...lats)],
      ],
      { padding: 80, maxZoom: NEAREST_ZOOM, animate: !this.still.matches, duration: 700 },
    );
  }

  private begin(): void {
    addIcons(this.map);
    this.ready = true;
    for (const [source, features] of this.pending) this.set(source, features);
    this.pending.clear();
    this.frame();
    this.timer = setInterval(() => this.frame(), FRAME_MS);
    // Screenshots and tests wait for it. The map is never idle while units move, so what stands still is asked for.
    const drawn = (): void => {
      if (!STILL.every((source) => this.map.isSourceLoaded(source))) return;
      this.container.dataset.ready = 'true';
      this.map.off('render', drawn);
    };
    this.map.on('render', drawn);
  }

  private frame(): void {
    if (document.hidden) return;
    const now = performance.now();
    if (this.dirty || this.glide.moving(now)) {
      // One more drawing after the last movement puts everything in its place.
      this.dirty = this.glide.moving(now);
      const where = (callsign: string): [number, number] | undefined => this.glide.at(callsign, now);
      const mine = new Set(this.open ? data.shownUnits(this.open).map((unit) => unit.callsign) : []);
      this.set('units', data.units(this.units.values(), where, mine));
      this.set('lines', data.lines(this.open, this.places, where));
    }
    if (this.flashing.length > 0) {
      this.flashing = this.flashing.filter((one) => now - one.since < data.FLASH_MS);
      this.set('flashes', data.flashes(this.flashing, now, this.still.matches));
    }
  }

  private set(source: LiveSource, features: Parameters<GeoJSONSource['setData']>[0]): void {
    if (this.ready) this.map.getSource<GeoJSONSource>(source)?.setData(features);
    else this.pending.set(source, features);
  }
}

function asPlace(camera: Camera | undefined): [number, number][] {
  return camera ? [[camera.lon, camera.lat]] : [];
}
