import { createNoopMeter } from '@opentelemetry/api';
import { beforeEach, expect, it } from 'vitest';
import { createPolicyAlarm, type PolicyAlarm } from '../../../services/decision/policy-alarm.ts';
import { FakeMachine, localDecision } from './local-decision.ts';
import { attributes, goodContext, long, person, robot } from './people.ts';
import { policyFiles } from './policy-files.ts';
import { DatabaseClock } from '../../../core/feed/database-clock.ts';

const erring = (policyId: string) => [{ policyId, message: 'the secret was 7' }];

let machine: FakeMachine;
let warned: unknown[];
let alarm: PolicyAlarm;

beforeEach(() => {
  machine = new FakeMachine();
  warned = [];
  const logger = { warn: (facts: unknown) => void warned.push(facts) };
  alarm = createPolicyAlarm(logger, new DatabaseClock(machine), createNoopMeter());
});

it('warns of a policy that errs with its id and set, without what it read', () => {
  alarm('d', erring('a'));
  expect(warned).toEqual([{ policyId: 'a', digest: 'd' }]);
});

it('warns of the same policy once a minute, and of others at once', () => {
  for (const id of ['a', 'a', 'b']) alarm('d', erring(id));
  alarm('e', erring('a'));
  expect(warned).toHaveLength(3);
  machine.advance(59_999);
  alarm('d', erring('a'));
  expect(warned).toHaveLength(3);
  machine.advance(1);
  alarm('d', erring('a'));
  expect(warned).toHaveLength(4);
});

it('remembers a thousand policies, the one warned of longest ago goes first', () => {
  for (let index = 0; index <= 1_000; index += 1) alarm('d', erring(`p${index}`));
  alarm('d', erring('p1000'));
  expect(warned).toHaveLength(1_001);
  alarm('d', erring('p0'));
  expect(warned).toHaveLength(1_002);
});

it('I19 a question on which a policy errs is denied and raises the alarm', async () => {
  const heard: unknown[] = [];
  const local = await localDecision(await policyFiles(), {
    alarm: (digest, errors) => heard.push(...errors.map(({ policyId }) => [digest, policyId])),
  });
  const context = attributes({ ...goodContext, weight: long(-(2n ** 63n)) });
  expect(local.ask({ principal: person('kim'), context }).effect).toBe('DENY');
  expect(heard).toEqual([[local.replica.engine.policies.digest, 'weightless']]);
});

it('I19 a policy that errs about who may ask raises the alarm', async () => {
  const heard: string[] = [];
  const asking = `@id("overflows") permit (principal, action == Curfew::Action::"authorize", resource is Person)
    when { resource.clearance + 9223372036854775807 > 0 };`;
  const local = await localDecision(await policyFiles({ 'workflows/asking.cedar': asking }), {
    alarm: (_digest, errors) => heard.push(...errors.map(({ policyId }) => policyId)),
  });
  expect(() => local.ask({ principal: person('kim'), caller: robot('stray') })).toThrow(/not permitted/);
  expect(heard).toEqual(['overflows']);
});
