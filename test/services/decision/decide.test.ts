import { beforeAll, beforeEach, describe, expect, it } from 'vitest';
import type { PolicyFiles } from '../../../core/policy/files.ts';
import { applied, type Asked, type LocalDecision, localDecision, type Said } from './local-decision.ts';
import {
  action,
  attributes,
  bool,
  entity,
  goodContext,
  ip,
  long,
  person,
  ref,
  robot,
  sheet,
  site,
  text,
  vault,
} from './people.ts';
import { policyFiles } from './policy-files.ts';

let files: PolicyFiles;
let local: LocalDecision;

beforeAll(async () => {
  files = await policyFiles();
});
beforeEach(async () => {
  local = await localDecision(files);
});

const otto = person('otto');
const minuteMs = 60_000;

/** A grant to Otto on the plain vault, live for a minute. */
function grantTo(subject = otto, terms: Partial<Parameters<LocalDecision['start']>[0]> = {}) {
  const now = local.machine.wall;
  return local.start({ subject, startsAt: new Date(now), expiresAt: new Date(now + minuteMs), ...terms });
}

interface Brief {
  readonly effect: string;
  readonly policyIds: readonly string[];
  readonly advice: readonly string[];
  readonly errors: readonly string[];
}

function brief({ effect, policyIds, advice, errors }: Said): Brief {
  return { effect, policyIds, advice, errors: errors.map((error) => error.policyId) };
}

const allow = (...policyIds: string[]): Brief => ({ effect: 'ALLOW', policyIds, advice: [], errors: [] });
const deny = (...policyIds: string[]): Brief => ({ effect: 'DENY', policyIds, advice: [], errors: [] });
const context = (changes: Parameters<typeof attributes>[0]) => attributes({ ...goodContext, ...changes });

describe('a question without grants', () => {
  const cases: readonly (readonly [string, Asked, Brief])[] = [
    ['a standing permit allows', { principal: person('kim') }, allow('keepers-open')],
    ['nothing permits, nothing forbids', { principal: otto }, deny()],
    [
      'a team gives a standing permit',
      { principal: person('gus'), action: action('look'), context: attributes({}) },
      allow('guards-look'),
    ],
    [
      'a container can be the resource',
      { principal: person('gus'), action: action('look'), resource: site('main'), context: attributes({}) },
      allow('guards-look'),
    ],
    [
      'a forbid overrides a standing permit and advises',
      { principal: person('kim'), resource: vault('secret'), context: context({ mfa: bool(false) }) },
      { ...deny('secret-needs-mfa'), advice: ['sign in with MFA'] },
    ],
    [
      'a forbid without advice has none',
      { principal: person('kim'), context: context({ from: ip('192.0.2.1') }) },
      deny('no-outsiders'),
    ],
    [
      'all forbids that apply are named, also where nothing permits',
      {
        principal: otto,
        resource: vault('secret'),
        context: context({ mfa: bool(false), weight: long(2n ** 63n - 1n) }),
      },
      {
        ...deny('light-only', 'secret-needs-mfa'),
        advice: ['take less along', 'sign in with MFA'],
      },
    ],
    ['a person that nobody knows is denied like any other', { principal: person('nobody') }, deny()],
    [
      'a permit for anybody is not for somebody whom the directory does not know',
      {
        principal: person('nobody'),
        action: action('jot'),
        resource: { type: 'Note', id: 'n' },
        context: attributes({}),
      },
      deny(),
    ],
    [
      'a permit for anybody is for whom the directory knows, on a document without facts',
      {
        principal: otto,
        action: action('jot'),
        resource: { type: 'Note', id: 'n' },
        context: attributes({}),
      },
      allow('anybody-jots'),
    ],
    [
      'a resource that nobody knows is denied like any other',
      { principal: person('kim'), resource: vault('none') },
      deny(),
    ],
    ['a service asks like a person', { principal: robot('stray') }, deny()],
  ];
  it.each(cases)('%s', (_title, asked, wanted) => {
    expect(brief(local.ask(asked))).toEqual(wanted);
  });
});

describe('a live grant', () => {
  it('permits, and the answer names it', async () => {
    const grantId = await grantTo();
    const answer = local.ask({ principal: otto });
    expect(brief(answer)).toEqual(allow('jit-open'));
    expect(answer.grant?.id).toBe(grantId);
  });

  it('is not needed where a standing permit does, and is not named then', async () => {
    await grantTo(person('kim'));
    expect(local.ask({ principal: person('kim') }).grant).toBeUndefined();
  });

  it.each([
    ['somebody else', { principal: person('gil') }],
    ['another resource', { principal: otto, resource: vault('secret') }],
    ['another action', { principal: otto, action: action('look'), context: attributes({}) }],
    ['its id as that of another type', { principal: robot('otto') }],
  ])('does not permit %s', async (_title, asked) => {
    await grantTo();
    expect(local.ask(asked).effect).toBe('DENY');
  });

  it('on a container covers what is inside', async () => {
    await grantTo(otto, { resource: site('main') });
    expect(local.ask({ principal: otto, resource: vault('secret') }).effect).toBe('ALLOW');
  });

  it('does not get past a guardrail, whose advice is answered', async () => {
    await grantTo(otto, { resource: vault('secret') });
    const answer = local.ask({
      principal: otto,
      resource: vault('secret'),
      context: context({ mfa: bool(false) }),
    });
    expect(brief(answer)).toEqual({ ...deny('secret-needs-mfa'), advice: ['sign in with MFA'] });
  });

  it('that has ended permits nothing, and the others go on', async () => {
    const ended = await grantTo();
    const other = await grantTo();
    await local.end(ended);
    expect(local.ask({ principal: otto }).grant?.id).toBe(other);
    await local.end(other);
    expect(local.ask({ principal: otto }).effect).toBe('DENY');
  });

  it('that lasts longest is named, and bounds how long the answer is good', async () => {
    const now = local.machine.wall;
    await grantTo(otto, { expiresAt: new Date(now + 10_000) });
    const long = await grantTo(otto, { expiresAt: new Date(now + 20_000) });
    const answer = local.ask({ principal: otto });
    expect(answer.grant?.id).toBe(long);
    expect(answer.validUntil).toEqual(new Date(now + 20_000));
  });

  it('may be the second that is tried', async () => {
    const now = local.machine.wall;
    local = await localDecision(
      await policyFiles({
        'access/vaults.cedar': `@id("jit-open") permit (principal, action == Action::"open", resource is Vault)
          when { context has grant && context.grant.workflow == "held-too" };`,
      }),
    );
    await grantTo(otto, { workflow: 'held', expiresAt: new Date(now + 20_000) });
    const quick = await grantTo(otto, { workflow: 'held-too', expiresAt: new Date(now + 10_000) });
    expect(local.ask({ principal: otto }).grant?.id).toBe(quick);
  });

  it('shows policies its facts', async () => {
    local = await localDecision(
      await policyFiles({
        'access/vaults.cedar': `@id("jit-open") permit (principal, action == Action::"open", resource is Vault)
          when { context has grant && context.grant has ticket && context.grant.ticket == "T-1" && context.grant.steps == ["keeper"]
            && context.grant.reason == "a reason" && !context.grant.breakGlass
            && context.grant.expiresAt.durationSince(context.grant.startsAt) == duration("1m") };
          @id("no-ticket") forbid (principal, action == Action::"open", resource)
          when { context has grant && !(context.grant has ticket) };`,
      }),
    );
    await grantTo(otto, { ticket: '' });
    expect(brief(local.ask({ principal: otto }))).toEqual(deny('no-ticket'));
    await grantTo(otto, { ticket: 'T-1' });
    expect(local.ask({ principal: otto }).effect).toBe('ALLOW');
  });

  it('covers a document that the caller says is inside of what it is on', async () => {
    await grantTo(otto, { actions: ['read'] });
    const facts = { author: ref(person('kim')), pages: long(3n) };
    const read = { principal: otto, action: action('read'), resource: sheet('s'), context: attributes({}) };
    const inside = entity(sheet('s'), [vault('plain')], facts);
    const elsewhere = entity(sheet('s'), [vault('secret')], facts);
    expect(local.ask({ ...read, entities: [inside] }).effect).toBe('ALLOW');
    expect(local.ask({ ...read, entities: [elsewhere] }).effect).toBe('DENY');
  });
});

describe('how long an answer is good', () => {
  it('is not bounded by time when a standing permit allowed or nothing did', async () => {
    await grantTo(person('gil'));
    expect(local.ask({ principal: person('kim') }).validUntil).toBeUndefined();
    expect(local.ask({ principal: otto }).validUntil).toBeUndefined();
  });

  it('is not said where a policy reads the time', async () => {
    await grantTo(otto, { actions: ['peek'] });
    const answer = local.ask({ principal: otto, action: action('peek'), context: attributes({}) });
    expect(answer.effect).toBe('ALLOW');
    expect(answer.validUntil).toBeUndefined();
  });
});

describe('an evaluation that errs', () => {
  // `weight * 2` of the guardrail "weightless" overflows.
  const overflowing = context({ weight: long(-(2n ** 63n)) });

  it('gives no permit, standing or by grant, and the errors are answered', async () => {
    expect(brief(local.ask({ principal: person('kim'), context: overflowing }))).toEqual({
      ...deny(),
      errors: ['weightless'],
    });
    await grantTo();
    expect(brief(local.ask({ principal: otto, context: overflowing }))).toEqual({
      ...deny(),
      errors: ['weightless'],
    });
  });

  it('does not spoil the evaluation with the grant, and is answered with the permit', async () => {
    local = await localDecision(
      await policyFiles({
        'guardrails/vaults.cedar': `@id("errs-standing") forbid (principal, action == Action::"open", resource)
          when { !(context has grant) && context.weight + context.weight > 0 };`,
      }),
    );
    await grantTo();
    const answer = local.ask({ principal: otto, context: context({ weight: long(2n ** 63n - 1n) }) });
    expect(brief(answer)).toEqual({ ...allow('jit-open'), errors: ['errs-standing'] });
  });
});

it('what the directory says counts from its revision on', async () => {
  const kim = person('kim');
  expect(local.ask({ principal: kim }).effect).toBe('ALLOW');
  const emptied = entity(vault('plain'), [site('main')], {
    secrecy: long(0n),
    keepers: { kind: 'set', values: [] },
    limit: long(9n),
  });
  const revision = await local.apply(applied([emptied], new Date(local.machine.wall)));
  const answer = local.ask({ principal: kim });
  expect([answer.effect, answer.revision]).toEqual(['DENY', revision]);
});

it('an answer carries the instant, the revision and the policies that it was decided by', () => {
  const answer = local.ask({ principal: otto });
  expect(answer.decidedAt).toEqual(new Date(local.machine.wall));
  expect(answer.revision).toBe(local.replica.revision);
  expect(answer.policyDigest).toBe(local.replica.engine.policies.digest);
  expect(answer.stale).toBe(false);
  expect(answer.decisionId).toMatch(/^[0-9a-f-]{36}$/);
  expect(local.ask({ principal: otto }).decisionId).not.toBe(answer.decisionId);
});

it('strings that look alike are different, and text is compared exactly', () => {
  const kim = person('kim');
  expect(local.ask({ principal: kim, context: context({ note: text('sealed') }) }).policyIds).toEqual([
    'no-sealed-notes',
  ]);
  expect(local.ask({ principal: kim, context: context({ note: text('sealed\u200b') }) }).effect).toBe(
    'ALLOW',
  );
});
