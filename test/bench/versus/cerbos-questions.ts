import { fromJson, type JsonValue, toBinary } from '@bufbuild/protobuf';
import { BinaryReader, BinaryWriter, WireType } from '@bufbuild/protobuf/wire';
import { ValueSchema } from '@bufbuild/protobuf/wkt';
import type { Questions } from '../generator/questions.ts';
import type { Company, Database, Person } from './company.ts';
import { countPairs, pairAt } from './granted.ts';

/** Of `cerbos.effect.v1.Effect`. */
const ALLOWED = 1;
const GRANT_HOURS = 8;

/**
 * `CheckResources` for the same pairs, one resource and one action a call. What Curfew knows, its caller has to send: groups, attributes, and
 * the grant that the application would have looked up.
 */
export function cerbosQuestions(company: Company): Questions {
  const expiresAt = new Date(Date.now() + GRANT_HOURS * 3_600_000).toISOString();
  const principals = new Map(
    company.people.map((person) => [
      person.id,
      new Map(company.environments.map((it) => [it, principalOf(person, { environment: it, expiresAt })])),
    ]),
  );
  const resources = new Map(company.databases.map((database) => [database.id, resourceOf(database)]));
  const nothing = new Uint8Array();
  return {
    path: '/cerbos.svc.v1.CerbosService/CheckResources',
    count: countPairs(company),
    message: (index) => {
      const { person, database } = pairAt(company, index);
      const principal = principals.get(person.id)?.get(database.environment);
      return Buffer.concat([principal ?? nothing, resources.get(database.id) ?? nothing]);
    },
    faultOf: (index, answer) => {
      const { database } = pairAt(company, index);
      const { resource, effect } = readAnswer(answer);
      if (resource !== database.id) return 'another resource';
      return effect === ALLOWED ? undefined : `effect ${effect}`;
    },
  };
}

/** `CheckResourcesRequest.request_id` and `.principal` (`cerbos.engine.v1.Principal`). */
function principalOf({ id, level, groups }: Person, grant: JsonValue): Uint8Array {
  const principal = new BinaryWriter().tag(1, WireType.LengthDelimited).string(id);
  for (const group of groups) principal.tag(3, WireType.LengthDelimited).string(group);
  writeAttributes(principal, { level, mfa: true, grant });
  const request = new BinaryWriter().tag(1, WireType.LengthDelimited).string('bench');
  return request.tag(3, WireType.LengthDelimited).bytes(principal.finish()).finish();
}

/** `CheckResourcesRequest.resources`: one entry with one action. */
function resourceOf({ id, environment, classification }: Database): Uint8Array {
  const resource = new BinaryWriter().tag(1, WireType.LengthDelimited).string('database');
  resource.tag(3, WireType.LengthDelimited).string(id);
  writeAttributes(resource, { environment, classification });
  const entry = new BinaryWriter().tag(1, WireType.LengthDelimited).string('read');
  entry.tag(2, WireType.LengthDelimited).bytes(resource.finish());
  return new BinaryWriter().tag(4, WireType.LengthDelimited).bytes(entry.finish()).finish();
}

/** `map<string, google.protobuf.Value> attr = 4`, of principals and resources. */
function writeAttributes(writer: BinaryWriter, attributes: Readonly<Record<string, JsonValue>>): void {
  for (const [name, json] of Object.entries(attributes)) {
    const value = toBinary(ValueSchema, fromJson(ValueSchema, json));
    const entry = new BinaryWriter().tag(1, WireType.LengthDelimited).string(name);
    writer
      .tag(4, WireType.LengthDelimited)
      .bytes(entry.tag(2, WireType.LengthDelimited).bytes(value).finish());
  }
}

/** Of `CheckResourcesResponse.results[0]` the resource's id and the effect of its one action. */
function readAnswer(answer: Buffer): { readonly resource: string; readonly effect: number } {
  const result = field(answer, 2);
  const action = field(result, 2);
  return { resource: new TextDecoder().decode(field(field(result, 1), 1)), effect: enumIn(action) };
}

/** The bytes of the first field of that number; empty when there is none. */
function field(message: Uint8Array, wanted: number): Uint8Array {
  const reader = new BinaryReader(message);
  while (reader.pos < reader.len) {
    const [number, wire] = reader.tag();
    if (number === wanted && wire === WireType.LengthDelimited) return reader.bytes();
    reader.skip(wire, number);
  }
  return new Uint8Array();
}

/** The value of an entry of `map<string, Effect>`. */
function enumIn(entry: Uint8Array): number {
  const reader = new BinaryReader(entry);
  while (reader.pos < reader.len) {
    const [number, wire] = reader.tag();
    if (number === 2) return reader.int32();
    reader.skip(wire, number);
  }
  return 0;
}
