import type { MessageInitShape } from '@bufbuild/protobuf';
import { durationFromMs } from '@bufbuild/protobuf/wkt';
import type { TextRule, Workflow } from '../../core/access/workflow.ts';
import type { WorkflowSchema } from '../../proto/gen/curfew/grant/v1/grant_pb.ts';

/** The terms of a workflow. */
export function presentWorkflow(workflow: Workflow): MessageInitShape<typeof WorkflowSchema> {
  const { breakGlass, idleMs, apartMs } = workflow;
  return {
    id: workflow.id,
    title: workflow.title,
    steps: workflow.steps.map((step) => ({ ...step })),
    maxDuration: durationFromMs(workflow.maxMs),
    defaultDuration: durationFromMs(workflow.defaultMs),
    pendingDuration: durationFromMs(workflow.pendingMs),
    startsOnFirstUse: workflow.start === 'first-use',
    claimDuration: durationFromMs(workflow.claimMs),
    ahead: durationFromMs(workflow.aheadMs),
    extensions: workflow.extensions,
    uses: workflow.uses ?? 0,
    ...(idleMs === undefined ? {} : { idle: durationFromMs(idleMs) }),
    ...(breakGlass === undefined
      ? {}
      : { reviewStep: breakGlass.step, reviewWithin: durationFromMs(breakGlass.withinMs) }),
    keepsOnChange: workflow.onChange === 'keep',
    escalations: workflow.escalations.map(({ afterMs, step }) => ({ after: durationFromMs(afterMs), step })),
    reasonRule: ruleText(workflow.reason),
    ticketRule: ruleText(workflow.ticket),
    commentRule: ruleText(workflow.comment),
    ...(apartMs === undefined ? {} : { apart: durationFromMs(apartMs) }),
  };
}

function ruleText(rule: TextRule): string {
  return rule.kind === 'pattern' ? rule.pattern : rule.kind;
}
