/** What HTTP/2 (RFC 9113) calls its frames, as far as a unary gRPC call meets them. */
export const FRAME = {
  data: 0,
  headers: 1,
  rstStream: 3,
  settings: 4,
  ping: 6,
  goAway: 7,
  windowUpdate: 8,
} as const;

export const FLAG = { endStream: 1, ack: 1, endHeaders: 4, padded: 8 } as const;

export const HEAD_BYTES = 9;
/** In front of each message of gRPC: not compressed, and its length. */
export const PREFIX_BYTES = 5;

/** One frame as it came, its payload being a view. */
export interface Frame {
  readonly type: number;
  readonly flags: number;
  readonly stream: number;
  readonly payload: Buffer;
}

export function frame(type: number, flags: number, stream: number, payload: Buffer): Buffer {
  const head = Buffer.alloc(HEAD_BYTES);
  writeHead(head, 0, { type, flags, stream, length: payload.length });
  return Buffer.concat([head, payload]);
}

export interface FrameHead extends Omit<Frame, 'payload'> {
  readonly length: number;
}

export function writeHead(target: Buffer, at: number, { type, flags, stream, length }: FrameHead): number {
  target.writeUIntBE(length, at, 3);
  target[at + 3] = type;
  target[at + 4] = flags;
  return target.writeUInt32BE(stream, at + 5);
}

/** Cuts what arrives into frames. @returns takes the next bytes */
export function frameReader(onFrame: (frame: Frame) => void): (chunk: Buffer) => void {
  let rest: Buffer = Buffer.alloc(0);
  return (chunk) => {
    const bytes = rest.length === 0 ? chunk : Buffer.concat([rest, chunk]);
    let at = 0;
    while (bytes.length - at >= HEAD_BYTES) {
      const end = at + HEAD_BYTES + bytes.readUIntBE(at, 3);
      if (end > bytes.length) break;
      onFrame({
        type: bytes.readUInt8(at + 3),
        flags: bytes.readUInt8(at + 4),
        stream: bytes.readUInt32BE(at + 5) & 0x7fffffff,
        payload: bytes.subarray(at + HEAD_BYTES, end),
      });
      at = end;
    }
    rest = bytes.subarray(at);
  };
}
