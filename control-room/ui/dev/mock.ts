// Development only: a mock of the service's API for screenshots and for trying the page without a service. Sign in as
// operator, supervisor, intelligence, patrol or admin with the password `mock`.
//
// `MOCK_SEED`, `MOCK_CASES` set the world; `MOCK_RACE=1` makes every first confirmation lose against another operator;
// `MOCK_SILENCE=1` stops the beats after ten seconds.

import type { IncomingMessage, ServerResponse } from 'node:http';
import type { Hotlists } from '../src/lib/listtypes';
import type { ListYield, ReviewNotice, Yields } from '../src/lib/yieldtypes';
import type { CaseEvent, Permission, Role, Session } from '../src/lib/types';
import { plate, scene } from './pictures';
import { Refused, World } from './world';

const PERMISSIONS: Record<Role, Permission[]> = {
  operator: ['view_cases', 'act_on_cases', 'report_observations', 'view_hotlists'],
  supervisor: ['view_cases', 'act_on_cases', 'report_observations', 'see_why', 'follow_up', 'answer_calls', 'view_yield', 'view_hotlists', 'change_policies', 'view_audit'],
  intelligence: ['view_cases', 'see_why', 'follow_up', 'view_yield', 'view_hotlists', 'change_hotlists'],
  patrol: ['report_observations'],
  client: ['take_lists'],
  admin: ['view_cases', 'act_on_cases', 'report_observations', 'see_why', 'follow_up', 'answer_calls', 'view_yield', 'view_hotlists', 'change_hotlists', 'change_policies', 'take_lists', 'view_audit', 'administer'],
};

/** What the real service sends with everything. */
export const SECURITY_HEADERS = {
  'Content-Security-Policy':
    "default-src 'self'; worker-src 'self' blob:; img-src 'self' data: blob:; style-src 'self' 'unsafe-inline'; object-src 'none'; base-uri 'none'; form-action 'self'; frame-ancestors 'none'",
  'X-Content-Type-Options': 'nosniff',
  'Referrer-Policy': 'no-referrer',
};

type Handler = (request: IncomingMessage, response: ServerResponse, next: () => void) => void;

export function mock(): Handler {
  const world = new World(Number(process.env.MOCK_SEED ?? 7), Number(process.env.MOCK_CASES ?? 11));
  const streams = new Set<ServerResponse>();
  const lists = new Map([['pnc-wanted', 812], ['stolen', 4_210], ['mib', 96_400], ['rso', 311], ['operation-copperleaf', 14], ['lost-plates', 2_377]]);
  const service = { world, streams, lists, revision: 12, raced: false };
  const push = (text: string): void => streams.forEach((stream) => stream.write(text));
  const send = (event: string, data: unknown): void => push(`event: ${event}\ndata: ${JSON.stringify(data)}\n\n`);
  world.onEvent = (event, place) => push(`id: ${place}\nevent: case\ndata: ${JSON.stringify(event)}\n\n`);
  world.onFlash = (flash) => send('hit', flash);
  const begun = Date.now();
  const beat = (): void => {
    if (process.env.MOCK_SILENCE && Date.now() - begun > 10_000) return;
    send('beat', { at: new Date().toISOString(), lists_revision: service.revision, feeds: { reads_per_s: 49.5, log: 'ok' } });
  };
  setInterval(() => send('units', { units: world.tick() }), 1_000).unref();
  setInterval(beat, 2_000).unref();
  return (request, response, next) => {
    for (const [name, value] of Object.entries(SECURITY_HEADERS)) if (process.env.MOCK_CSP) response.setHeader(name, value);
    if (!request.url?.startsWith('/api/')) return next();
    answer(service, request, response).catch((error: unknown) => {
      const refused = error instanceof Refused ? error : new Refused(500, 'internal', String(error));
      reply(response, refused.status, { error: { code: refused.code, message: refused.message } });
    });
  };
}

interface Service {
  world: World;
  streams: Set<ServerResponse>;
  lists: Map<string, number>;
  revision: number;
  raced: boolean;
}

function reply(response: ServerResponse, status: number, body?: unknown, headers: Record<string, string> = {}): void {
  response.writeHead(status, { 'Content-Type': 'application/json', ...headers });
  response.end(body === undefined ? '' : JSON.stringify(body));
}

async function text(request: IncomingMessage): Promise<string> {
  const chunks: Buffer[] = [];
  for await (const chunk of request) chunks.push(chunk as Buffer);
  return Buffer.concat(chunks).toString('utf8');
}

function session(name: string): Session {
  const role = name as Role;
  return { user: { name, role, disabled: false }, csrf: 'mock-csrf', permissions: PERMISSIONS[role] };
}

async function answer(service: Service, request: IncomingMessage, response: ServerResponse): Promise<void> {
  const { world } = service;
  const url = new URL(request.url ?? '/', 'http://mock');
  const path = url.pathname.slice('/api/'.length).split('/');
  const route = `${request.method} ${path[0]}${path.length > 2 ? `/${path[2]}` : path.length > 1 ? '/one' : ''}`;
  const user = /steelring_session=(\w+)/.exec(request.headers.cookie ?? '')?.[1];
  if (route === 'POST session') {
    const { username, password } = JSON.parse(await text(request)) as { username: string; password: string };
    if (!(username in PERMISSIONS) || password !== 'mock') throw new Refused(401, 'bad_credentials', 'user name or password is wrong');
    world.note(username, 'sign_in', username);
    return reply(response, 200, session(username), { 'Set-Cookie': `steelring_session=${username}; HttpOnly; SameSite=Strict; Path=/` });
  }
  if (!user || !(user in PERMISSIONS)) throw new Refused(401, 'not_signed_in', 'sign in first');
  if (request.method !== 'GET' && request.headers['x-csrf-token'] !== 'mock-csrf') throw new Refused(403, 'csrf', 'the header X-CSRF-Token is missing or wrong; reload the page');
  const id = path[1] ?? '';
  switch (route) {
    case 'GET session': return reply(response, 200, session(user));
    case 'DELETE session': return reply(response, 204, undefined, { 'Set-Cookie': 'steelring_session=; Path=/; Max-Age=0' });
    case 'GET cases': {
      const open = [...world.records.values()].map((record) => record.case).filter((one) => ['new', 'confirmed', 'deployed'].includes(one.state));
      return reply(response, 200, { cases: open, at_event: world.events.length });
    }
    case 'GET cases/one': {
      const record = world.records.get(id);
      if (!record) throw new Refused(404, 'not_found', 'there is no such case');
      world.note(user, 'view_case', id, record.case.state);
      return reply(response, 200, record);
    }
    case 'POST cases/decide': return reply(response, 200, decide(service, id, user, await text(request)));
    case 'POST cases/answer': {
      const { question, answer: given } = JSON.parse(await text(request)) as { question: number; answer: string };
      return reply(response, 200, world.answer(id, user, question, given));
    }
    case 'POST cases/why': {
      const [record, entry] = [world.records.get(id), world.whole.get(id)];
      if (!record || !entry) throw new Refused(404, 'not_found', 'there is no such case');
      world.note(user, 'view_why', id, (JSON.parse(await text(request)) as { code: string }).code);
      return reply(response, 200, { ...record, case: { ...record.case, entry } });
    }
    case 'POST deployments/advance': return reply(response, 200, world.advance(id, (JSON.parse(await text(request)) as { to: 'accepted' }).to, user));
    case 'GET units': return reply(response, 200, { units: world.units });
    case 'GET cameras': return reply(response, 200, { cameras: world.cameras });
    case 'GET map': return reply(response, 200, world.map());
    case 'GET images/one': return picture(world, id, response);
    case 'GET events': return stream(service, request, url, response);
    case 'GET audit': {
      world.note(user, 'view_audit', '');
      const before = Number(url.searchParams.get('before') ?? Infinity);
      return reply(response, 200, { rows: world.audit.filter((row) => row.number < before).reverse().slice(0, 100) });
    }
    case 'GET hotlists': return reply(response, 200, hotlists(service));
    case 'GET hotlists/entries': {
      const entries = [...world.records.values()].map((record) => record.case.entry).filter((entry) => entry.list === id);
      return reply(response, 200, { entries });
    }
    case 'POST hotlists/load': return load(service, id, url.searchParams.get('accept_good_rows') === 'true', await text(request), response);
    case 'POST hotlists/withdraw': {
      service.revision += 1;
      return reply(response, 200, { change: { revision: service.revision, added: 0, changed: 0, removed: 1, unchanged: 0 }, draft: null });
    }
    case 'GET operations': return reply(response, 200, { operations: [] });
    case 'GET nominals': return reply(response, 200, { nominals: [] });
    case 'GET feeds': {
      const [late, last] = [20, 44].map((hours) => new Date(Date.now() - hours * 3_600_000).toISOString());
      return reply(response, 200, { feeds: [{ feed: 'pnc', list: 'stolen', owner: 'Force Intelligence Bureau', due_hours: 24, late_since: late, refused: false, last: { number: 7, at: last, outcome: 'loaded', said: 'revision 12: 3 added, 0 changed, 1 removed, 812 unchanged' } }] });
    }
    case 'GET rules': return reply(response, 200, { version: 0, hash: '', text: '', rules: [], faults: [] });
    case 'GET notifications': return reply(response, 200, { notifications: [] });
    case 'GET patrol': {
      const sent = [...world.records.values()].find((one) => one.case.grade === 1);
      if (!sent) return reply(response, 200, { units: [], order: null, unchanged: false });
      const { case_id, vrm, grade, entry, last_read: read } = sent.case;
      const order = { tag: case_id, case_id, state: 'en_route', vrm, grade, action: entry.action, instructions: ['Safeguard the child: stop the vehicle'], warnings: ['violent'], make: entry.make ?? '', model: entry.model ?? '', colour: entry.colour ?? '', place: read.camera, seen_at: read.captured_at, questions: ['Is a child visible in the vehicle?'], stand_down: false };
      return reply(response, 200, { units: world.units.map((unit) => unit.callsign), order, unchanged: false });
    }
    case 'POST observations': return reply(response, 200, { observation_id: '0'.repeat(32), taken_up: true });
    case 'GET follow-ups': return reply(response, 200, { follow_ups: [] });
    case 'GET reviews': return reply(response, 200, { notices: notices() });
    case 'POST reviews/seen': return reply(response, 200, JSON.parse(await text(request)));
    case 'GET yield': return reply(response, 200, yields(service));
    case 'GET hotlists/yield': return reply(response, 200, { entries: [] });
    case 'POST hotlists/review': return reply(response, 200, { list: id, entries: null });
    case 'GET drafts': return reply(response, 200, { drafts: [] });
    case 'GET hotlists/policy': return reply(response, 200, { list: id, own: false, policy: { four_eyes: false, max_days: 36525, owner: '', default_grade: null, review_days: 365, notice_days: 14, distributed: false } });
    case 'POST hotlists/check': {
      const body = await text(request);
      if (body.startsWith('Car;') && !url.searchParams.has('mapping')) return unknownColumns(response);
      const rows = body.split('\n').filter((row) => row.trim() !== '').length;
      const change = { revision: service.revision, added: rows, changed: 0, removed: 0, unchanged: 0 };
      return reply(response, 200, { comparison: { change, added: [], changed: [], removed: [], contradictions: [] }, may_load: rows > 0, faults: [], fault_count: 0, suspicions: [], suspicion_count: 0, rows, bad_rows: 0, doubles: 0, expired: 0, notes: [] });
    }
    default: throw new Refused(404, 'not_found', `there is no ${route}`);
  }
}

function decide(service: Service, id: string, user: string, body: string): CaseEvent {
  const wanted = JSON.parse(body) as Parameters<World['decide']>[2];
  if (process.env.MOCK_RACE && !service.raced) {
    service.raced = true;
    service.world.decide(id, 'k.okafor', wanted);
  }
  return service.world.decide(id, user, wanted);
}

function picture(world: World, hash: string, response: ServerResponse): void {
  const drawn = world.pictures.get(hash);
  if (!drawn) throw new Refused(404, 'not_found', 'there is no such image');
  response.writeHead(200, { 'Content-Type': 'image/svg+xml', 'Cache-Control': 'private, max-age=86400, immutable' });
  response.end(drawn.kind === 'plate' ? plate(drawn) : scene(drawn));
}

function stream({ world, streams }: Service, request: IncomingMessage, url: URL, response: ServerResponse): void {
  const after = Number(request.headers['last-event-id'] ?? url.searchParams.get('after') ?? world.events.length);
  response.writeHead(200, { 'Content-Type': 'text/event-stream', 'Cache-Control': 'no-store' });
  response.write('retry: 1000\n\n');
  if (after > world.events.length) response.write(`id: ${world.events.length}\nevent: reload\ndata: {}\n\n`);
  world.events.slice(after).forEach((event, index) => {
    response.write(`id: ${after + index + 1}\nevent: case\ndata: ${JSON.stringify(event)}\n\n`);
  });
  response.write(`event: beat\ndata: ${JSON.stringify({ at: new Date().toISOString(), lists_revision: 12, feeds: { reads_per_s: null, log: 'ok' } })}\n\n`);
  streams.add(response);
  request.on('close', () => streams.delete(response));
}

function hotlists({ lists, revision }: Service): Hotlists {
  const at = new Date(Date.now() - 340_000).toISOString();
  const now = new Date().toISOString();
  const entries = [...lists.values()].reduce((sum, count) => sum + count, 0);
  return {
    revision,
    entries,
    lists: [...lists].map(([list, count], index) => ({ list, entries: count, revision: revision - index, changed_at: at, changed_by: 'intelligence', published_at: index === 5 ? null : at, live: index < 5, lagging: [], distributed: index === 0, takings: index === 0 ? [{ client: 'cheshire', list, revision: revision - 1, at }] : [] })),
    drafts: 0,
    matchers: [
      { matcher: 'matcher-1', revision, entries, applied_at: at, at: now, running: true, current: true },
      { matcher: 'matcher-2', revision: 12, entries, applied_at: at, at: now, running: true, current: revision === 12 },
      { matcher: 'matcher-old', revision: 3, entries: 900, applied_at: at, at, running: false, current: false },
    ],
  };
}

function notices(): ReviewNotice[] {
  const at = new Date(Date.now() - 3_600_000).toISOString();
  return [{ number: 1, day: at.slice(0, 10), list: 'uninsured', owner: 'Roads Policing', at, overdue: 812, lapsing: 812, log_only: 0, first_lapse_at: new Date(Date.now() + 1_209_600_000).toISOString() }];
}

function yields({ lists }: Service): Yields {
  const [from, to] = [90, 0].map((days) => new Date(Date.now() - days * 86_400_000).toISOString()) as [string, string];
  const shown = [...lists].map(([list, entries], index): ListYield => {
    const hits = 40 * index * index;
    const outcomes = index === 4 ? { misread: 7, not_found: 2 } : { misread: index, arrest: index, vehicle_recovered: 1 };
    return { list, entries, came: { hits, confirmed: 2 * index, deployments: index, outcomes }, results: index === 4 ? 0 : index + 1, since: from, counted_since: from, reviewed: null, overdue: index === 4 ? 812 : 0, log_only: 0, fruitless: index === 4 };
  });
  return { from, to, many_hits: 100, lists: shown };
}

function unknownColumns(response: ServerResponse): void {
  const columns = [
    { number: 1, name: 'Car', key: 'Car', field: 'vrm', because: 'its cells look like UK marks' },
    { number: 2, name: 'Crime type', key: 'Crime type', field: 'reason', because: 'its name' },
    { number: 3, name: 'Sev', key: 'Sev', field: null, because: 'nothing tells what it holds' },
  ];
  const mapping = 'header = true\n[columns]\nvrm = "Car"\nreason = "Crime type"\n';
  reply(response, 422, { error: { code: 'bad_list', message: 'line 1 is no header row with a column vrm', field: 'body' }, guess: { mapping, header: true, columns } });
}

function load(service: Service, list: string, acceptGoodRows: boolean, body: string, response: ServerResponse): void {
  const rows = body.split('\n').filter((row) => row.trim() !== '');
  const faults = rows.flatMap((row, index) => (row.includes('STOPP') ? [{ line: index + 1, column: 'action (5)', reason: 'write STOP, OBSERVE or SILENT' }] : []));
  if (faults.length > 0 && !acceptGoodRows) {
    return reply(response, 422, {
      error: { code: 'bad_rows', message: `${faults.length} rows are bad and nothing was changed; mend them, or load with accept_good_rows=true`, field: 'body' },
      faults,
      fault_count: faults.length,
    });
  }
  service.revision += 1;
  const added = rows.length - faults.length;
  service.lists.set(list, added);
  reply(response, 200, { change: { revision: service.revision, added, changed: 0, removed: 0, unchanged: 0 }, draft: null, faults, fault_count: faults.length });
}
