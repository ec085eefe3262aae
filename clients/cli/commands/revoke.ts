import type { MessageInitShape } from '@bufbuild/protobuf';
import type { Command } from 'commander';
import {
  type RevokeGrantsRequestSchema,
  type RevokeGrantsResponse,
  RevokeGrantsResponseSchema,
} from '../../../proto/gen/curfew/grant/v1/grant_service_pb.ts';
import { type Curfew, CurfewError } from '../../sdk/index.ts';
import { usageError } from '../cli-error.ts';
import { columns } from '../columns.ts';
import { parseEntity } from '../entity-name.ts';
import { exitCode } from '../exit-code.ts';
import { grantTable } from '../grant-table.ts';
import { findGrantId } from '../known-ids.ts';
import { inSession } from '../session.ts';
import type { Terminal } from '../terminal.ts';

interface RevokeOptions {
  readonly subject?: string;
  readonly resource?: string;
  readonly reason: string;
}

type Selector = Omit<MessageInitShape<typeof RevokeGrantsRequestSchema>, '$typeName'>;

/** `curfew revoke`: takes grants away. Exits 1 when one of them could not be. */
export function addRevoke(program: Command, terminal: Terminal): void {
  program
    .command('revoke')
    .summary('take grants away')
    .description('Ends the grants named, or every live one of a holder or on exactly a resource.')
    .argument('[ids...]', 'grants, by id or the beginning of it')
    .option('--subject <entity>', 'every live grant of this person or service')
    .option('--resource <entity>', 'every live grant on exactly this resource')
    .requiredOption('-r, --reason <text>', 'why')
    .action(async (ids: readonly string[], options: RevokeOptions, command: Command) => {
      const selector = readSelector(ids, options);
      await inSession(command, terminal, async (session) => {
        const whole = await findIds(session.curfew, ids);
        const request = {
          ...selector,
          ...(whole.length === 0 ? {} : { ids: [...whole] }),
          reason: options.reason,
        };
        const answer = await session.curfew.services.grants.revokeGrants(request);
        session.show(RevokeGrantsResponseSchema, answer, () => [
          ...(answer.ended.length === 0 ? ['nothing ended'] : grantTable(answer.ended, terminal)),
          ...failures(answer),
          ...session.next('grants', '--state', 'active'),
        ]);
        return answer.failed.length === 0 ? exitCode.ok : exitCode.error;
      });
    });
}

function readSelector(ids: readonly string[], { subject, resource }: RevokeOptions): Selector {
  const given = [ids.length > 0, subject !== undefined, resource !== undefined].filter(Boolean).length;
  if (given !== 1)
    throw usageError('revoke', `seen ${given} of them, wanted exactly one of ids, --subject and --resource`);
  return {
    ...(subject === undefined ? {} : { subject: { ...parseEntity(subject, '--subject') } }),
    ...(resource === undefined ? {} : { resource: { ...parseEntity(resource, '--resource') } }),
  };
}

async function findIds(curfew: Curfew, given: readonly string[]): Promise<readonly string[]> {
  const ids = await Promise.all(given.map((id) => findGrantId(curfew, id)));
  return [...new Set(ids)];
}

function failures({ failed }: RevokeGrantsResponse): readonly string[] {
  const rows = failed.map(({ id, status }) => {
    const error = status === undefined ? undefined : CurfewError.fromStatus(status);
    return [id, error?.message ?? '', error?.reason ?? error?.code ?? ''];
  });
  return rows.length === 0 ? [] : ['', ...columns(['NOT ENDED', 'WHY', 'REASON'], rows)];
}
