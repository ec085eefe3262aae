import type { Requestable, RequestableAction } from '../../proto/gen/curfew/grant/v1/grant_service_pb.ts';
import { columns } from './columns.ts';
import { showDuration } from './duration.ts';
import { showActions, showEntity } from './request-screen.ts';
import { wantedTexts } from './workflow-terms.ts';

const HEAD = ['RESOURCE', 'ACTION', 'WORKFLOW', 'FOR', 'UP TO', 'STEPS', 'WANTS'];

/** What could be asked for: a line for each action and each workflow that it could go by, the one that would be used first. */
export function requestableTable(resources: readonly Requestable[]): readonly string[] {
  return columns(
    HEAD,
    resources.flatMap((each) => each.actions.flatMap((action) => linesOf(each, action))),
  );
}

function linesOf(
  { resource, name }: Requestable,
  { action, workflows }: RequestableAction,
): readonly string[][] {
  const shown = name === '' ? showEntity(resource) : `${showEntity(resource)} (${name})`;
  return workflows.map((workflow, index) => [
    index === 0 ? shown : '',
    index === 0 ? showActions(action === undefined ? [] : [action]) : '',
    index === 0 ? workflow.id : `or ${workflow.id}`,
    showDuration(workflow.defaultDuration),
    showDuration(workflow.maxDuration),
    workflow.steps.map((step) => (step.seats === 1 ? step.name : `${step.name}:${step.seats}`)).join(', ') ||
      'nobody need approve',
    wantedTexts(workflow),
  ]);
}
