import { expect, test } from 'vitest';
import { misreadShare, outcomes } from './yields';
import type { Yield } from './yieldtypes';

const came = (counted: Yield['outcomes']): Yield => ({ hits: 9, confirmed: 1, deployments: 1, outcomes: counted });

test('a misread is a share of what ended', () => {
  const one = came({ misread: 1, arrest: 2, observed: 1 });
  expect(misreadShare(one)).toBe('25 %');
  expect(misreadShare(came({}))).toBe('none ended');
});

test('how cases ended, the most frequent first', () => {
  expect(outcomes(came({ misread: 1, arrest: 2 }))).toMatch(/ 2, .* 1$/);
  expect(outcomes(came({}))).toBe('');
});
