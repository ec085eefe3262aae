/** The header blocks (HPACK, RFC 7541) of calls to one method: the first teaches the server what the others refer to. */
export interface HeaderBlocks {
  readonly first: Buffer;
  readonly next: Buffer;
}

export interface Target {
  readonly authority: string;
  readonly path: string;
  /** Without one no authorization is sent. */
  readonly token?: string | undefined;
  /** Without one no time limit is sent. */
  readonly timeoutMs?: number | undefined;
}

/** Of the static table: `:method: POST` and `:scheme: http`. */
const POST_HTTP = Buffer.from([0x83, 0x86]);
/** Names of the static table. */
const NAMED = { authority: 1, path: 4, authorization: 23, contentType: 31 } as const;
/** The newest entry of the dynamic table. */
const NEWEST = 62;

export function headerBlocks({ authority, path, token, timeoutMs }: Target): HeaderBlocks {
  const learnt = [
    named(NAMED.path, path),
    named(NAMED.authority, authority),
    named(NAMED.contentType, 'application/grpc'),
    Buffer.concat([Buffer.from([0x40]), text('te'), text('trailers')]),
    ...(token === undefined ? [] : [named(NAMED.authorization, `Bearer ${token}`)]),
    ...(timeoutMs === undefined
      ? []
      : [Buffer.concat([Buffer.from([0x40]), text('grpc-timeout'), text(`${timeoutMs}m`)])]),
  ];
  const indexes = learnt.map((_, position) => 0x80 | (NEWEST + learnt.length - 1 - position));
  return {
    first: Buffer.concat([POST_HTTP, ...learnt]),
    next: Buffer.concat([POST_HTTP, Buffer.from(indexes)]),
  };
}

/** A literal that the server is to remember. */
function named(index: number, value: string): Buffer {
  return Buffer.concat([Buffer.from([0x40 | index]), text(value)]);
}

function text(value: string): Buffer {
  const bytes = Buffer.from(value, 'ascii');
  return Buffer.concat([length(bytes.length), bytes]);
}

/** An integer with a prefix of seven bits. */
function length(value: number): Buffer {
  if (value < 0x7f) return Buffer.from([value]);
  const bytes = [0x7f];
  let rest = value - 0x7f;
  for (; rest >= 0x80; rest >>= 7) bytes.push((rest & 0x7f) | 0x80);
  return Buffer.from([...bytes, rest]);
}

/** `grpc-status` in HPACK's Huffman code, as servers write it, and as it reads. */
const STATUS_NAMES = [Buffer.from('9acac8b21234da8f', 'hex'), Buffer.from('grpc-status')];

/**
 * The gRPC status in a header block whose encoder has no dynamic table: a number of one or two digits is never shorter in Huffman code, so
 * it stands there as it reads. @returns undefined when the block has none
 */
export function statusIn(block: Buffer): number | undefined {
  for (const name of STATUS_NAMES) {
    const at = block.indexOf(name);
    if (at < 0) continue;
    const digits = block.readUInt8(at + name.length);
    const from = at + name.length + 1;
    return Number(block.toString('ascii', from, from + digits));
  }
  return undefined;
}
