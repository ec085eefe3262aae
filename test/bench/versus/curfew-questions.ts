import { create, toBinary } from '@bufbuild/protobuf';
import { BinaryReader } from '@bufbuild/protobuf/wire';
import { AuthorizeRequestSchema, Effect } from '../../../proto/gen/curfew/decision/v1/decision_service_pb.ts';
import type { Questions } from '../generator/questions.ts';
import { grantIdOf } from './bulk-grants.ts';
import type { Company } from './company.ts';
import { countPairs, grantOn, pairAt } from './granted.ts';

/** `Authorize` for each pair of the company; right is ALLOW by the person's grant on the database's environment. */
export function curfewQuestions(company: Company, token: string): Questions {
  const people = new Map(company.people.map(({ id }) => [id, part({ principal: { type: 'User', id } })]));
  const databases = new Map(
    company.databases.map(({ id }) => [id, part({ resource: { type: 'Database', id } })]),
  );
  const same = part({
    action: { id: 'read' },
    context: { mfa: { kind: { case: 'boolValue', value: true } } },
  });
  const grants = new Map(
    company.people.map(({ id }) => [
      id,
      new Map(company.environments.map((environment) => [environment, grantIdOf(grantOn(id, environment))])),
    ]),
  );
  return {
    path: '/curfew.decision.v1.DecisionService/Authorize',
    token,
    count: countPairs(company),
    message: (index) => {
      const { person, database } = pairAt(company, index);
      return Buffer.concat([people.get(person.id) ?? same, same, databases.get(database.id) ?? same]);
    },
    faultOf: (index, answer) => {
      const { person, database } = pairAt(company, index);
      const { effect, grantId } = readAnswer(answer);
      if (effect !== Effect.ALLOW) return `effect ${effect}`;
      return grantId === grants.get(person.id)?.get(database.environment) ? undefined : 'another grant';
    },
  };
}

/** Fields of a message may be encoded apart and put together. */
function part(fields: Parameters<typeof create<typeof AuthorizeRequestSchema>>[1]): Uint8Array {
  return toBinary(AuthorizeRequestSchema, create(AuthorizeRequestSchema, fields));
}

/** The two fields that are looked at, the others skipped: the whole message would take the generator longer. */
function readAnswer(answer: Buffer): { readonly effect: number; readonly grantId: string } {
  const reader = new BinaryReader(answer);
  let effect = 0;
  let grantId = '';
  while (reader.pos < reader.len) {
    const [field, wire] = reader.tag();
    if (field === 1) effect = reader.int32();
    else if (field === 3) grantId = reader.string();
    else reader.skip(wire, field);
  }
  return { effect, grantId };
}
