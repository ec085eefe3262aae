import { readdir, readFile, writeFile } from 'node:fs/promises';
import { basename, join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { afterAll, beforeAll, describe, expect, test, vi } from 'vitest';
import { startStack, type Stack } from '../support/stack.ts';
import { type Consumer, createConsumer } from './support/consumer.ts';
import { driveApps, signIn } from './support/readme-apps.ts';
import { readBlocks, writeFiles } from './support/readme-blocks.ts';

const root = fileURLToPath(new URL('../..', import.meta.url));
const policies = join(root, 'policies');

/** Compilers and package managers on a busy machine. */
const patientMs = 180_000;
vi.setConfig({ testTimeout: patientMs });

let consumer: Consumer;
let stack: Stack;
let environment: Readonly<Record<string, string>>;

beforeAll(async () => {
  [consumer, stack] = await Promise.all([createConsumer(), startStack({ policies })]);
  const blocks = [...(await readBlocks(join(root, 'clients/sdk/README.md')))].map(
    // A busy machine is no reason for a test to fail.
    ([name, code]) => [name, code.replace('authorizeTimeoutMs: 200', 'authorizeTimeoutMs: 20_000')] as const,
  );
  await writeFiles(consumer.folder, [...blocks, ['sign-in.ts', signIn], ['drive-apps.ts', driveApps]]);
  environment = {
    CURFEW_DECISION_ADDRESS: `127.0.0.1:${stack.decision.port}`,
    CURFEW_GRANT_ADDRESS: `127.0.0.1:${stack.grant.port}`,
    CURFEW_TOKEN_FILE: await tokenFile('Service', 'payments'),
  };
}, patientMs);
afterAll(async () => {
  await consumer[Symbol.asyncDispose]();
  await stack[Symbol.asyncDispose]();
});

async function tokenFile(type: string, id: string): Promise<string> {
  const path = join(consumer.folder, `${id}.token`);
  await writeFile(path, await stack.issuer.token(type, id), { mode: 0o600 });
  return path;
}

async function run(file: string, env = {}): Promise<string> {
  const { code, stdout, stderr } = await consumer.run('node', [file], { ...environment, ...env });
  if (code !== 0) throw new Error(`${file} ended with ${code}:\n${stdout}\n${stderr}`);
  return stdout;
}

async function filesOf(name: string): Promise<readonly string[]> {
  const folder = join(consumer.folder, 'node_modules/@curfew', name);
  const entries = await readdir(folder, { recursive: true, withFileTypes: true });
  return entries.filter((it) => it.isFile()).map((it) => join(it.parentPath, it.name));
}

describe.for(['sdk', 'cli'])('@curfew/%s', (name) => {
  test('holds compiled code, its texts and nothing else', async () => {
    const files = await filesOf(name);
    const wanted = name === 'sdk' ? /\.js$|\.d\.ts$/ : /\.js$/;
    const others = files.filter((file) => !wanted.test(file)).map((file) => basename(file));
    expect(new Set(others)).toEqual(new Set(['LICENSE', 'README.md', 'package.json']));
    expect(others.length).toBe(3);
    expect(files.filter((file) => file.includes('/test/'))).toEqual([]);
  });

  test('names no place of the machine that it was made on', async () => {
    const texts = await Promise.all((await filesOf(name)).map((file) => readFile(file, 'utf8')));
    expect(texts.filter((text) => text.includes(root) || text.includes('sourceMappingURL'))).toEqual([]);
  });

  test('has the version of the repository and depends on all that it imports', async () => {
    const folder = join(consumer.folder, 'node_modules/@curfew', name);
    const read = async (path: string): Promise<Manifest> =>
      JSON.parse(await readFile(path, 'utf8')) as Manifest; // npm's form
    const manifest = await read(join(folder, 'package.json'));
    const { version, license, engines } = await read(join(root, 'package.json'));
    expect(manifest).toMatchObject({ version, license, engines });
    const code = (await filesOf(name)).filter((file) => file.endsWith('.js'));
    const texts = await Promise.all(code.map((file) => readFile(file, 'utf8')));
    const text = texts.join('\n');
    const imports = text.matchAll(/(?:from |import\()['"]((?:@[\w-]+\/)?[\w-]+)[\w./-]*['"]/g);
    const needed = Object.keys(manifest.dependencies);
    const known = [...needed, ...Object.keys(manifest.peerDependencies ?? {})];
    expect([...imports].map(([, name]) => name).filter((name) => !known.includes(name ?? ''))).toEqual([]);
    expect(needed.filter((name) => !text.includes(`'${name}`) && !text.includes(`"${name}`))).toEqual([]);
  });
});

interface Manifest {
  readonly version: string;
  readonly license: string;
  readonly engines: object;
  readonly dependencies: Readonly<Record<string, string>>;
  readonly peerDependencies?: Readonly<Record<string, string>>;
}

test('a strict TypeScript project takes the types, libraries checked too', async () => {
  const compilerOptions = {
    target: 'es2024',
    module: 'nodenext',
    strict: true,
    exactOptionalPropertyTypes: true,
    noUncheckedIndexedAccess: true,
    skipLibCheck: false,
    noEmit: true,
    allowImportingTsExtensions: true,
    types: ['node'],
  };
  const project = join(consumer.folder, 'tsconfig.json');
  await writeFile(project, JSON.stringify({ compilerOptions, include: ['*.ts'] }));
  const tsc = join(root, 'node_modules/typescript/bin/tsc');
  const { code, stdout } = await consumer.run('node', [tsc, '--project', project]);
  expect([stdout, code]).toEqual(['', 0]);
});

describe("the SDK's README does what it says", () => {
  test('from a deny to an answer of every middleware', async () => {
    const asAda = { CURFEW_TOKEN_FILE: await tokenFile('User', 'ada') };
    const [asked, enforced, enforcedAsAda] = await Promise.all([
      run('ask.ts'),
      run('enforce.ts'),
      run('enforce.ts', asAda),
    ]);
    const denied = 'User::"ada" may not read Database::"orders"; ';
    expect(asked).toMatch(/^denied \[\] in decision [0-9a-f-]{36}$/m);
    expect(enforced).toContain(`${denied}how to get access: curfew can read Database::orders (decision `);
    expect(enforcedAsAda).toContain(
      `${denied}access can be requested: ` +
        "curfew request read Database::orders --workflow prod-reads --reason 'say why' (decision ",
    );

    const requested = run('request.ts', asAda);
    const { grants } = (await stack.as('grace')).services;
    const toReview = async () => (await grants.listAccessRequests({ toReview: true })).requests;
    await expect.poll(async () => (await toReview()).length, { timeout: 60_000 }).toBe(1);
    const [request] = await toReview();
    const { id = '', requestHash = new Uint8Array() } = request ?? {};
    const { revision } = await grants.reviewAccessRequest({ id, requestHash, verdict: 1 });
    expect(await requested).toBe('approved\n');
    await stack.decision.followed.follower.waitFor(revision, 20_000);

    const [allowed, passed, driven] = await Promise.all([
      run('ask.ts'),
      run('enforce.ts'),
      run('drive-apps.ts'),
    ]);
    expect(allowed).toMatch(/^rows\nallowed by [0-9a-f-]{36}$/m);
    expect(passed).toBe('rows\n');
    expect(JSON.parse(driven)).toEqual({
      express: [200, 403],
      fastify: [200, 403],
      hono: [200, 403],
      grpc: [0, 7],
      connect: ['OK', 'PermissionDenied'],
    });
  });

  test('a client with TLS is made', async () => {
    expect(await run('tls.ts')).toBe('');
  });
});

describe('the command line', () => {
  const curfew = (args: readonly string[]) => consumer.run('node_modules/.bin/curfew', args, environment);

  test('says its version', async () => {
    const { version } = JSON.parse(await readFile(join(root, 'package.json'), 'utf8')) as Manifest; // npm's form
    expect(await curfew(['--version'])).toEqual({ code: 0, stdout: `${version}\n`, stderr: '' });
  });

  test('asks, and says the command that requests access', async () => {
    const token = await tokenFile('User', 'ada');
    const { code, stdout } = await curfew(['can', 'read', 'Database::customers', '--token-file', token]);
    expect([code, stdout]).toEqual([10, expect.stringMatching(/^DENY .*\n[\s\S]*Next: curfew request read/)]);
  });

  test('tests a policy folder', async () => {
    const { code, stdout } = await curfew(['policy', 'test', policies]);
    expect([code, stdout]).toEqual([0, expect.stringMatching(/^PASSED /m)]);
  });

  test('says on an older Node what to install', async () => {
    const older = join(consumer.folder, 'older.cjs');
    await writeFile(older, "Object.defineProperty(process.versions, 'node', { value: '20.20.2' });");
    const { code, stderr } = await consumer.run('node', ['--require', older, 'node_modules/.bin/curfew']);
    expect([code, stderr]).toEqual([1, expect.stringContaining('curfew needs Node.js 22.18 or newer')]);
  });
});
