import { expect, it } from 'vitest';
import { AccessError } from '../../../core/access/access-error.ts';
import { type GrantTerms, type LocalDecision, localDecision } from './local-decision.ts';
import { action, attributes, goodContext, person, text } from './people.ts';
import { policyFiles } from './policy-files.ts';

const otto = person('otto');
const sealed = { principal: otto, context: attributes({ ...goodContext, note: text('sealed') }) };
const reading = (condition: string) => ({
  'access/reading.cedar': `@id("reading") permit (principal, action == Action::"open", resource is Vault)
    when { context has grant && ${condition} };`,
});
const jitOnlyByReading = (condition: string) =>
  policyFiles({ 'access/vaults.cedar': '', ...reading(condition) });

/** Otto with many grants, the first lasting longest, and a count of how often the engine is asked about access. */
async function holding(count: number, files: ReturnType<typeof policyFiles>, terms: TermsOf = () => ({})) {
  let evaluations = 0;
  const local = await localDecision(await files, {
    watch: (evaluation, phase) => {
      if (phase === 'access') evaluations += 1;
      return evaluation;
    },
  });
  const now = local.machine.wall;
  for (let index = 0; index < count; index += 1) {
    const expiresAt = new Date(now + 3_600_000 - index);
    await local.start({
      id: `g${index}`,
      subject: otto,
      startsAt: new Date(now),
      expiresAt,
      ...terms(index),
    });
  }
  return { local, evaluations: () => evaluations };
}

type TermsOf = (index: number) => Partial<GrantTerms>;

function refusal(local: LocalDecision): AccessError {
  try {
    local.ask({ principal: otto });
  } catch (error) {
    if (error instanceof AccessError) return error;
    throw error;
  }
  return expect.unreachable();
}

it('grants that policies cannot tell apart are asked about once, and the longest permits', async () => {
  const { local, evaluations } = await holding(200, policyFiles());
  expect(local.ask({ principal: otto }).grant?.id).toBe('g0');
  expect(local.ask(sealed)).toMatchObject({ effect: 'DENY', policyIds: ['no-sealed-notes'] });
  expect(evaluations()).toBe(2); // with a grant, which says what there is without one, too
});

it('grants that differ in what a policy reads are each asked about', async () => {
  const { local, evaluations } = await holding(
    40,
    jitOnlyByReading('context.grant has ticket && context.grant.ticket == "T3"'),
    (index) => ({ ticket: `T${index % 4}`, workflow: index % 2 === 0 ? 'held' : 'held-too' }),
  );
  expect(local.ask({ principal: otto }).grant?.id).toBe('g3');
  expect(evaluations()).toBe(4);
});

it('a grant that has what a policy reads permits, wherever it stands among those that have not', async () => {
  const files = jitOnlyByReading('context.grant.steps.contains("keeper") && context.grant has ticket');
  const { local } = await holding(90, files, (index) => (index === 89 ? { ticket: 'T' } : {}));
  expect(local.ask({ principal: otto })).toMatchObject({ effect: 'ALLOW', grant: { id: 'g89' } });
});

it('more grants that policies tell apart than can be asked about give no answer, unless one permits', async () => {
  const files = jitOnlyByReading('context.grant.id == "g49"');
  const { local } = await holding(60, files);
  expect(local.ask({ principal: otto }).grant?.id).toBe('g49');
  await local.end('g49');
  const error = refusal(local);
  expect(error.reason).toBe('TOO_MUCH');
  expect(error.message).toMatch(/Person::"otto" holds 59 grants .*release some/);
  expect(error.metadata).toEqual({ limit: '50', unit: 'grants' });
  for (let index = 0; index < 10; index += 1) if (index !== 49) await local.end(`g${index}`);
  expect(local.ask({ principal: otto }).effect).toBe('DENY');
});

it('what other actions read tells nothing apart', async () => {
  const { local, evaluations } = await holding(60, policyFiles(), () => ({ actions: ['open', 'peek'] }));
  expect(local.ask(sealed).effect).toBe('DENY');
  expect(evaluations()).toBe(1);
  const peek = { principal: otto, action: action('peek'), context: attributes({}) };
  expect(local.ask(peek).grant?.id).toBe('g0');
});
