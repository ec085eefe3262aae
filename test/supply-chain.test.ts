import { readFileSync } from 'node:fs';
import { describe, expect, test } from 'vitest';

interface LockedPackage {
  readonly version?: string;
  readonly resolved?: string;
  readonly integrity?: string;
  readonly link?: boolean;
  readonly dev?: boolean;
  readonly devOptional?: boolean;
  readonly hasInstallScript?: boolean;
}

interface Manifest {
  readonly dependencies?: Readonly<Record<string, string>>;
  readonly devDependencies?: Readonly<Record<string, string>>;
  readonly optionalDependencies?: Readonly<Record<string, string>>;
  readonly allowScripts?: Readonly<Record<string, boolean>>;
}

const read = (path: string): string => readFileSync(path, 'utf8');
const manifest = JSON.parse(read('package.json')) as Manifest;
const local = JSON.parse(read('deploy/local/package.json')) as Manifest;
const lock = JSON.parse(read('package-lock.json')) as {
  readonly packages: Readonly<Record<string, LockedPackage>>;
};

/** What is installed from a registry, by the name that it is installed under. */
const locked = Object.entries(lock.packages)
  .filter(([path, { link }]) => path.startsWith('node_modules/') && link !== true)
  .map(([path, entry]) => ({ path, name: path.split('node_modules/').at(-1) ?? path, ...entry }));

/**
 * A new package that services run on raises it by hand; it counts what comes along, and as little as can be should. OpenTelemetry
 * alone is some forty of them.
 */
const MOST_RUNTIME_PACKAGES = 122;

describe('C1 what is installed', () => {
  test('C1 no version is left open', () => {
    const versions = [manifest.dependencies, manifest.devDependencies, local.optionalDependencies].flatMap(
      (each) => Object.entries(each ?? {}),
    );
    const open = versions.filter(
      ([, version]) => !/^(\d+\.\d+\.\d+(-[\w.]+)?|file:deploy\/local)$/.test(version),
    );
    expect(versions.length).toBeGreaterThan(20);
    expect(open).toEqual([]);
  });

  test('C1 every package is locked to its content', () => {
    const loose = locked.filter(({ integrity }) => !/^sha512-[\w+/]{86}==$/.test(integrity ?? ''));
    expect(loose.map(({ path }) => path)).toEqual([]);
  });

  test('C1 nothing comes from a host that the lock names', () => {
    const named = Object.entries(lock.packages).filter(([, { resolved }]) => resolved !== undefined);
    expect(named.map(([path, { resolved }]) => [path, resolved])).toEqual([
      ['node_modules/curfew-local', 'deploy/local'],
    ]);
  });

  test('C1 services run on few packages', () => {
    const runtime = locked.filter(({ dev, devOptional }) => dev !== true && devOptional !== true);
    expect(runtime.length).toBeLessThanOrEqual(MOST_RUNTIME_PACKAGES);
  });
});

describe('C1 install scripts', () => {
  test('C1 every package with an install script is denied by name: a new one has to be looked at', () => {
    const withScript = locked.filter(({ hasInstallScript }) => hasInstallScript === true);
    const denied = Object.entries(manifest.allowScripts ?? {});
    expect(denied.map(([name]) => name).toSorted()).toEqual(
      [...new Set(withScript.map(({ name }) => name))].toSorted(),
    );
    expect(denied.filter(([, isAllowed]) => isAllowed)).toEqual([]);
  });

  // Not strict-allow-scripts: npx asks it about this package as well, whose own script npm 10 needs, and then refuses to run the CLI.
  test('C1 npm takes exact versions, and none that is only days old', () => {
    const settings = read('.npmrc').split('\n');
    expect(settings).toEqual(expect.arrayContaining(['min-release-age=3', 'save-exact=true']));
  });

  test('C1 where it is checked before it goes in, everything is installed without any script', () => {
    const installs = read('.ci/run').match(/\bnpm (?:ci|install|i)\b.*/g);
    expect(installs).toEqual(['npm ci --ignore-scripts']);
  });
});
