import type { TextRule, Workflow } from '../../proto/gen/curfew/grant/v1/grant_pb.ts';

/** What a workflow wants to be told: `reason, ticket like ^CHG-[0-9]+$`; empty when nothing. */
export function wantedTexts({ reasonRule, ticketRule }: Workflow): string {
  return [wanted('reason', reasonRule), wanted('ticket', ticketRule)]
    .filter((text) => text !== '')
    .join(', ');
}

function wanted(name: string, rule: TextRule | undefined): string {
  if (rule === undefined || (!rule.required && rule.pattern === '')) return '';
  return rule.pattern === '' ? name : `${name} like ${rule.pattern}`;
}
