import { formatDuration } from '../access/duration.ts';
import {
  DEFAULT_REVIEW_WITHIN_MS,
  DEFAULT_TERMS,
  type OwedTerms,
  type Workflow,
} from '../access/workflow.ts';
import { AnnotationValues } from './annotation-values.ts';
import { suggest } from './closest.ts';
import { annotationOffset, type ParsedPolicy } from './parse-policy.ts';
import type { Problem } from './problem.ts';
import { problemAt } from './source-text.ts';

/** What a `request` permit may be annotated with. */
export const REQUEST_ANNOTATIONS = [
  'id',
  'title',
  'description',
  'approvals',
  'max',
  'default',
  'rank',
  'pending',
  'start',
  'claim',
  'ahead',
  'extensions',
  'uses',
  'idle',
  'break_glass',
  'review',
  'review_within',
  'reason',
  'ticket',
  'comment',
  'on_change',
  'escalate',
  'apart',
];

/** What an `approve` permit may be annotated with. */
export const APPROVE_ANNOTATIONS = ['id', 'title', 'description', 'step'];
/** Names that every policy may carry. */
const COMMON = new Set(['id', 'title', 'description']);
const WORKFLOW_ONLY = new Set(
  [...REQUEST_ANNOTATIONS, ...APPROVE_ANNOTATIONS].filter((name) => !COMMON.has(name)),
);
const MOST_EXTENSIONS = 100;
const MOST_USES = 1_000_000;
const MOST_RANK = 999_999_999;

/** Reads the annotations of a `request` permit, collecting what is wrong with them. */
export function readWorkflow(parsed: ParsedPolicy, problems: Problem[]): Workflow | undefined {
  const before = problems.length;
  problems.push(...checkNames(parsed, REQUEST_ANNOTATIONS));
  const values = new AnnotationValues(parsed, problems);
  values.require('approvals', '@approvals("owner, security:2"), or @approvals("none")');
  values.require('max', '@max("4h"): the longest that may be asked for');
  const { id, resource } = parsed.policy;
  const steps = values.steps('approvals') ?? [];
  const maxMs = values.duration('max') ?? 0;
  const title = values.text('title') ?? id;
  if (title.trim() === '') values.complain('title', 'wanted some text');
  const defaultMs = values.duration('default') ?? maxMs;
  if (maxMs > 0 && defaultMs > maxMs)
    values.complain('default', `wanted at most @max, ${formatDuration(maxMs)}`);
  const pendingMs = values.duration('pending') ?? DEFAULT_TERMS.pendingMs;
  const workflow: Workflow = {
    id,
    title,
    steps,
    maxMs,
    defaultMs,
    pendingMs,
    rank: values.integer('rank', { least: -MOST_RANK, most: MOST_RANK }) ?? DEFAULT_TERMS.rank,
    reason: values.textRule('reason') ?? DEFAULT_TERMS.reason,
    ticket: values.textRule('ticket') ?? DEFAULT_TERMS.ticket,
    comment: values.textRule('comment') ?? DEFAULT_TERMS.comment,
    start: values.oneOf('start', ['approval', 'first-use']) ?? DEFAULT_TERMS.start,
    claimMs: values.duration('claim') ?? pendingMs,
    aheadMs: values.duration('ahead') ?? DEFAULT_TERMS.aheadMs,
    extensions: values.integer('extensions', { least: 0, most: MOST_EXTENSIONS }) ?? DEFAULT_TERMS.extensions,
    uses: values.integer('uses', { least: 1, most: MOST_USES }),
    idleMs: values.duration('idle'),
    apartMs: values.duration('apart'),
    breakGlass: readBreakGlass(values),
    onChange: values.oneOf('on_change', ['end', 'keep']) ?? DEFAULT_TERMS.onChange,
    escalations: values.escalations('escalate') ?? DEFAULT_TERMS.escalations,
    resourceTypes: resource.kind === 'is' || resource.kind === 'isIn' ? [resource.type] : [],
  };
  checkTogether(values, workflow);
  return problems.length > before ? undefined : workflow;
}

function readBreakGlass(values: AnnotationValues): OwedTerms | undefined {
  const step = values.step('review');
  const withinMs = values.duration('review_within') ?? DEFAULT_REVIEW_WITHIN_MS;
  if (!values.has('break_glass')) {
    for (const name of ['review', 'review_within'])
      if (values.has(name)) values.complain(name, 'wanted only beside @break_glass, whose review it is');
    return undefined;
  }
  // Cedar reads an annotation without a value as the empty text.
  if (!['', 'true'].includes(values.text('break_glass') ?? ''))
    values.complain('break_glass', 'wanted no value');
  values.require('review', '@review("security"): the step that must look at each use of break-glass');
  return step === undefined ? undefined : { step, withinMs };
}

/** What annotations say must fit together: one that has no effect promises something that nobody keeps. */
function checkTogether(values: AnnotationValues, workflow: Workflow): void {
  const isFirstUse = workflow.start === 'first-use';
  if (values.has('claim') && !isFirstUse) values.complain('claim', 'wanted only beside @start("first-use")');
  if (values.has('ahead') && isFirstUse)
    values.complain(
      'ahead',
      'wanted without @start("first-use"): a grant that waits for its use has no fixed start',
    );
  if (values.has('escalate') && workflow.steps.length === 0)
    values.complain('escalate', 'wanted steps in @approvals for which others could stand in');
  if (values.has('apart') && workflow.steps.length === 0)
    values.complain('apart', 'wanted steps in @approvals, whose reviewers it keeps apart');
  if (!values.has('break_glass')) return;
  if (workflow.steps.length > 0)
    values.complain(
      'approvals',
      'wanted "none" beside @break_glass: it is given at once and reviewed afterwards',
    );
  if (isFirstUse) values.complain('start', 'wanted "approval" beside @break_glass: it is given at once');
  if (values.has('ahead'))
    values.complain('ahead', 'wanted nothing beside @break_glass: it is given at once');
  if (workflow.reason.kind === 'optional')
    values.complain('reason', 'wanted "required" or a pattern beside @break_glass: the review needs it');
}

/** Reads the `@step` of an `approve` permit, collecting what is wrong with its annotations. */
export function readStep(parsed: ParsedPolicy, problems: Problem[]): string | undefined {
  problems.push(...checkNames(parsed, APPROVE_ANNOTATIONS));
  const values = new AnnotationValues(parsed, problems);
  values.require('step', '@step("owner"): the step that whoever it permits may fill');
  return values.step('step');
}

/** Steps that workflows ask for and no `approve` permit fills: their requests could never be answered. */
export function checkStepsFilled(
  workflows: readonly { readonly parsed: ParsedPolicy; readonly workflow: Workflow }[],
  filled: readonly string[],
): Problem[] {
  const problems: Problem[] = [];
  for (const { parsed, workflow } of workflows) {
    const { steps, breakGlass, escalations } = workflow;
    const named = [
      ...steps.map(({ name }) => ({ annotation: 'approvals', step: name })),
      ...escalations.map(({ step }) => ({ annotation: 'escalate', step })),
      ...(breakGlass === undefined ? [] : [{ annotation: 'review', step: breakGlass.step }]),
    ];
    for (const { annotation, step } of named.filter((it) => !filled.includes(it.step))) {
      const message = `no approve permit has @step("${step}"), so nobody could fill it`;
      const offset = annotationOffset(parsed.chunk, annotation);
      problems.push(problemAt(parsed.chunk.source, offset, message, suggest(step, [...new Set(filled)])));
    }
  }
  return problems;
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
      const of = isRequest ? 'a request permit' : 'an approve permit';
      return problemAt(parsed.chunk.source, offset, `@${name} means nothing on ${of}`, suggest(name, known));
    });
}
