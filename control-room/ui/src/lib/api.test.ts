import { expect, test } from 'vitest';
import { Api, ApiError } from './api';

interface Asked {
  address: string;
  init: RequestInit;
}

function against(status: number, body: unknown): { api: Api; asked: Asked[] } {
  const asked: Asked[] = [];
  const api = new Api((address, init) => {
    asked.push({ address: String(address), init: init ?? {} });
    return Promise.resolve(new Response(JSON.stringify(body), { status }));
  });
  return { api, asked };
}

test('a_change_carries_the_token_of_the_session', async () => {
  const { api, asked } = against(200, { user: {}, csrf: 'secret', permissions: [] });
  await api.signIn('op1', 'password');
  await api.decide('c1', 3, { command: 'deploy', callsign: 'KN70' });
  expect(asked[1]?.address).toBe('/api/cases/c1/decide');
  expect(asked[1]?.init.headers).toMatchObject({ 'X-CSRF-Token': 'secret' });
  expect(JSON.parse(String(asked[1]?.init.body))).toEqual({ version: 3, command: 'deploy', callsign: 'KN70' });
});

test('a_refusal_keeps_its_status_code_and_words', async () => {
  const { api } = against(409, { error: { code: 'superseded', message: 'op2 was first' } });
  const refusal = await api.decide('c1', 0, { command: 'confirm' }).catch((error: unknown) => error);
  expect(refusal).toBeInstanceOf(ApiError);
  expect(refusal).toMatchObject({ status: 409, code: 'superseded', message: 'op2 was first' });
});

test('the_end_of_a_session_is_told_but_a_wrong_password_is_not_one', async () => {
  const { api } = against(401, { error: { code: 'not_signed_in', message: 'sign in first' } });
  let ended = 0;
  api.onSignedOut = () => (ended += 1);
  await expect(api.signIn('op1', 'wrong')).rejects.toThrow();
  expect(ended).toBe(0);
  await expect(api.cases()).rejects.toThrow();
  expect(ended).toBe(1);
});

test('silence_is_said_plainly', async () => {
  const api = new Api(() => Promise.reject(new TypeError('failed')));
  await expect(api.cases()).rejects.toMatchObject({ status: 0, code: 'unreachable' });
});

test('bad_rows_come_with_their_lines_and_a_reason_that_is_no_json_still_gives_an_error', () => {
  const faults = [{ line: 7, column: 'action (5)', reason: 'not known' }];
  const bad = ApiError.from(422, JSON.stringify({ error: { code: 'bad_rows', message: 'm' }, faults, fault_count: 300 }));
  expect(bad).toMatchObject({ code: 'bad_rows', faults, faultCount: 300 });
  expect(ApiError.from(502, '<html>')).toMatchObject({ status: 502, code: 'unknown' });
});
