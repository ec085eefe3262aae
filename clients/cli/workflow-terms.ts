import type { Workflow } from '../../proto/gen/curfew/grant/v1/grant_pb.ts';

/** What a workflow wants to be told: `reason, ticket like ^CHG-[0-9]+$`; empty when nothing. */
export function wantedTexts({ reasonRule, ticketRule }: Workflow): string {
  return [wanted('reason', reasonRule), wanted('ticket', ticketRule)]
    .filter((text) => text !== '')
    .join(', ');
}

function wanted(name: string, rule: string): string {
  if (rule === 'optional' || rule === '') return '';
  return rule === 'required' ? name : `${name} like ${rule}`;
}
