// Development only: a drawn plate and a drawn scene for the mock service.

import { spaced } from '../src/lib/plate';

export interface Vehicle {
  vrm: string;
  colour: string;
  rear: boolean;
}

const PAINT: Record<string, string> = {
  BLACK: '#23262a',
  SILVER: '#a9b0b6',
  BLUE: '#2f4f86',
  RED: '#8d2a2a',
  WHITE: '#d8dadb',
  GREY: '#666c72',
  GREEN: '#2f5a3f',
};

export function plate({ vrm, rear }: Vehicle): string {
  return `<svg xmlns="http://www.w3.org/2000/svg" width="480" height="160" viewBox="0 0 480 160">
<defs><filter id="soft"><feGaussianBlur stdDeviation="1.1"/></filter></defs>
<rect width="480" height="160" fill="#1a1c1f"/>
<g filter="url(#soft)" transform="rotate(-1.2 240 80)">${plateShape(vrm, rear, 34, 36, 412, 92)}</g></svg>`;
}

function plateShape(vrm: string, rear: boolean, x: number, y: number, width: number, height: number): string {
  const size = height * 0.82;
  return `<rect x="${x}" y="${y}" width="${width}" height="${height}" rx="${height * 0.09}" fill="${rear ? '#e3b521' : '#d9dad6'}"/>
<text x="${x + width / 2}" y="${y + height * 0.8}" text-anchor="middle" textLength="${width * 0.88}" lengthAdjust="spacingAndGlyphs"
 font-family="Liberation Sans Narrow, Arial Narrow, Arial, sans-serif" font-weight="bold" font-size="${size}" fill="#131313">${spaced(vrm)}</text>`;
}

export function scene(vehicle: Vehicle): string {
  const paint = PAINT[vehicle.colour] ?? '#555b61';
  const lamp = vehicle.rear ? '#c3261c' : '#f3efd5';
  return `<svg xmlns="http://www.w3.org/2000/svg" width="960" height="540" viewBox="0 0 960 540">
<defs><linearGradient id="sky" x1="0" y1="0" x2="0" y2="1"><stop offset="0" stop-color="#28303a"/><stop offset="1" stop-color="#4a5058"/></linearGradient></defs>
<rect width="960" height="540" fill="url(#sky)"/><path d="M0 215H960V540H0Z" fill="#33373b"/><path d="M0 205H960V222H0Z" fill="#243028"/>
<path d="M420 215 60 540H900L540 215Z" fill="#3d4145"/>
<g stroke="#c9ccce" stroke-width="7" stroke-dasharray="46 40"><path d="M452 215 290 540M508 215 690 540"/></g>
<ellipse cx="480" cy="468" rx="205" ry="22" fill="#15171a"/>
<path d="M332 300 372 214Q380 200 400 200H560Q580 200 588 214L628 300Z" fill="${paint}"/>
<path d="M358 294 386 224Q390 215 402 215H558Q570 215 574 224L602 294Z" fill="#11161b"/>
<path d="M300 330Q300 296 336 296H624Q660 296 660 330V440Q660 452 646 452H314Q300 452 300 440Z" fill="${paint}"/>
<rect x="300" y="404" width="360" height="48" rx="12" fill="#1d2023"/>
<rect x="312" y="318" width="74" height="34" rx="10" fill="${lamp}"/><rect x="574" y="318" width="74" height="34" rx="10" fill="${lamp}"/>
<rect x="318" y="446" width="56" height="34" rx="8" fill="#0d0e10"/><rect x="586" y="446" width="56" height="34" rx="8" fill="#0d0e10"/>
${plateShape(vehicle.vrm, vehicle.rear, 405, 368, 150, 34)}
<text x="16" y="30" font-family="monospace" font-size="18" fill="#dfe4e8">DEVELOPMENT MOCK</text></svg>`;
}
