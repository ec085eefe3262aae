/** Variables that no message shows. Each may come as a file instead, named by the variable with `_FILE`. */
export const secretVariables = [
  'CURFEW_DATABASE_URL',
  'CURFEW_DECISION_ROLE_PASSWORD',
  'CURFEW_GRANT_ROLE_PASSWORD',
  'CURFEW_NOTIFY_ROLE_PASSWORD',
  'CURFEW_OWNER_DATABASE_URL',
  'CURFEW_TOKEN',
] as const;

/** Whether no message may show the variable's value. */
export function isSecret(variable: string): boolean {
  return secretVariables.some((secret) => secret === variable);
}

/** Every environment variable of every Curfew process: one that begins with CURFEW_ and is not here is a mistake. */
const knownVariables: readonly string[] = [
  ...secretVariables,
  ...secretVariables.map((secret) => `${secret}_FILE`),
  'CURFEW_ADDRESS',
  'CURFEW_CA',
  'CURFEW_DATABASE_CA',
  'CURFEW_DATABASE_CLEARTEXT',
  'CURFEW_DECISION_ADDRESS',
  'CURFEW_DECISION_HTTP_LISTEN',
  'CURFEW_DECISION_LISTEN',
  'CURFEW_DECISION_ROLE_CONNECTIONS',
  'CURFEW_DECISION_WORKERS',
  'CURFEW_DRAIN',
  'CURFEW_EXIT_WITH_PARENT',
  'CURFEW_GRANT_ADDRESS',
  'CURFEW_GRANT_HTTP_LISTEN',
  'CURFEW_GRANT_LISTEN',
  'CURFEW_GRANT_ROLE_CONNECTIONS',
  'CURFEW_HOME',
  'CURFEW_JOBS',
  'CURFEW_LOG_LEVEL',
  'CURFEW_MAX_IN_FLIGHT',
  'CURFEW_NEW_EPOCH',
  'CURFEW_NODE_FOUND',
  'CURFEW_NOTIFY_ROLE_CONNECTIONS',
  'CURFEW_OIDC_AUDIENCE',
  'CURFEW_OIDC_CLAIM',
  'CURFEW_OIDC_ENTITY_TYPE',
  'CURFEW_OIDC_ISSUER',
  'CURFEW_OIDC_ISSUERS_FILE',
  'CURFEW_OIDC_JWKS',
  'CURFEW_OIDC_TYPE_CLAIM',
  'CURFEW_POLICIES',
  'CURFEW_STALE_STANDING',
  'CURFEW_TLS',
  'CURFEW_TLS_ALLOW',
  'CURFEW_TLS_CERT',
  'CURFEW_TLS_CLIENT_CA',
  'CURFEW_TLS_CLIENT_PREFIX',
  'CURFEW_TLS_KEY',
];

const prefix = 'CURFEW_';
/** Set by the tests for themselves and inherited by the processes that they start. */
const testPrefix = 'CURFEW_TEST_';
const maxTypos = 3;

/** The variable's problem, when it looks like Curfew's and is none. */
export function unknownVariable(name: string): string | undefined {
  if (!name.startsWith(prefix) || name.startsWith(testPrefix) || knownVariables.includes(name)) {
    return undefined;
  }
  const [nearest] = knownVariables
    .map((candidate) => ({ candidate, typos: editDistance(name, candidate) }))
    .filter(({ typos }) => typos <= maxTypos)
    .toSorted((a, b) => a.typos - b.typos);
  const hint = nearest === undefined ? 'unset it' : `did you mean ${nearest.candidate}?`;
  return `unknown variable; ${hint}`;
}

/** Levenshtein's distance. */
function editDistance(a: string, b: string): number {
  let row = Array.from({ length: b.length + 1 }, (_, column) => column);
  for (let line = 0; line < a.length; line += 1) {
    const next = [line + 1];
    for (let column = 0; column < b.length; column += 1) {
      const change = (row[column] ?? 0) + (a[line] === b[column] ? 0 : 1);
      next.push(Math.min(change, (row[column + 1] ?? 0) + 1, (next[column] ?? 0) + 1));
    }
    row = next;
  }
  return row[b.length] ?? 0;
}
