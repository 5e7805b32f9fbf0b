// The map's signs, drawn here: nothing is fetched. Each grade and each state of a unit has a shape of its own, so that
// no meaning hangs on colour alone.

import type { Map as MapLibre } from 'maplibre-gl';
import { GRADE_COLOURS, MAP } from '../lib/colours';
import type { Grade, UnitPosition } from '../lib/types';

const RATIO = 2;

type Pen = CanvasRenderingContext2D;

/** The sign for a unit. */
export function unitIcon(unit: Pick<UnitPosition, 'state' | 'stale'>): string {
  if (unit.stale) return 'unit-stale';
  switch (unit.state) {
    case 'available':
      return 'unit-available';
    case 'accepted':
    case 'en_route':
      return 'unit-en-route';
    case 'at_scene':
      return 'unit-at-scene';
    default:
      return 'unit-busy';
  }
}

/** Draws every sign into the map. */
export function addIcons(map: MapLibre): void {
  add(map, 'camera', 22, camera);
  add(map, 'unit-available', 18, (pen) => disc(pen, 6, MAP.unit));
  add(map, 'unit-en-route', 26, arrow);
  add(map, 'unit-at-scene', 22, (pen) => box(pen, 8, MAP.unitSent));
  add(map, 'unit-busy', 16, (pen) => ring(pen, 4.5, MAP.unitBusy, []));
  add(map, 'unit-stale', 18, (pen) => ring(pen, 6, MAP.stale, [3, 2.4]));
  for (const grade of [1, 2, 3, 4] as const) add(map, `case-${grade}`, 34, (pen) => gradeSign(pen, grade));
}

function add(map: MapLibre, name: string, size: number, draw: (pen: Pen) => void): void {
  const canvas = document.createElement('canvas');
  canvas.width = canvas.height = size * RATIO;
  const pen = canvas.getContext('2d');
  if (!pen) return;
  pen.scale(RATIO, RATIO);
  pen.translate(size / 2, size / 2);
  draw(pen);
  map.addImage(name, pen.getImageData(0, 0, canvas.width, canvas.height), { pixelRatio: RATIO });
}

/** Looks north; the map turns it to the traffic that it reads. */
function camera(pen: Pen): void {
  pen.beginPath();
  pen.moveTo(0, 1);
  pen.lineTo(-4.5, -8);
  pen.lineTo(4.5, -8);
  pen.closePath();
  pen.fillStyle = `${MAP.camera}88`;
  pen.fill();
  disc(pen, 2.4, MAP.camera);
}

function disc(pen: Pen, radius: number, colour: string): void {
  pen.beginPath();
  pen.arc(0, 0, radius, 0, 2 * Math.PI);
  pen.fillStyle = colour;
  pen.fill();
  pen.lineWidth = 1.5;
  pen.strokeStyle = MAP.dark;
  pen.stroke();
}

function ring(pen: Pen, radius: number, colour: string, dash: number[]): void {
  pen.beginPath();
  pen.arc(0, 0, radius, 0, 2 * Math.PI);
  pen.setLineDash(dash);
  pen.lineWidth = 2;
  pen.strokeStyle = colour;
  pen.stroke();
}

function box(pen: Pen, half: number, colour: string): void {
  pen.beginPath();
  pen.rect(-half, -half, 2 * half, 2 * half);
  pen.fillStyle = colour;
  pen.fill();
  pen.lineWidth = 1.5;
  pen.strokeStyle = MAP.dark;
  pen.stroke();
}

function arrow(pen: Pen): void {
  pen.beginPath();
  pen.moveTo(0, -11);
  pen.lineTo(8, 9);
  pen.lineTo(0, 5);
  pen.lineTo(-8, 9);
  pen.closePath();
  pen.fillStyle = MAP.unitSent;
  pen.fill();
  pen.lineWidth = 1.5;
  pen.strokeStyle = MAP.dark;
  pen.stroke();
}

/** Octagon, diamond, circle, square: the same shapes as beside the queue. */
function gradeSign(pen: Pen, grade: Grade): void {
  const corners = { 1: 8, 2: 4, 3: 0, 4: 4 }[grade];
  const radius = { 1: 13, 2: 15, 3: 12, 4: 14 }[grade];
  const turn = { 1: Math.PI / 8, 2: 0, 3: 0, 4: Math.PI / 4 }[grade];
  pen.beginPath();
  if (corners === 0) pen.arc(0, 0, radius, 0, 2 * Math.PI);
  for (let corner = 0; corner < corners; corner += 1) {
    const angle = turn + (corner * 2 * Math.PI) / corners;
    pen.lineTo(radius * Math.cos(angle), radius * Math.sin(angle));
  }
  pen.closePath();
  pen.fillStyle = GRADE_COLOURS[grade];
  pen.fill();
  pen.lineWidth = 2;
  pen.strokeStyle = MAP.dark;
  pen.stroke();
  pen.fillStyle = MAP.dark;
  pen.font = 'bold 15px sans-serif';
  pen.textAlign = 'center';
  pen.textBaseline = 'middle';
  pen.fillText(String(grade), 0, 0.5);
}
