import { expect, test } from 'vitest';
import { EMPTY, apply, isOpen, ordered } from '../src/lib/queue';
import { applyToCase, openCase } from '../src/lib/record';
import { Refused, World } from './world';

test('the_mocks_events_fold_into_the_mocks_own_cases', () => {
  const world = new World(3, 6);
  let queue = EMPTY;
  world.events.forEach((event, index) => (queue = apply(queue, event, index + 1)));
  world.onEvent = (event, place) => (queue = apply(queue, event, place));
  for (let second = 0; second < 300; second += 1) world.tick();
  const first = [...world.records.values()][0]!;
  world.decide(first.case.case_id, 'op1', { version: 0, command: 'confirm' });
  const open = [...world.records.values()].map((record) => record.case).filter((one) => isOpen(one.state));
  expect(ordered(queue).map((one) => one.case_id).sort()).toEqual(open.map((one) => one.case_id).sort());
  for (const one of open) expect(queue.cases.get(one.case_id)).toEqual(one);
});

test('a_case_followed_by_events_ends_as_it_would_be_fetched', () => {
  const world = new World(5, 4);
  const { case_id: id } = [...world.records.values()][2]!.case;
  let followed = openCase(structuredClone(world.records.get(id)!));
  world.onEvent = (event) => (followed = applyToCase(followed, event));
  world.decide(id, 'op1', { version: 0, command: 'confirm' });
  const callsign = world.records.get(id)!.proposals[0]!.callsign;
  world.decide(id, 'op1', { version: 1, command: 'deploy', callsign });
  const deployment = world.records.get(id)!.deployments[0]!.deployment_id;
  for (const to of ['accepted', 'en_route', 'at_scene', 'cleared'] as const) world.advance(deployment, to, 'op1');
  world.decide(id, 'op1', { version: 2, command: 'close', outcome: 'arrest', note: 'two in custody' });
  const fetched = openCase(world.records.get(id)!);
  expect(followed.case).toEqual(fetched.case);
  expect(followed.deployments).toEqual(fetched.deployments);
  expect(followed.history.map((line) => [line.kind, line.detail])).toEqual(
    fetched.history.map((line) => [line.kind, line.detail]),
  );
});

test('the_mock_refuses_to_deploy_before_the_image_is_confirmed', () => {
  const world = new World(1, 1);
  const [record] = [...world.records.values()];
  const deploy = (): unknown => world.decide(record!.case.case_id, 'op1', { version: 0, command: 'deploy', callsign: 'KN70' });
  expect(deploy).toThrow(Refused);
});
