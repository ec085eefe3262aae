import { readFile } from 'node:fs/promises';
import { toBinary } from '@bufbuild/protobuf';
import { anyUnpack } from '@bufbuild/protobuf/wkt';
import { status as Code } from '@grpc/grpc-js';
import { describe, expect, test } from 'vitest';
import { AccessError, fieldError } from '../../../core/access/access-error.ts';
import { codeOf, isFault, toRpcStatus, toStatusObject } from '../../../core/rpc/status.ts';
import { ErrorReasonSchema } from '../../../proto/gen/curfew/type/v1/error_reason_pb.ts';
import { BadRequestSchema, ErrorInfoSchema } from '../../../proto/gen/google/rpc/error_details_pb.ts';
import { StatusSchema } from '../../../proto/gen/google/rpc/status_pb.ts';

const prefix = 'ERROR_REASON_';

describe('reasons', () => {
  test('every reason of the proto has a code, and no other', () => {
    const inProto = ErrorReasonSchema.values.map(({ name }) => name.slice(prefix.length));
    expect(Object.keys(codeOf).toSorted()).toEqual(
      inProto.filter((name) => name !== 'UNSPECIFIED').toSorted(),
    );
  });

  test('the code of each is the one that its comment in the proto names', async () => {
    const proto = await readFile('proto/curfew/type/v1/error_reason.proto', 'utf8');
    const said = [
      ...proto.matchAll(/\/\/ ([A-Z_]+): (?:(?!\/\/ [A-Z_]+: )[\s\S])*?ERROR_REASON_([A-Z_]+) = \d+;/g),
    ];
    const codes = Object.fromEntries(said.map(([, code, reason]) => [reason, code]));
    expect(codes).toEqual(
      Object.fromEntries(Object.entries(codeOf).map(([reason, code]) => [reason, Code[code]])),
    );
  });
});

describe('statuses', () => {
  test('an AccessError keeps its reason, metadata and violations', () => {
    const { code, message, details } = toRpcStatus(
      new AccessError('DURATION_TOO_LONG', 'seen 8h, wanted at most 4h', {
        metadata: { limit: '4h' },
        violations: [{ field: 'duration', description: 'seen 8h' }],
      }),
    );
    expect({ code, message }).toEqual({ code: Code.INVALID_ARGUMENT, message: 'seen 8h, wanted at most 4h' });
    expect(details[0] && anyUnpack(details[0], ErrorInfoSchema)).toMatchObject({
      reason: 'DURATION_TOO_LONG',
      domain: 'curfew',
      metadata: { limit: '4h' },
    });
    expect(details[1] && anyUnpack(details[1], BadRequestSchema)).toMatchObject({
      fieldViolations: [{ field: 'duration', description: 'seen 8h' }],
    });
  });

  const faults: readonly [string, unknown][] = [
    ['an error', new Error('password=hunter2')],
    ['a text', 'password=hunter2'],
    ['nothing', undefined],
    [
      'an INTERNAL of ours',
      new AccessError('INTERNAL', 'password=hunter2', { metadata: { password: 'hunter2' } }),
    ],
  ];
  test.each(faults)('%s is a fault: its text stays inside', (_case, error) => {
    expect(isFault(error)).toBe(true);
    const status = toRpcStatus(error);
    expect(status.code).toBe(Code.INTERNAL);
    expect(Buffer.from(toBinary(StatusSchema, status)).toString()).not.toContain('hunter2');
  });

  test('an AccessError of the caller is no fault', () => {
    expect(isFault(fieldError('id', 'absent'))).toBe(false);
  });

  test('the trailers stay below 8 KiB whatever the error says', () => {
    const violations = Array.from({ length: 500 }, (_, index) => ({
      field: `items[${index}]`.padEnd(1_000, 'x'),
      description: 'd'.repeat(10_000),
    }));
    const metadata = Object.fromEntries(violations.map((_, index) => [`key${index}`, 'v'.repeat(10_000)]));
    const error = new AccessError('FIELD_INVALID', 'é'.repeat(100_000), { violations, metadata });
    const status = toStatusObject(error);
    const sizeBytes = status.metadata
      .get('grpc-status-details-bin')
      .reduce(
        (sum, value) => sum + Buffer.from(value).toString('base64').length,
        encodeURI(status.details).length,
      );
    expect(sizeBytes).toBeLessThan(8_000);
    expect(toRpcStatus(error).details).toHaveLength(2);
  });

  test('a lone surrogate in a message does not break the trailer', () => {
    const { details } = toStatusObject(new AccessError('FIELD_INVALID', 'seen \ud800'));
    expect(encodeURI(details)).toBe('seen%20%EF%BF%BD');
  });
});
