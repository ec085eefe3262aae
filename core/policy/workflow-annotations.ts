import { formatDuration, parseDuration } from '../access/duration.ts';
import { isPattern, type Step, type TextRule, type Workflow } from '../access/workflow.ts';
import { suggest } from './closest.ts';
import { annotationOffset, type ParsedPolicy } from './parse-policy.ts';
import type { Problem } from './problem.ts';
import { problemAt } from './source-text.ts';

const REQUEST_ANNOTATIONS = [
  'id',
  'title',
  'description',
  'approvals',
  'max',
  'default',
  'rank',
  'pending',
  'start',
  'reason',
  'ticket',
];

/** Known names that this version does not act on: ignoring one would give more access than its author meant. */
const UNSUPPORTED = [
  'claim',
  'ahead',
  'extensions',
  'uses',
  'idle',
  'break_glass',
  'review',
  'review_within',
  'on_change',
];

const APPROVE_ANNOTATIONS = ['id', 'title', 'description', 'step'];
/** Names that every policy may carry. */
const COMMON = new Set(['id', 'title', 'description']);
const WORKFLOW_ONLY = new Set(
  [...REQUEST_ANNOTATIONS, ...UNSUPPORTED, ...APPROVE_ANNOTATIONS].filter((name) => !COMMON.has(name)),
);
const STEP = /^[A-Za-z][A-Za-z0-9_-]{0,63}$/;
const SEATED_STEP = /^([^:\s]+)(?:\s*:\s*(\d{1,3}))?$/;
const MAX_SEATS = 20;
const MAX_STEPS = 20;
const RANK = /^-?\d{1,9}$/;
/** A hundred years: far below what instants can hold, far above what anybody means. */
const MAX_SPAN_MS = 36_500 * 86_400_000;
const DEFAULT_PENDING_MS = 24 * 3_600_000;

/** Reads the annotations of a `request` permit, collecting what is wrong with them. */
export function readWorkflow(parsed: ParsedPolicy, problems: Problem[]): Workflow | undefined {
  const before = problems.length;
  problems.push(...checkNames(parsed, REQUEST_ANNOTATIONS));
  const { annotations } = parsed.policy;
  const start = annotations.get('start');
  if (start !== undefined && start !== 'approval')
    problems.push(annotationProblem(parsed, 'start', 'not supported by this version, wanted "approval"'));
  const steps = readSteps(parsed, problems);
  const maxMs = readDuration(parsed, 'max', problems);
  if (!annotations.has('max'))
    problems.push(missing(parsed, 'max', '@max("4h"): the longest that may be asked for'));
  const defaultMs = readDuration(parsed, 'default', problems) ?? maxMs;
  const pendingMs = readDuration(parsed, 'pending', problems) ?? DEFAULT_PENDING_MS;
  if (maxMs !== undefined && defaultMs !== undefined && defaultMs > maxMs)
    problems.push(annotationProblem(parsed, 'default', `wanted at most @max, ${formatDuration(maxMs)}`));
  const rank = annotations.get('rank') ?? '0';
  if (!RANK.test(rank))
    problems.push(annotationProblem(parsed, 'rank', 'wanted an integer of at most 9 digits'));
  const title = annotations.get('title') ?? parsed.policy.id;
  if (title.trim() === '') problems.push(annotationProblem(parsed, 'title', 'wanted some text'));
  const reason = readTextRule(parsed, 'reason', problems) ?? { kind: 'required' };
  const ticket = readTextRule(parsed, 'ticket', problems) ?? { kind: 'optional' };
  if (problems.length > before || steps === undefined || maxMs === undefined || defaultMs === undefined)
    return undefined;
  const { resource } = parsed.policy;
  const resourceTypes = resource.kind === 'is' || resource.kind === 'isIn' ? [resource.type] : [];
  const id = parsed.policy.id;
  return { id, title, steps, maxMs, defaultMs, pendingMs, rank: Number(rank), reason, ticket, resourceTypes };
}

/** Reads the `@step` of an `approve` permit, collecting what is wrong with its annotations. */
export function readStep(parsed: ParsedPolicy, problems: Problem[]): string | undefined {
  problems.push(...checkNames(parsed, APPROVE_ANNOTATIONS));
  const step = parsed.policy.annotations.get('step');
  if (step === undefined) {
    problems.push(missing(parsed, 'step', '@step("owner"): the step that whoever it permits may fill'));
    return undefined;
  }
  if (STEP.test(step) && step !== 'none') return step;
  problems.push(
    annotationProblem(parsed, 'step', 'wanted a name of letters, digits, - and _ other than "none"'),
  );
  return undefined;
}

/** Steps that workflows ask for and no `approve` permit fills: their requests could never be answered. */
export function checkStepsFilled(
  workflows: readonly { readonly parsed: ParsedPolicy; readonly workflow: Workflow }[],
  filled: readonly string[],
): Problem[] {
  return workflows.flatMap(({ parsed, workflow }) =>
    workflow.steps
      .filter((step) => !filled.includes(step.name))
      .map((step) => {
        const message = `no approve permit has @step("${step.name}"), so nobody could fill it`;
        const offset = annotationOffset(parsed.chunk, 'approvals');
        return problemAt(parsed.chunk.source, offset, message, suggest(step.name, [...new Set(filled)]));
      }),
  );
}

/**
 * What means something on `request` and `approve` permits only: anywhere else its author expects a limit that nobody keeps. Names that
 * Curfew does not know are the author's own.
 */
export function checkOtherAnnotations(parsed: ParsedPolicy): Problem[] {
  return [...parsed.policy.annotations.keys()]
    .filter((name) => WORKFLOW_ONLY.has(name))
    .map((name) => {
      const message = `@${name} means nothing on this policy`;
      const hint = `only a request or an approve permit in workflows/ has it; limits of a grant come from its workflow`;
      return problemAt(parsed.chunk.source, annotationOffset(parsed.chunk, name), message, hint);
    });
}

function checkNames(parsed: ParsedPolicy, known: readonly string[]): Problem[] {
  const isRequest = known === REQUEST_ANNOTATIONS;
  return [...parsed.policy.annotations.keys()]
    .filter((name) => !known.includes(name))
    .map((name) => {
      const offset = annotationOffset(parsed.chunk, name);
      if (isRequest && UNSUPPORTED.includes(name)) {
        const message = `@${name} is not supported by this version`;
        return problemAt(
          parsed.chunk.source,
          offset,
          message,
          'remove it: without it the workflow grants what its other annotations say',
        );
      }
      const of = isRequest ? 'a request permit' : 'an approve permit';
      return problemAt(parsed.chunk.source, offset, `@${name} means nothing on ${of}`, suggest(name, known));
    });
}

function readSteps(parsed: ParsedPolicy, problems: Problem[]): readonly Step[] | undefined {
  const text = parsed.policy.annotations.get('approvals');
  if (text === undefined) {
    problems.push(missing(parsed, 'approvals', '@approvals("owner, security:2"), or @approvals("none")'));
    return undefined;
  }
  if (text.trim() === 'none') return [];
  const steps: Step[] = [];
  for (const part of text.split(',')) {
    const [, name = '', seatsText = '1'] = SEATED_STEP.exec(part.trim()) ?? [];
    const seats = Number(seatsText);
    const reason =
      !STEP.test(name) || name === 'none'
        ? `step ${JSON.stringify(part.trim())}, wanted a name or name:seats, or "none" alone`
        : seats < 1 || seats > MAX_SEATS
          ? `step "${name}" with ${seats} seats, wanted 1 to ${MAX_SEATS}`
          : steps.some((step) => step.name === name)
            ? `step "${name}" is listed twice, wanted "${name}:2" for two seats`
            : undefined;
    if (reason !== undefined) {
      problems.push(annotationProblem(parsed, 'approvals', reason));
      return undefined;
    }
    steps.push({ name, seats });
  }
  if (steps.length <= MAX_STEPS) return steps;
  problems.push(annotationProblem(parsed, 'approvals', `${steps.length} steps, wanted at most ${MAX_STEPS}`));
  return undefined;
}

function readDuration(parsed: ParsedPolicy, name: string, problems: Problem[]): number | undefined {
  const text = parsed.policy.annotations.get(name);
  if (text === undefined) return undefined;
  const ms = parseDuration(text);
  if (ms !== undefined && ms > 0 && ms <= MAX_SPAN_MS) return ms;
  const wanted =
    ms === undefined ? 'wanted a Cedar duration such as "1h30m"' : 'wanted more than 0 and at most 36500d';
  problems.push(annotationProblem(parsed, name, wanted));
  return undefined;
}

function readTextRule(parsed: ParsedPolicy, name: string, problems: Problem[]): TextRule | undefined {
  const text = parsed.policy.annotations.get(name);
  if (text === undefined) return undefined;
  if (text === 'required' || text === 'optional') return { kind: text };
  if (text !== '' && isPattern(text)) return { kind: 'pattern', pattern: text };
  problems.push(
    annotationProblem(parsed, name, 'wanted "required", "optional" or a regular expression (RE2)'),
  );
  return undefined;
}

function annotationProblem(parsed: ParsedPolicy, name: string, wanted: string): Problem {
  const seen = JSON.stringify(parsed.policy.annotations.get(name) ?? '');
  return problemAt(parsed.chunk.source, annotationOffset(parsed.chunk, name), `@${name}(${seen}): ${wanted}`);
}

function missing(parsed: ParsedPolicy, name: string, wanted: string): Problem {
  return problemAt(parsed.chunk.source, parsed.chunk.start, `policy without @${name}`, `wanted ${wanted}`);
}
