import { BinaryReader, BinaryWriter, WireType } from '@bufbuild/protobuf/wire';
import type { Order, Questions } from '../generator/questions.ts';

/** `BatchAuthorize` of so many questions at a time, each the next of an order; its own order only counts. */
export function batchesOf(
  questions: Questions,
  size: number,
  next: Order,
): Questions & { readonly inTurn: Order } {
  const asked = new Map<number, readonly number[]>();
  let last = 0;
  return {
    path: '/curfew.decision.v1.DecisionService/BatchAuthorize',
    token: questions.token,
    count: Number.POSITIVE_INFINITY,
    inTurn: () => (last += 1),
    message: (batch) => {
      const indexes = Array.from({ length: size }, next);
      asked.set(batch, indexes);
      const writer = new BinaryWriter();
      for (const index of indexes) writer.tag(1, WireType.LengthDelimited).bytes(questions.message(index));
      return writer.finish();
    },
    faultOf: (batch, answer) => {
      const indexes = asked.get(batch) ?? [];
      asked.delete(batch);
      const results = members(answer);
      if (results.length !== size) return `${results.length} results of ${size}`;
      for (const [place, result] of results.entries()) {
        const fault = questions.faultOf(indexes[place] ?? 0, members(result)[0] ?? Buffer.alloc(0));
        if (fault !== undefined) return fault;
      }
      return undefined;
    },
  };
}

/** What is in field 1: the results of a batch, and of a result the answer. */
function members(message: Uint8Array): readonly Buffer[] {
  const reader = new BinaryReader(message);
  const found: Buffer[] = [];
  while (reader.pos < reader.len) {
    const [field, wire] = reader.tag();
    if (field === 1) found.push(Buffer.from(reader.bytes()));
    else reader.skip(wire, field);
  }
  return found;
}
