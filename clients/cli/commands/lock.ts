import { randomUUID } from 'node:crypto';
import type { MessageInitShape } from '@bufbuild/protobuf';
import { durationFromMs } from '@bufbuild/protobuf/wkt';
import type { Command } from 'commander';
import {
  type CreateLockRequestSchema,
  CreateLockResponseSchema,
} from '../../../proto/gen/curfew/grant/v1/lock_service_pb.ts';
import type { Curfew } from '../../sdk/index.ts';
import { usageError } from '../cli-error.ts';
import { facts } from '../columns.ts';
import { parseDuration } from '../duration.ts';
import { parseEntity } from '../entity-name.ts';
import { exitCode } from '../exit-code.ts';
import { findGrantId } from '../known-ids.ts';
import { lockLines } from '../lock-screen.ts';
import { showEntity } from '../request-screen.ts';
import { inSession } from '../session.ts';
import type { Terminal } from '../terminal.ts';

interface LockOptions {
  readonly grant?: string;
  readonly reason: string;
  readonly for?: string;
}

/** `curfew lock`: stops a person, a group, a resource, a grant or everything at once. */
export function addLock(program: Command, terminal: Terminal): void {
  program
    .command('lock')
    .summary('stop somebody, something or everything at once')
    .description(
      'While a lock holds, nothing permits: not to whoever is the entity or inside of it, nor to other accounts of theirs, not on it or what is inside of it, and not by the grant.',
    )
    .argument('[entity]', 'a person, service, group or resource; or the word everything')
    .option('--grant <id>', 'a grant, by id or the beginning of it')
    .requiredOption('-r, --reason <text>', 'why')
    .option('--for <duration>', 'how long, such as 2h; until it is lifted unless said')
    .action(async (given: string | undefined, options: LockOptions, command: Command) => {
      const what = readTarget(given, options);
      const durationMs = options.for === undefined ? undefined : parseDuration(options.for, '--for');
      await inSession(command, terminal, async (session) => {
        const answer = await session.curfew.services.locks.createLock({
          ...(await targetOf(session.curfew, what)),
          reason: options.reason,
          idempotencyKey: randomUUID(),
          ...(durationMs === undefined ? {} : { duration: durationFromMs(durationMs) }),
        });
        const { lock } = answer;
        session.show(CreateLockResponseSchema, answer, () => [
          ...(lock === undefined ? [] : lockLines(lock, terminal)),
          ...facts([['stops as well', answer.otherAccounts.map(showEntity).join(', ')]]),
          ...(lock?.mayLift === true
            ? session.next('unlock', lock.id, '--reason', 'say why')
            : session.next('locks')),
        ]);
        return exitCode.ok;
      });
    });
}

type Target =
  | { readonly kind: 'everything' }
  | { readonly kind: 'grant'; readonly given: string }
  | { readonly kind: 'entity'; readonly type: string; readonly id: string };

function readTarget(entity: string | undefined, { grant }: LockOptions): Target {
  if ((entity === undefined) === (grant === undefined)) {
    const seen = entity === undefined ? 'none' : 'both';
    throw usageError('lock', `seen ${seen}, wanted exactly one of an entity, everything and --grant`);
  }
  if (grant !== undefined) return { kind: 'grant', given: grant };
  if (entity === undefined || entity === 'everything') return { kind: 'everything' };
  return { kind: 'entity', ...parseEntity(entity, 'entity') };
}

async function targetOf(
  curfew: Curfew,
  target: Target,
): Promise<Omit<MessageInitShape<typeof CreateLockRequestSchema>, '$typeName'>> {
  if (target.kind === 'everything') return { everything: true };
  if (target.kind === 'grant') return { grantId: await findGrantId(curfew, target.given) };
  return { entity: { type: target.type, id: target.id } };
}
