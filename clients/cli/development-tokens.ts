import { readFileSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { CliError } from './cli-error.ts';
import { exitCode } from './exit-code.ts';

const place = join('.curfew', 'tokens.json');
const namesShown = 40;

/**
 * The token of a person or service of a development Curfew, from the nearest `.curfew/tokens.json` at or above the folder.
 *
 * @throws CliError when there is no such file or nobody of that name in it
 */
export function developmentToken(name: string, cwd: string): string {
  const file = readNearest(cwd);
  if (file === undefined)
    throw new CliError(`--as ${name}: there is no ${place} in ${cwd} or above it`, {
      next: 'start a development Curfew there with npm start, or use --token-file or CURFEW_TOKEN_FILE',
    });
  const tokens = readTokens(file);
  const token = tokens.get(name);
  if (token !== undefined) return token;
  const names = [...tokens.keys()].toSorted();
  const more = names.length > namesShown ? ` and ${names.length - namesShown} more` : '';
  throw new CliError(
    `--as: seen ${JSON.stringify(name)}, wanted one of ${names.slice(0, namesShown).join(', ')}${more}`,
    { exitCode: exitCode.usage, next: `take one of the names in ${file.path}` },
  );
}

/** The file that `--as` takes tokens from, as seen from the folder; undefined when there is none. @throws CliError when it cannot be read */
export function developmentTokensPath(cwd: string): string | undefined {
  return readNearest(cwd)?.path;
}

interface TokensFile {
  readonly path: string;
  readonly content: string;
}

function readNearest(folder: string): TokensFile | undefined {
  const path = join(folder, place);
  try {
    return { path, content: readFileSync(path, 'utf8') };
  } catch (cause) {
    const code = cause instanceof Error && 'code' in cause ? cause.code : undefined;
    if (code !== 'ENOENT' && code !== 'ENOTDIR')
      throw new CliError(`cannot read ${path}: ${cause instanceof Error ? cause.message : String(cause)}`, {
        cause,
        next: 'only the user who ran npm start may read it',
      });
  }
  const parent = dirname(folder);
  return parent === folder ? undefined : readNearest(parent);
}

function readTokens({ path, content }: TokensFile): ReadonlyMap<string, string> {
  const broken = `${path}: wanted a JSON object of tokens by name`;
  const next = 'npm start writes it anew';
  let json: unknown;
  try {
    json = JSON.parse(content);
  } catch (cause) {
    throw new CliError(broken, { cause, next });
  }
  if (typeof json !== 'object' || json === null || Array.isArray(json)) throw new CliError(broken, { next });
  const entries = Object.entries(json).map(([name, token]: [string, unknown]): [string, string] => {
    if (typeof token !== 'string') throw new CliError(broken, { next });
    return [name, token];
  });
  return new Map(entries);
}
