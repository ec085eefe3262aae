import type { Random } from '../chaos/random.ts';

/** A good message with something wrong in it; by chance it may still be good. */
export function malformed(good: Uint8Array, random: Random): Buffer {
  const bytes = Buffer.from(good);
  const at = random.between(0, bytes.length);
  switch (random.between(0, 7)) {
    case 0: // bits turned
      for (let times = random.between(1, 5); times > 0; times -= 1)
        bytes[random.between(0, bytes.length)] = random.between(0, 256);
      return bytes;
    case 1: // cut off
      return bytes.subarray(0, at);
    case 2: // said twice, from somewhere
      return Buffer.concat([bytes, bytes.subarray(at)]);
    case 3: // no message at all
      return Buffer.from(Array.from({ length: random.between(0, 200) }, () => random.between(0, 256)));
    case 4: // something put in
      return Buffer.concat([bytes.subarray(0, at), randomText(random), bytes.subarray(at)]);
    case 5: // a value inside a value, deeper and deeper
      return Buffer.concat([bytes, nested(random.between(1, 60))]);
    default: // more than anybody asks
      return Buffer.concat([bytes, field(9, Buffer.alloc(random.between(1, 16_000), 'x'))]);
  }
}

const TEXTS = ['\u0000', '\ufeff', '\u202e', '🦀', 'Curfew::System', '"', '__entity', '__extn'];

function randomText(random: Random): Buffer {
  return Buffer.from(random.pick(TEXTS).repeat(random.between(1, 5)));
}

/** `context: { "deep": [[[…]]] }` (`Value.set_value.values`). */
function nested(depth: number): Buffer {
  let value = field(3, Buffer.from('x'));
  for (let level = 0; level < depth; level += 1) value = field(5, field(1, value));
  return field(4, Buffer.concat([field(1, Buffer.from('deep')), field(2, value)]));
}

/** A length-delimited field. */
function field(number: number, content: Buffer): Buffer {
  const length: number[] = [];
  let rest = content.length;
  for (; rest >= 0x80; rest >>>= 7) length.push((rest & 0x7f) | 0x80);
  return Buffer.concat([Buffer.from([(number << 3) | 2, ...length, rest]), content]);
}
