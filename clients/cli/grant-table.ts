import { type Grant, GrantState } from '../../proto/gen/curfew/grant/v1/grant_pb.ts';
import { type Cell, columns } from './columns.ts';
import { showInstant } from './instants.ts';
import { showActions, showEntity } from './request-screen.ts';
import { grantState } from './states.ts';
import type { Terminal } from './terminal.ts';

/** A table of grants, one line each, with the time that is left or the time they ended. */
export function grantTable(grants: readonly Grant[], terminal: Terminal): readonly string[] {
  const now = terminal.now();
  const rows = grants.map((grant): Cell[] => [
    grant.id,
    grantState(grant, terminal.paint),
    showEntity(grant.subject),
    `${showActions(grant.actions)} ${showEntity(grant.resource)}`,
    grant.workflow,
    when(grant, now),
  ]);
  return columns(['GRANT', 'STATE', 'HOLDER', 'WHAT', 'WORKFLOW', 'ENDS'], rows);
}

/** When it ends or ended; before it has begun, when it begins or until when it can be claimed. */
function when({ state, startsAt, claimBy, endedAt, expiresAt }: Grant, now: Date): string {
  if (state === GrantState.ENDED) return showInstant(endedAt, now);
  if (state === GrantState.SCHEDULED) return `begins at ${showInstant(startsAt, now)}`;
  if (state === GrantState.CLAIMABLE) return `claim by ${showInstant(claimBy, now)}`;
  return showInstant(expiresAt, now);
}
