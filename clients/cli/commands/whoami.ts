import type { Command } from 'commander';
import { EntitySchema, type Value } from '../../../proto/gen/curfew/type/v1/entity_pb.ts';
import { callerEntity } from '../caller.ts';
import { facts } from '../columns.ts';
import { exitCode } from '../exit-code.ts';
import { printable } from '../printable.ts';
import { showEntity } from '../request-screen.ts';
import { inSession } from '../session.ts';
import type { Terminal } from '../terminal.ts';

/** `curfew whoami`: who Curfew takes the caller for. */
export function addWhoami(program: Command, terminal: Terminal): void {
  program
    .command('whoami')
    .summary('show who you are to Curfew')
    .description('Shows the entity of the directory that your credentials stand for.')
    .action(async (_options: object, command: Command) => {
      await inSession(command, terminal, async (session) => {
        const entity = await callerEntity(session.curfew);
        session.show(EntitySchema, entity, () => [
          session.terminal.paint.strong(printable(showEntity(entity.uid))),
          ...facts([
            ['in', entity.parents.map(showEntity).join(', ')],
            ...Object.entries(entity.attributes).map(([name, value]) => [name, showValue(value)] as const),
          ]),
          ...session.next('grants', '--mine'),
        ]);
        return exitCode.ok;
      });
    });
}

/** A value as Cedar writes it. */
function showValue({ kind }: Value): string {
  switch (kind.case) {
    case 'entityValue':
      return showEntity(kind.value);
    case 'setValue':
      return `[${kind.value.values.map(showValue).join(', ')}]`;
    case 'recordValue':
      return `{${Object.entries(kind.value.fields)
        .map(([name, value]) => `${name}: ${showValue(value)}`)
        .join(', ')}}`;
    case 'extensionValue':
      return `${kind.value.function}(${JSON.stringify(kind.value.argument)})`;
    case 'stringValue':
      return JSON.stringify(kind.value);
    case undefined:
      return '–';
    default:
      return String(kind.value);
  }
}
