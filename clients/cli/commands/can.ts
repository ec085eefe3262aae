import type { Command } from 'commander';
import { AuthorizeResponseSchema } from '../../../proto/gen/curfew/decision/v1/decision_service_pb.ts';
import type { Decision, EntityName, Question } from '../../sdk/index.ts';
import { callerName } from '../caller.ts';
import { collect } from '../collect.ts';
import { readContext } from '../context-values.ts';
import { allowLines, denyLines } from '../decision-screen.ts';
import { readEntities } from '../entities-file.ts';
import { formatEntity, parseAction, parseEntity } from '../entity-name.ts';
import { readInt64 } from '../exact-json.ts';
import { exitCode } from '../exit-code.ts';
import { text } from '../printable.ts';
import { inSession, type Session } from '../session.ts';
import type { Terminal } from '../terminal.ts';

interface CanOptions {
  readonly context: readonly string[];
  readonly contextJson?: string;
  readonly entities?: string;
  readonly atLeastRevision?: bigint;
  readonly explain: boolean;
}

/** `curfew can`: asks for a decision and, on a deny, says how to get access. */
export function addCan(program: Command, terminal: Terminal): void {
  program
    .command('can')
    .summary('ask whether somebody may do something now')
    .description(
      'Asks whether the principal (you, unless said) may do the action on the resource now. Exits 0 if so and 10 if not.',
    )
    .usage('[principal] <action> <resource> [options]')
    .argument('<principal-or-action>')
    .argument('<action-or-resource>')
    .argument('[resource]', 'User::ada, Database/orders or \'Database::"orders"\'')
    .option('-c, --context <key=value>', 'a fact: mfa=true, n=5, s=text; repeatable', collect, [])
    .option('--context-json <json>', "facts in Cedar's JSON form")
    .option('--entities <file>', "the application's documents, a list in Cedar's JSON form")
    .option('--at-least-revision <n>', 'decide on this ledger revision or a later one', readRevision)
    .option('--explain', 'say how to get access (default)', true)
    .option('--no-explain', 'only the answer')
    .action(
      async (first: string, second: string, third: string | undefined, ...rest: [CanOptions, Command]) => {
        const [options, command] = rest;
        const words = third === undefined ? [first, second] : [first, second, third];
        const asked = readQuestion(words, options, terminal.cwd);
        const isOther = asked.principal !== undefined;
        const mayLeaveOut = isOther && command.getOptionValueSource('explain') === 'default';
        await inSession(command, terminal, async (session) => {
          const question = { ...asked, principal: asked.principal ?? (await callerName(session.curfew)) };
          const { decision, isExplained } = await ask(session, question, mayLeaveOut);
          if (decision.effect === 'error') throw decision.error;
          const { answer, effect } = decision;
          session.show(AuthorizeResponseSchema, answer, () =>
            effect === 'allow'
              ? allowLines(session, question, answer)
              : denyLines(session, { question, isOther, isExplained }, answer),
          );
          return effect === 'allow' ? exitCode.ok : exitCode.denied;
        });
      },
    );
}

type Asked = Omit<Question, 'principal'> & { readonly principal: EntityName | undefined };

/** Reads `[principal] <action> <resource>` and the options. @throws CliError usage */
function readQuestion(words: readonly string[], options: CanOptions, cwd: string): Asked {
  const [resource = '', action = '', principal] = words.toReversed();
  const { context, contextJson, entities, atLeastRevision, explain } = options;
  return {
    principal: principal === undefined ? undefined : parseEntity(principal, 'principal'),
    action: parseAction(action, 'action'),
    resource: parseEntity(resource, 'resource'),
    context: readContext(context, contextJson),
    explain,
    ...(entities === undefined ? {} : { entities: readEntities(entities, cwd) }),
    ...(atLeastRevision === undefined ? {} : { atLeastRevision }),
  };
}

/** Who may ask about others may not always have it explained; the answer itself is then still worth having. */
async function ask(
  { curfew, terminal }: Session,
  question: Question,
  mayLeaveOut: boolean,
): Promise<{ readonly decision: Decision; readonly isExplained: boolean }> {
  const isExplained = question.explain === true;
  const decision = await curfew.authorize(question);
  const isRefused = decision.effect === 'error' && decision.error.reason === 'NOT_PERMITTED';
  if (!isRefused || !isExplained || !mayLeaveOut) return { decision, isExplained };
  const plain = await curfew.authorize({ ...question, explain: false });
  if (plain.effect !== 'error')
    terminal.note([text`note: you may not have answers about ${formatEntity(question.principal)} explained`]);
  return { decision: plain, isExplained: false };
}

function readRevision(given: string): bigint {
  return readInt64(given, '--at-least-revision');
}
