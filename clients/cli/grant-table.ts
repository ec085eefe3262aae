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
    showInstant(grant.state === GrantState.ENDED ? grant.endedAt : grant.expiresAt, now),
  ]);
  return columns(['GRANT', 'STATE', 'HOLDER', 'WHAT', 'WORKFLOW', 'ENDS'], rows);
}
