import { readPolicyFolder } from '../../core/policy/files.ts';
import type { ValidatePoliciesResponse } from '../../proto/gen/curfew/grant/v1/policy_service_pb.ts';
import type { Curfew } from '../sdk/index.ts';
import { CliError } from './cli-error.ts';
import { columns, facts } from './columns.ts';
import { problemLines } from './policy-screen.ts';
import { showEntity } from './request-screen.ts';
import type { Terminal } from './terminal.ts';

/** A message may have 1 MiB, and paths and lengths are in it too. */
const MOST_BYTES = 1_000_000;
/** To load a set takes seconds, and ten more are left for looking. */
const EXAMINE_MS = 120_000;

/** Asks a running Curfew what putting the folder in force would do. @throws CliError when it is too large for a message */
export async function askForEffect(curfew: Curfew, folder: string): Promise<ValidatePoliciesResponse> {
  const files = Object.fromEntries(await readPolicyFolder(folder));
  const sizeBytes = Object.entries(files)
    .flat()
    .reduce((sum, text) => sum + Buffer.byteLength(text), 0);
  if (sizeBytes > MOST_BYTES)
    throw new CliError(
      `${folder}: seen ${sizeBytes} bytes of policies, wanted at most ${MOST_BYTES} to ask a service about them`,
      { next: 'check it without --against' },
    );
  return await curfew.services.policies.validatePolicies({ files }, { timeoutMs: EXAMINE_MS });
}

/** Whether it would be put in force. */
export function isAccepted({ problems }: ValidatePoliciesResponse): boolean {
  return problems.length === 0;
}

/** What it would do, for people. */
export function effectLines(effect: ValidatePoliciesResponse, { paint }: Terminal): readonly string[] {
  const { problems, administrator, endingCount, keptCount, unanswerableCount, complete } = effect;
  const counted = (count: number): string => (complete ? String(count) : `${count} or more`);
  const items = effect.unanswerableItems.map(({ requestId, item, workflow, step }) => [
    requestId,
    String(item),
    workflow,
    step === '' ? 'the workflow would not let the subject in' : `nobody could fill step ${step}`,
  ]);
  return [
    ...problems.flatMap((problem) => problemLines(problem)),
    ...grantLines('WOULD END', effect.endingGrants),
    ...grantLines('WOULD GO ON', effect.keptGrants),
    ...columns(['UNANSWERABLE', 'ITEM', 'WORKFLOW', 'WHY'], items),
    isAccepted(effect) ? paint.good('ACCEPTED') : paint.bad('REFUSED'),
    ...facts([
      ['administrator', administrator === undefined ? 'nobody' : showEntity(administrator)],
      ['grants that end', counted(endingCount)],
      ['grants that go on', counted(keptCount)],
      ['unanswerable', counted(unanswerableCount)],
      [
        'examined',
        complete ? 'every live grant and pending request' : 'not every live grant or pending request',
      ],
    ]),
  ];
}

function grantLines(title: string, grants: ValidatePoliciesResponse['endingGrants']): readonly string[] {
  const rows = grants.map(({ id, subject, resource, workflow }) => [
    id,
    showEntity(subject),
    showEntity(resource),
    workflow,
  ]);
  return columns([title, 'HOLDER', 'RESOURCE', 'WORKFLOW'], rows);
}
