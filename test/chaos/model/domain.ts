import { cp, mkdtemp, readFile, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { LIFE } from '../../support/stack.ts';

/** Lifts what the model's people cannot. */
export const WARDEN = 'warden';
const WARDEN_LIFTS = `
@id("warden-lifts") permit (principal == User::"${WARDEN}", action == Curfew::Action::"unlock", resource);
`;

/** What an owner may do without a grant. */
export const STANDING_PERMIT = `
@id("owners-write-little") permit (principal is User, action == Action::"write", resource)
when { resource.owners.contains(principal) && context has rows && context.rows < 10 };
`;
const WRITE_NEEDS_MFA = `
@id("write-needs-mfa") forbid (principal, action == Action::"write", resource) unless { context has mfa && context.mfa };
`;

/** A copy of the policies of the domain in which no time passes by itself, with somebody who lifts every lock. */
export async function copyDomain(): Promise<string> {
  const folder = await mkdtemp(join(tmpdir(), 'curfew-model-'));
  await cp(LIFE, folder, { recursive: true });
  await change(join(folder, 'workflows/workflows.cedar'), (text) =>
    text
      .replace('@review_within("3s")', '@review_within("5m")')
      .replace('@escalate("2s: security")', '@escalate("5m: security")')
      .replace('@uses("5")', '@uses("2")')
      .replace('@idle("2s")', '@idle("20m")')
      .concat(WARDEN_LIFTS),
  );
  await change(join(folder, 'access/access.cedar'), (text) => text.concat(STANDING_PERMIT));
  await change(join(folder, 'guardrails/guardrails.cedar'), (text) => text.concat(WRITE_NEEDS_MFA));
  const warden = { uid: { type: 'User', id: WARDEN }, attrs: {}, parents: [] };
  await change(join(folder, 'directory.json'), (text) => JSON.stringify([...JSON.parse(text), warden]));
  return folder;
}

async function change(file: string, to: (text: string) => string): Promise<void> {
  await writeFile(file, to(await readFile(file, 'utf8')));
}
