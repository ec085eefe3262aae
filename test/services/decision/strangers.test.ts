import { create, toBinary } from '@bufbuild/protobuf';
import { beforeEach, expect, it } from 'vitest';
import type { EntityUid } from '../../../core/access/entity.ts';
import { AuthorizeResponseSchema } from '../../../proto/gen/curfew/decision/v1/decision_service_pb.ts';
import { noMemo } from '../../../services/decision/memo.ts';
import { toResponse } from '../../../services/decision/to-response.ts';
import { applied, type LocalDecision, localDecision, questionOf } from './local-decision.ts';
import { entity, long, person, ref, robot, set, site, vault } from './people.ts';
import { policyFiles } from './policy-files.ts';

let local: LocalDecision;
let evaluations: number;

beforeEach(async () => {
  const count = () => (evaluations += 1);
  local = await localDecision(await policyFiles(), {
    memo: noMemo,
    watch: (evaluation, phase) => {
      if (phase === 'access') count();
      return evaluation;
    },
  });
  const facts = { secrecy: long(0n), keepers: set(ref(person('keeper'))), limit: long(10n) };
  await local.apply(
    applied(
      [entity(person('outsider'), [], { clearance: long(0n) }), entity(vault('there'), [site('hq')], facts)],
      new Date(local.machine.wall),
    ),
  );
});

/** What a caller gets, with how many evaluations it took. */
function denied(principal: EntityUid, resource: EntityUid) {
  evaluations = 0;
  const answer = local.ask({ ...questionOf({ principal, resource }), caller: robot('door') });
  const response = toResponse(answer, false);
  const { decisionId: _, ...rest } = response;
  const sizeBytes = toBinary(AuthorizeResponseSchema, create(AuthorizeResponseSchema, response)).byteLength;
  return { ...rest, sizeBytes, evaluations };
}

it('D14 whoever and whatever is unknown is denied as what is there is: same fields, same size, same work', () => {
  const known = denied(person('outsider'), vault('there'));
  expect(known).toMatchObject({ effect: 2, policyIds: [], advice: [], evaluations: 1 });
  expect(denied(person('outsider'), vault('nothere'))).toEqual(known);
  expect(denied(person('stranger'), vault('there'))).toEqual(known);
  expect(denied(person('stranger'), vault('nothere'))).toEqual(known);
});

it('D14 what is evaluated in the place of something unknown permits nothing and tells nothing', () => {
  const answer = local.ask({ ...questionOf({ principal: person('stranger') }), caller: robot('door') });
  expect(answer).toMatchObject({ effect: 'DENY', policyIds: [], errors: [], advice: [], grant: undefined });
});
