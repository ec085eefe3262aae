/** The fields of the repository's package.json that its packages share. */
export interface RootManifest {
  readonly version: string;
  readonly license: string;
  readonly engines: Readonly<Record<string, string>>;
  readonly dependencies: Readonly<Record<string, string>>;
}

/** The packages that are published, by the folder of `clients/` that each is made of. */
export const packageNames = ['sdk', 'cli'] as const;
export type PackageName = (typeof packageNames)[number];

const middlewares = ['connect', 'express', 'fastify', 'grpc', 'hono'];

/** The package.json of a package. Version, engines and the versions of dependencies come from the repository's own. */
export function manifestOf(name: PackageName, root: RootManifest): object {
  const { version, license, engines } = root;
  const shared = { version, license, type: 'module', engines };
  return name === 'sdk'
    ? { name: '@curfew/sdk', ...shared, ...sdkManifest(root) }
    : { name: '@curfew/cli', ...shared, ...cliManifest(root) };
}

function sdkManifest({ dependencies }: RootManifest): object {
  return {
    description: 'Ask Curfew for every call whether it is permitted now, and request access that is not.',
    keywords: ['authorization', 'access', 'just-in-time', 'cedar', 'grpc'],
    sideEffects: false,
    exports: {
      '.': entry('./clients/sdk/index'),
      ...Object.fromEntries(middlewares.map((it) => [`./${it}`, entry(`./clients/sdk/middleware/${it}`)])),
      './proto/*': entry('./proto/gen/*'),
      './package.json': './package.json',
    },
    files: ['clients', 'proto'],
    // An application may share these with other libraries of its own.
    dependencies: pick(dependencies, ['@bufbuild/protobuf', '@bufbuild/protovalidate', '@grpc/grpc-js'], '^'),
    peerDependencies: { '@connectrpc/connect': '^2.0.0', express: '>=4', fastify: '>=4', hono: '>=4' },
    peerDependenciesMeta: {
      '@connectrpc/connect': { optional: true },
      express: { optional: true },
      fastify: { optional: true },
      hono: { optional: true },
    },
  };
}

function cliManifest({ dependencies }: RootManifest): object {
  const used = [
    '@bufbuild/protobuf',
    '@bufbuild/protovalidate',
    '@bufbuild/re2',
    '@cedar-policy/cedar-wasm',
    '@grpc/grpc-js',
    'commander',
    'yaml',
    'zod',
  ];
  /** What `curfew doctor` looks at a database with: whoever runs it there has them. */
  const optional = ['kysely', 'pg', 'pg-connection-string'];
  return {
    description: "Curfew's command line: ask for access, review requests, check and test policies.",
    keywords: ['authorization', 'access', 'just-in-time', 'cedar', 'cli'],
    bin: { curfew: 'clients/cli/bin/curfew.js' },
    files: ['clients', 'core', 'proto'],
    // No lock file goes with a program that npm installs: these are the versions that were tested.
    dependencies: pick(dependencies, used, ''),
    peerDependencies: pick(dependencies, optional, '^'),
    peerDependenciesMeta: Object.fromEntries(optional.map((name) => [name, { optional: true }])),
  };
}

function entry(path: string): object {
  return { types: `${path}.d.ts`, default: `${path}.js` };
}

function pick(
  versions: RootManifest['dependencies'],
  names: readonly string[],
  range: '^' | '',
): Readonly<Record<string, string>> {
  const picked = names.map((name): [string, string] => {
    const version = versions[name];
    if (version === undefined) throw new Error(`package.json has no dependency ${name}`);
    return [name, `${range}${version}`];
  });
  return Object.fromEntries(picked);
}
