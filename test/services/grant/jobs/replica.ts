import { onTestFinished } from 'vitest';
import { type GrantServer, startGrantService } from '../../../../services/grant/service.ts';
import { type ServiceProcess, startService } from '../../../support/processes.ts';
import type { Stack } from '../../../support/stack.ts';
import { until } from '../life.ts';

/** One more grant service of the stack, which does jobs. */
export async function replica(stack: Stack): Promise<GrantServer> {
  const service = await startGrantService({
    databaseUrl: stack.database.grantUrl,
    address: '127.0.0.1:0',
    httpAddress: '127.0.0.1:0',
    issuers: [stack.issuer.issuer],
    hasJobs: true,
    logger: stack.logger,
  });
  onTestFinished(() => service.close());
  return service;
}

/** The same as a process. */
export async function replicaProcess(
  stack: Stack,
  env: Readonly<Record<string, string>> = {},
): Promise<ServiceProcess> {
  const { keys, issuer } = stack.issuer.issuer;
  const service = await startService('grant', {
    PATH: process.env['PATH'] ?? '',
    CURFEW_DATABASE_URL: stack.database.grantUrl,
    CURFEW_OIDC_ISSUER: issuer,
    CURFEW_OIDC_JWKS: keys.kind === 'file' ? keys.path : '',
    CURFEW_OIDC_TYPE_CLAIM: 'entity_type',
    CURFEW_GRANT_LISTEN: '127.0.0.1:0',
    CURFEW_GRANT_HTTP_LISTEN: '127.0.0.1:0',
    ...env,
  });
  onTestFinished(async () => void (await service.stop()));
  return service;
}

/** Moves grants into the past, whole. */
export async function age(stack: Stack, ids: readonly string[], by = '1 day'): Promise<void> {
  await stack.query(
    `UPDATE grants SET created_at = created_at - $2::interval, starts_at = starts_at - $2::interval,
       expires_at = expires_at - $2::interval, last_used_at = last_used_at - $2::interval WHERE id = ANY($1)`,
    [ids, by],
  );
}

/** Lets the time for answering these requests be over. */
export async function letLapse(stack: Stack, requests: readonly string[]): Promise<void> {
  await stack.query(
    `UPDATE request_items SET expires_at = now() - interval '1 minute' WHERE request_id = ANY($1)`,
    [requests],
  );
}

/** Resolves when nothing of these is left to be written down. */
export async function untilEnded(stack: Stack, ids: readonly string[]): Promise<void> {
  await until(
    () => stack.query(`SELECT FROM grants WHERE state <> 'ENDED' AND id = ANY($1)`, [ids]),
    (rows) => rows.length === 0,
  );
}

/** How the grant is written down, with its events. */
export async function recordOf(stack: Stack, id: string): Promise<unknown> {
  const [row] = await stack.query(
    `SELECT state, end_reason AS "endReason",
       (SELECT array_agg(kind ORDER BY revision) FROM ledger WHERE grant_id = grants.id) AS kinds
     FROM grants WHERE id = $1`,
    [id],
  );
  return row;
}
