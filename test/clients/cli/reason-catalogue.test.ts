import { readFile } from 'node:fs/promises';
import { status as Code } from '@grpc/grpc-js';
import { expect, test } from 'vitest';
import { reasonCatalogue } from '../../../clients/cli/reason-catalogue.ts';
import { codeOf } from '../../../core/rpc/status.ts';

const entries = Object.entries(reasonCatalogue);

test('the code of each reason is the one that services send', () => {
  expect(Object.fromEntries(entries.map(([reason, { code }]) => [reason, code]))).toEqual(
    Object.fromEntries(Object.entries(codeOf).map(([reason, code]) => [reason, Code[code]])),
  );
});

test('code and meaning of each reason are what its comment in the proto says', async () => {
  const proto = await readFile('proto/curfew/type/v1/error_reason.proto', 'utf8');
  const comments = [...proto.matchAll(/\/\/ ([^\n]+)\n +ERROR_REASON_([A-Z_]+) = [1-9]\d*;/g)];
  expect(entries.map(([reason, { code, meaning }]) => [reason, `${code}: ${meaning}.`])).toEqual(
    comments.map(([, comment, reason]) => [reason, comment]),
  );
});

test.each(entries)(
  '%s says how it comes about and what to do, in sentences',
  (_reason, { cause, remedy }) => {
    for (const text of [cause, remedy]) expect(text).toMatch(/^[A-Z].{10,220}[^.\s]$/);
  },
);
