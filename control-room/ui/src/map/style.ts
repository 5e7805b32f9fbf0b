// The map's style: our own data on a dark ground, text from the machine's own fonts. No address in it.

import type { ExpressionSpecification, LayerSpecification, StyleSpecification } from 'maplibre-gl';
import { GRADE_COLOURS, MAP } from '../lib/colours';
import type { ForceMap } from '../lib/types';
import { collection, labels } from './data';

const BOLD = ['Arial Bold', 'Arial', 'Liberation Sans', 'sans-serif'];
const PLAIN = ['Arial', 'Liberation Sans', 'sans-serif'];

const BY_GRADE: ExpressionSpecification = [
  'match',
  ['get', 'grade'],
  1,
  GRADE_COLOURS[1],
  2,
  GRADE_COLOURS[2],
  3,
  GRADE_COLOURS[3],
  GRADE_COLOURS[4],
];

const LIVE = ['units', 'cases', 'sightings', 'track', 'impossible', 'lines', 'flashes'] as const;
export type LiveSource = (typeof LIVE)[number];

export function style(force: ForceMap): StyleSpecification {
  const live = Object.fromEntries(LIVE.map((name) => [name, { type: 'geojson' as const, data: collection([]) }]));
  return {
    version: 8,
    sources: {
      bcus: { type: 'geojson', data: force.bcus },
      names: { type: 'geojson', data: labels(force) },
      roads: { type: 'geojson', data: force.roads },
      cameras: { type: 'geojson', data: force.cameras },
      ...live,
    },
    layers: [...ground(), ...roads(), ...fixed(), ...selection(), ...moving()],
  };
}

function ground(): LayerSpecification[] {
  return [
    { id: 'sea', type: 'background', paint: { 'background-color': MAP.sea } },
    { id: 'land', type: 'fill', source: 'bcus', paint: { 'fill-color': MAP.land } },
    {
      id: 'outline',
      type: 'line',
      source: 'bcus',
      layout: { 'line-join': 'round' },
      paint: { 'line-color': MAP.outline, 'line-width': 1.4, 'line-dasharray': [4, 2] },
    },
  ];
}

function road(kind: string, colour: string, widths: [number, number], dash?: number[]): LayerSpecification {
  return {
    id: `road-${kind}`,
    type: 'line',
    source: 'roads',
    filter: ['==', ['get', 'class'], kind],
    layout: { 'line-cap': dash ? 'butt' : 'round', 'line-join': 'round' },
    paint: {
      'line-color': colour,
      'line-width': ['interpolate', ['exponential', 1.5], ['zoom'], 9, widths[0], 14, widths[1]],
      ...(dash ? { 'line-dasharray': dash } : {}),
    },
  };
}

function roads(): LayerSpecification[] {
  return [
    road('primary', MAP.primary, [1, 4]),
    road('trunk', MAP.trunk, [1.5, 6]),
    road('motorway', MAP.motorway, [2.4, 9]),
    road('tunnel', MAP.tunnel, [1.8, 7], [2, 1.2]),
    {
      id: 'road-names',
      type: 'symbol',
      source: 'roads',
      minzoom: 9.6,
      filter: ['in', ['get', 'class'], ['literal', ['motorway', 'trunk', 'tunnel']]],
      layout: {
        'symbol-placement': 'line',
        'symbol-spacing': 420,
        // The number alone until there is room for the name.
        'text-field': [
          'step',
          ['zoom'],
          [
            'case',
            ['==', ['get', 'class'], 'tunnel'],
            ['get', 'name'],
            ['in', ' ', ['get', 'name']],
            ['slice', ['get', 'name'], 0, ['index-of', ' ', ['get', 'name']]],
            ['get', 'name'],
          ],
          12,
          ['get', 'name'],
        ],
        'text-font': PLAIN,
        'text-size': 12,
        'text-letter-spacing': 0.04,
      },
      paint: { 'text-color': '#9db4c8', 'text-halo-color': MAP.sea, 'text-halo-width': 1.6 },
    },
  ];
}

function fixed(): LayerSpecification[] {
  return [
    {
      id: 'names',
      type: 'symbol',
      source: 'names',
      layout: {
        'text-field': ['get', 'name'],
        'text-font': BOLD,
        'text-size': ['interpolate', ['linear'], ['zoom'], 8.5, 11, 12, 17],
        'text-letter-spacing': 0.22,
        'text-max-width': 7,
        'text-allow-overlap': true,
        'text-ignore-placement': true,
      },
      paint: { 'text-color': MAP.label, 'text-opacity': 0.62 },
    },
    {
      id: 'cameras',
      type: 'symbol',
      source: 'cameras',
      layout: {
        'icon-image': 'camera',
        'icon-rotate': ['get', 'bearing_deg'],
        'icon-rotation-alignment': 'map',
        'icon-allow-overlap': true,
        'icon-ignore-placement': true,
        'icon-size': ['interpolate', ['linear'], ['zoom'], 9, 0.55, 12, 1],
      },
    },
  ];
}

function selection(): LayerSpecification[] {
  return [
    {
      id: 'track',
      type: 'line',
      source: 'track',
      layout: { 'line-cap': 'round', 'line-join': 'round' },
      paint: { 'line-color': MAP.selected, 'line-width': 2, 'line-dasharray': [1, 2], 'line-opacity': 0.8 },
    },
    {
      id: 'impossible',
      type: 'line',
      source: 'impossible',
      layout: { 'line-cap': 'butt' },
      paint: { 'line-color': MAP.doubt, 'line-width': 3, 'line-dasharray': [4, 1.5] },
    },
    {
      id: 'sightings',
      type: 'circle',
      source: 'sightings',
      paint: {
        'circle-radius': ['case', ['get', 'last'], 20, 5],
        'circle-color': MAP.selected,
        'circle-opacity': ['case', ['get', 'last'], 0.12, 0.75],
        'circle-stroke-color': MAP.selected,
        'circle-stroke-width': ['case', ['get', 'last'], 2.5, 0],
      },
    },
    {
      id: 'lines',
      type: 'line',
      source: 'lines',
      filter: ['!', ['get', 'sent']],
      paint: { 'line-color': MAP.unit, 'line-width': 1.4, 'line-opacity': 0.75, 'line-dasharray': [3, 3] },
    },
    {
      id: 'lines-sent',
      type: 'line',
      source: 'lines',
      filter: ['get', 'sent'],
      paint: { 'line-color': MAP.unitSent, 'line-width': 2.4, 'line-opacity': 0.9 },
    },
  ];
}

function moving(): LayerSpecification[] {
  return [
    {
      id: 'units',
      type: 'symbol',
      source: 'units',
      layout: {
        'icon-image': ['get', 'icon'],
        'icon-rotate': ['get', 'turn'],
        'icon-rotation-alignment': 'map',
        'icon-allow-overlap': true,
        'icon-ignore-placement': true,
        'symbol-sort-key': ['get', 'weight'],
      },
    },
    callsigns('callsigns', ['==', ['get', 'weight'], 0], 10.6, MAP.unit, false),
    callsigns('callsigns-engaged', ['==', ['get', 'weight'], 1], 0, MAP.unitSent, false),
    callsigns('callsigns-sent', ['==', ['get', 'weight'], 2], 0, MAP.unitSent, true),
    {
      id: 'flashes',
      type: 'circle',
      source: 'flashes',
      paint: {
        'circle-radius': ['get', 'radius'],
        'circle-color': BY_GRADE,
        'circle-opacity': ['*', 0.25, ['get', 'opacity']],
        'circle-stroke-color': BY_GRADE,
        'circle-stroke-width': 2.5,
        'circle-stroke-opacity': ['get', 'opacity'],
      },
    },
    {
      id: 'cases',
      type: 'symbol',
      source: 'cases',
      layout: {
        'icon-image': ['get', 'icon'],
        'icon-allow-overlap': true,
        'icon-ignore-placement': true,
        'icon-size': ['case', ['get', 'selected'], 1.15, 0.8],
      },
    },
    {
      id: 'impossible-words',
      type: 'symbol',
      source: 'impossible',
      filter: ['has', 'words'],
      layout: {
        'text-field': ['get', 'words'],
        'text-max-width': 40,
        'text-font': BOLD,
        'text-size': 14,
        'text-allow-overlap': true,
      },
      paint: { 'text-color': MAP.doubt, 'text-halo-color': MAP.dark, 'text-halo-width': 2.5 },
    },
    {
      id: 'ranks',
      type: 'symbol',
      source: 'lines',
      layout: {
        'symbol-placement': 'line-center',
        'text-rotation-alignment': 'viewport',
        'text-field': ['get', 'rank'],
        'text-font': BOLD,
        'text-size': 14,
        'text-allow-overlap': true,
      },
      paint: { 'text-color': MAP.unit, 'text-halo-color': MAP.dark, 'text-halo-width': 2.5 },
    },
  ];
}

function callsigns(
  id: string,
  filter: ExpressionSpecification,
  minzoom: number,
  colour: string,
  always: boolean,
): LayerSpecification {
  return {
    id,
    type: 'symbol',
    source: 'units',
    filter,
    minzoom,
    layout: {
      'text-field': ['get', 'callsign'],
      'text-font': always ? BOLD : PLAIN,
      'text-size': always ? 15 : 12.5,
      'text-anchor': 'left',
      'text-offset': [0.9, 0],
      'text-allow-overlap': always,
    },
    paint: { 'text-color': colour, 'text-halo-color': MAP.dark, 'text-halo-width': 1.6 },
  };
}
