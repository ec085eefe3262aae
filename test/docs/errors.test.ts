import { fileURLToPath } from 'node:url';
import { expect, test } from 'vitest';
import { type ReasonEntry, reasonCatalogue } from '../../clients/cli/reason-catalogue.ts';

const PAGE = fileURLToPath(new URL('../../docs/errors.md', import.meta.url));

const HEAD = `# Errors

A deny is an answer and no error. What follows are the reasons for which there is no answer; whoever enforces access treats each as a
deny. A reason travels as \`google.rpc.ErrorInfo.reason\` (domain \`curfew\`) beside its gRPC code, bad fields as
\`google.rpc.BadRequest\`. The command line shows the reason in brackets, and \`curfew explain REASON\` says offline what is written here.
`;

test('docs/errors.md says what curfew explain says; npx vitest run test/docs -u writes it anew', async () => {
  const sections = Object.entries(reasonCatalogue).map(([reason, entry]) => section(reason, entry));
  await expect([HEAD, ...sections].join('\n')).toMatchFileSnapshot(PAGE);
});

function section(reason: string, { code, meaning, cause, remedy }: ReasonEntry): string {
  return `## ${reason}

\`${code}\`: ${meaning}.

- **Cause:** ${cause}.
- **What to do:** ${remedy}.
`;
}
