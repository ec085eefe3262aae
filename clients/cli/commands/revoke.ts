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
  readonly workflow?: string;
  readonly all: boolean;
  readonly yes: boolean;
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
    .option('--workflow <id>', 'every live grant that this workflow gave')
    .option('--all', 'every live grant there is; wants --yes', false)
    .option('--yes', 'with --all: they are all meant', false)
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

function readSelector(
  ids: readonly string[],
  { subject, resource, workflow, all, yes }: RevokeOptions,
): Selector {
  const selectors = [
    ids.length > 0,
    subject !== undefined,
    resource !== undefined,
    workflow !== undefined,
    all,
  ];
  const given = selectors.filter(Boolean).length;
  if (given !== 1)
    throw usageError(
      'revoke',
      `seen ${given} of them, wanted exactly one of ids, --subject, --resource, --workflow and --all`,
    );
  if (all && !yes) throw usageError('--all', 'ends every live grant there is; wanted --yes with it');
  if (workflow === '') throw usageError('--workflow', 'seen "", wanted the @id of a workflow');
  return {
    ...(subject === undefined ? {} : { subject: { ...parseEntity(subject, '--subject') } }),
    ...(resource === undefined ? {} : { resource: { ...parseEntity(resource, '--resource') } }),
    ...(workflow === undefined ? {} : { workflow }),
    ...(all ? { all } : {}),
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
