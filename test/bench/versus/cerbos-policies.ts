import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { stringify } from 'yaml';
import type { Company, TeamRule } from './company.ts';
import type { TemporaryFolder } from './curfew-policies.ts';

/** The rules for all: what Cedar's `context has grant` asks, the application has to tell Cerbos, the end of the grant with it. */
const FOR_ALL = [
  rule(
    'ALLOW',
    ['*'],
    [
      'has(P.attr.grant)',
      'P.attr.grant.environment == R.attr.environment',
      'timestamp(P.attr.grant.expiresAt) > now()',
    ],
  ),
  rule('DENY', ['*'], ['R.attr.classification == "pii"', '!(has(P.attr.mfa) && P.attr.mfa)']),
];

/** The company as Cerbos is told of it: one resource policy that has a rule for each Cedar policy, groups being roles. */
export async function writeCerbosPolicies(company: Company): Promise<TemporaryFolder> {
  const folder = await mkdtemp(join(tmpdir(), 'cerbos-bench-'));
  await writeFile(
    join(folder, 'database.yaml'),
    stringify({
      apiVersion: 'api.cerbos.dev/v1',
      resourcePolicy: {
        version: 'default',
        resource: 'database',
        rules: [...FOR_ALL, ...company.rules.map(ruleOf)],
      },
    }),
  );
  return { folder, [Symbol.asyncDispose]: () => rm(folder, { recursive: true }) };
}

function ruleOf({ team, minLevel, environment }: TeamRule): object {
  const where = environment === undefined ? [] : [`R.attr.environment == "${environment}"`];
  return rule(
    'ALLOW',
    [team],
    [...where, 'R.attr.classification == "internal"', `P.attr.level >= ${minLevel}`],
  );
}

function rule(effect: 'ALLOW' | 'DENY', roles: readonly string[], all: readonly string[]): object {
  return {
    actions: ['read'],
    effect: `EFFECT_${effect}`,
    roles,
    condition: { match: { all: { of: all.map((expr) => ({ expr })) } } },
  };
}
