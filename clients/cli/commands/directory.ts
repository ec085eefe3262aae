import type { Command } from 'commander';
import { entityText } from '../../../core/policy/directory-text.ts';
import { compare, type Difference, isSame } from '../directory/compare.ts';
import { fetchEntities } from '../directory/fetch.ts';
import { type EntityFile, readEntityFile } from '../directory/read-file.ts';
import { differenceJson, differenceLines, endedJson, endedLines } from '../directory/screen.ts';
import { deleteEntities, type Sent, sendEntities } from '../directory/send.ts';
import { parseEntity } from '../entity-name.ts';
import { exitCode } from '../exit-code.ts';
import { printableJson, printableJsonText } from '../printable.ts';
import { inSession, type Session } from '../session.ts';
import type { Terminal } from '../terminal.ts';

interface ApplyOptions {
  readonly prune: boolean;
  readonly allowReuse: boolean;
  readonly dryRun: boolean;
}

const PRUNE = 'delete what the file does not have, with its grants and pending requests';

/** `curfew directory apply`, `diff`, `export` and `delete`: the people, groups, services and resources that Curfew knows. */
export function addDirectory(program: Command, terminal: Terminal): void {
  const directory = program
    .command('directory')
    .summary('change, compare and read the people, groups, services and resources that Curfew knows');
  addApply(directory, terminal);
  addDiff(directory, terminal);
  addExport(directory, terminal);
  addDelete(directory, terminal);
}

function addApply(directory: Command, terminal: Terminal): void {
  directory
    .command('apply')
    .summary("create and replace entities as a file in Cedar's JSON form says")
    .description('Sends what is new or different, up to 1,000 entities at a time, each after its parents.')
    .argument('<file>', 'a list of entities: [{"uid": {"type", "id"}, "attrs", "parents", "tags"}]')
    .option('--prune', PRUNE, false)
    .option('--allow-reuse', 'take ids back that were deleted before', false)
    .option('--dry-run', 'only say what would change', false)
    .action(async (path: string, options: ApplyOptions, command: Command) => {
      const file = readEntityFile(path, terminal.cwd);
      await inSession(command, terminal, async (session) => {
        const difference = compare(file.entities, await fetchEntities(session.curfew), options);
        const sent = options.dryRun ? undefined : await send(session, file, difference, options);
        show(session, difference, sent, () =>
          options.dryRun
            ? session.next('directory', 'apply', path, ...(options.prune ? ['--prune'] : []))
            : session.next('directory', 'diff', path),
        );
        return exitCode.ok;
      });
    });
}

function addDiff(directory: Command, terminal: Terminal): void {
  directory
    .command('diff')
    .summary('say what apply would create, change and delete; exits 13 when that is anything')
    .argument('<file>', "a list of entities in Cedar's JSON form")
    .option('--prune', 'with what the file does not have', false)
    .action(async (path: string, options: Pick<ApplyOptions, 'prune'>, command: Command) => {
      const { entities } = readEntityFile(path, terminal.cwd);
      await inSession(command, terminal, async (session) => {
        const difference = compare(entities, await fetchEntities(session.curfew), options);
        const same = isSame(difference);
        show(session, difference, undefined, () =>
          same
            ? session.next('directory', 'export')
            : session.next('directory', 'apply', path, ...(options.prune ? ['--prune'] : [])),
        );
        return same ? exitCode.ok : exitCode.different;
      });
    });
}

function addExport(directory: Command, terminal: Terminal): void {
  directory
    .command('export')
    .summary("write the directory as Cedar's JSON, one entity a line, by type and id; apply reads it")
    .option('--type <type>', 'only entities of this type', '')
    .action(async ({ type }: { readonly type: string }, command: Command) => {
      await inSession(command, terminal, async ({ curfew }) => {
        const entities = await fetchEntities(curfew, type);
        const last = entities.length - 1;
        const lines = entities.map((entity, index) => `  ${entityText(entity)}${index === last ? '' : ','}`);
        terminal.out(['[', ...lines.map(printableJsonText), ']']);
        return exitCode.ok;
      });
    });
}

function addDelete(directory: Command, terminal: Terminal): void {
  directory
    .command('delete')
    .summary('delete entities; their grants end and their pending requests are withdrawn')
    .argument('<entities...>', 'Database::orders, or \'Database::"orders"\' as Cedar writes it')
    .action(async (given: readonly string[], _options: object, command: Command) => {
      const uids = given.map((entity) => parseEntity(entity, 'entities'));
      await inSession(command, terminal, async (session) => {
        const sent = await deleteEntities(uids, { curfew: session.curfew, terminal });
        const difference = { created: [], changed: [], deleted: uids, same: 0, sent: [] };
        show(session, difference, sent, () => session.next('ledger', 'ls'));
        return exitCode.ok;
      });
    });
}

async function send(
  { curfew, terminal }: Session,
  { placeOf }: EntityFile,
  { sent, deleted }: Difference,
  { allowReuse }: Pick<ApplyOptions, 'allowReuse'>,
): Promise<Sent> {
  const applied = await sendEntities(sent, { curfew, terminal, allowReuse, placeOf });
  const removed = await deleteEntities(deleted, { curfew, terminal });
  return {
    ...removed,
    endedGrantIds: [...applied.endedGrantIds, ...removed.endedGrantIds],
    revision: removed.revision > 0n ? removed.revision : applied.revision,
  };
}

function show(
  { terminal, isJson }: Session,
  difference: Difference,
  sent: Sent | undefined,
  next: () => readonly string[],
): void {
  if (isJson) {
    const ended = sent === undefined ? {} : endedJson(sent);
    terminal.out([printableJson({ ...differenceJson(difference), ...ended })]);
    return;
  }
  const ended = sent === undefined ? [] : endedLines(sent);
  terminal.out([...differenceLines(difference, terminal), ...ended, ...next()]);
}
