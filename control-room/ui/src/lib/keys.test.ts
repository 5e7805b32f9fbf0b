import { expect, test } from 'vitest';
import { intent, type Intent, type Press, type Situation } from './keys';

const here: Situation = { mode: 'none', typing: false, onControl: false, state: 'new', mayAct: true, underway: false, answers: 0, restricted: false, maySeeWhy: false };

function check(key: string, change: Partial<Situation>, expected: Intent['act'] | undefined, press: Partial<Press> = {}): void {
  const found = intent({ key, modified: false, repeat: false, ...press }, { ...here, ...change });
  expect(found?.act, `${key} ${JSON.stringify(change)}`).toBe(expected);
}

test('keys_never_act_while_typing_except_escape', () => {
  for (const key of ['c', 'r', 'd', 'x', 'a', 'j', '1', '?', 'Enter', 'ArrowDown']) check(key, { typing: true }, undefined);
  check('Escape', { typing: true }, 'back');
});

test('the_browsers_own_keys_are_left_alone', () => {
  check('c', {}, undefined, { modified: true });
  check('r', {}, undefined, { modified: true });
});

test('a_digit_answers_the_question_that_waits_and_nothing_else', () => {
  check('1', {}, undefined);
  check('3', { answers: 3 }, 'answer');
  check('4', { answers: 3 }, undefined);
  check('1', { answers: 3, mayAct: false }, undefined);
  check('1', { answers: 3, typing: true }, undefined);
  check('1', { answers: 3, mode: 'reject' }, 'pick');
  check('1', { answers: 3 }, undefined, { repeat: true });
});

test('why_is_asked_for_where_it_is_restricted_by_who_may_see_it', () => {
  check('w', {}, undefined);
  check('w', { restricted: true }, 'explain');
  check('w', { restricted: true, maySeeWhy: true }, 'open');
  check('2', { mode: 'why' }, 'pick');
});

test('a_held_key_only_moves', () => {
  check('c', {}, undefined, { repeat: true });
  check('j', {}, 'move', { repeat: true });
});

test('a_unit_cannot_be_sent_before_the_image_is_confirmed_and_the_page_says_so', () => {
  check('d', { state: 'new' }, 'explain');
  check('d', { state: 'confirmed' }, 'open');
  check('D', { state: 'deployed' }, 'open');
});

test('each_command_waits_for_its_state', () => {
  check('c', { state: 'new' }, 'confirm');
  check('c', { state: 'confirmed' }, 'explain');
  check('r', { state: 'confirmed' }, 'open');
  check('r', { state: 'deployed' }, 'explain');
  check('x', { state: 'new' }, 'explain');
  check('x', { state: 'confirmed' }, 'open');
  check('a', { state: 'deployed' }, 'explain');
  check('a', { state: 'deployed', underway: true }, 'advance');
  for (const key of ['c', 'r', 'd', 'a', 'x']) check(key, { state: 'closed' }, 'explain');
});

test('who_may_only_look_is_told_so', () => {
  check('c', { mayAct: false }, 'explain');
  check('j', { mayAct: false }, 'move');
});

test('digits_choose_only_where_there_is_a_choice', () => {
  check('1', {}, undefined);
  check('1', { mode: 'reject' }, 'pick');
  check('5', { mode: 'deploy', state: 'confirmed' }, 'pick');
  check('Enter', { mode: 'close', state: 'confirmed' }, 'send');
  check('Enter', { mode: 'close', state: 'confirmed', onControl: true }, undefined);
  check('Enter', {}, undefined);
});

test('without_a_case_only_moving_and_help_act', () => {
  const nothing = { state: undefined };
  for (const key of ['c', 'r', 'd', 'a', 'x', 'i', '1']) check(key, nothing, undefined);
  check('k', nothing, 'move');
  check('?', nothing, 'open');
});
