const DELIMITED = 2;

/** A message with these encoded messages in one of its fields, whose number is below 16. */
export function joinFields(no: number, messages: readonly Uint8Array[]): Uint8Array {
  const sizeBytes = messages.reduce((sum, { length }) => sum + 1 + varintBytes(length) + length, 0);
  const joined = Buffer.allocUnsafe(sizeBytes);
  let at = 0;
  for (const message of messages) {
    joined[at++] = no * 8 + DELIMITED;
    let rest = message.length;
    for (; rest >= 128; rest = Math.floor(rest / 128)) joined[at++] = (rest % 128) + 128;
    joined[at++] = rest;
    joined.set(message, at);
    at += message.length;
  }
  return joined;
}

function varintBytes(value: number): number {
  let count = 1;
  for (let rest = value; rest >= 128; rest = Math.floor(rest / 128)) count += 1;
  return count;
}
