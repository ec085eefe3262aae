import { create } from '@bufbuild/protobuf';
import fc from 'fast-check';
import { beforeAll, expect, it } from 'vitest';
import { AccessError } from '../../../core/access/access-error.ts';
import type { EntityUid } from '../../../core/access/entity.ts';
import { AuthorizeRequestSchema } from '../../../proto/gen/curfew/decision/v1/decision_service_pb.ts';
import { readQuestion } from '../../../services/decision/question.ts';
import { applied, type LocalDecision, localDecision, questionOf } from './local-decision.ts';
import { entity, long, person, ref, robot, set, site, vault } from './people.ts';
import { policyFiles } from './policy-files.ts';

/** Written as few characters as there are: `é` and not `e` with an accent. */
const NAMES = ['zoé', 'Åsa', '한', 'ada'];

let local: LocalDecision;

beforeAll(async () => {
  local = await localDecision(await policyFiles());
  const people = NAMES.map((id) => entity(person(id), [], { clearance: long(9n) }));
  const facts = (id: string) => ({ secrecy: long(1n), keepers: set(ref(person(id))), limit: long(10n) });
  const vaults = NAMES.map((id) => entity(vault(id), [site('hq')], facts(id)));
  await local.apply(applied([...people, ...vaults], new Date(local.machine.wall)));
});

const written = fc
  .tuple(fc.constantFrom(...NAMES), fc.constantFrom('NFC', 'NFD', 'NFKD'))
  .map(([name, form]) => name.normalize(form));

const spoiled = fc
  .tuple(written, fc.constantFrom('', '', '\u200b', '\u00ad', '\ufe0f', '\u0301', '\u2066'), fc.nat(4))
  .map(([name, more, at]) => name.slice(0, at) + more + name.slice(at));

/** Effect and policies, or the field that is refused. */
function decided(principal: EntityUid, resource: EntityUid): string {
  const request = create(AuthorizeRequestSchema, {
    principal,
    action: { type: 'Action', id: 'open' },
    resource,
  });
  try {
    const { principal: who, resource: what } = readQuestion(request);
    const { effect, policyIds } = local.ask({
      ...questionOf({ principal: who, resource: what }),
      caller: robot('door'),
    });
    return `${effect} ${policyIds.join()}`;
  } catch (error) {
    if (error instanceof AccessError && error.reason === 'FIELD_INVALID') return 'refused';
    throw error;
  }
}

it('D13 an id is decided as its normal form is, or refused', () => {
  const seen = new Set<string>();
  const property = fc.property(spoiled, spoiled, (who, what) => {
    const asWritten = decided(person(who), vault(what));
    seen.add(asWritten);
    if (asWritten === 'refused') return;
    expect(asWritten).toBe(decided(person(who.normalize('NFC')), vault(what.normalize('NFC'))));
  });
  fc.assert(property, { numRuns: 500 });
  expect([...seen].some((answer) => answer.startsWith('ALLOW'))).toBe(true);
  expect(seen).toContain('refused');
});
