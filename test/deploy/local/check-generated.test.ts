import { appendFile, cp, mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { expect, onTestFinished, test } from 'vitest';
import { findStale } from '../../../deploy/local/check-generated.ts';

const ROOT = fileURLToPath(new URL('../../../', import.meta.url));
const DECISION = 'proto/gen/curfew/decision/v1/decision_service_pb.ts';

async function copyProtos(): Promise<string> {
  const directory = await mkdtemp(join(tmpdir(), 'curfew-protos-'));
  onTestFinished(() => rm(directory, { recursive: true }));
  for (const name of ['buf.yaml', 'buf.gen.yaml', 'proto']) {
    await cp(join(ROOT, name), join(directory, name), { recursive: true });
  }
  return directory;
}

test('the committed code is what the .proto files make', async () => {
  expect(await findStale(ROOT)).toEqual([]);
});

test('a changed, a missing and a left-over file are each named', async () => {
  const root = await copyProtos();
  await appendFile(join(root, DECISION), '// changed\n');
  await rm(join(root, 'proto/gen/google/rpc/status_pb.ts'));
  await writeFile(join(root, 'proto/gen/old_pb.ts'), '');
  expect(await findStale(root)).toEqual([
    `${DECISION} is not what its .proto file makes`,
    'proto/gen/google/rpc/status_pb.ts is missing',
    'proto/gen/old_pb.ts comes from no .proto file',
  ]);
});

test('a .proto file that does not compile is an error that names it', async () => {
  const root = await copyProtos();
  await writeFile(join(root, 'proto/broken.proto'), 'syntax = "proto3";\nmessage {');
  await expect(findStale(root)).rejects.toThrow('broken.proto:2');
});
