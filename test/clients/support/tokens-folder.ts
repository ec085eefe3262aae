import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { onTestFinished } from 'vitest';

/** A folder with a development Curfew's tokens, and with a folder `deep/down` in it; gone after the test. */
export function tokensFolder(tokens: unknown): string {
  const folder = mkdtempSync(join(tmpdir(), 'curfew-cli-'));
  onTestFinished(() => rmSync(folder, { recursive: true }));
  mkdirSync(join(folder, '.curfew'));
  mkdirSync(join(folder, 'deep', 'down'), { recursive: true });
  writeFileSync(join(folder, '.curfew', 'tokens.json'), JSON.stringify(tokens));
  return folder;
}
