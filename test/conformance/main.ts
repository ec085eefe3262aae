import { runCedarCases } from './cedar-cases.ts';

/** `npm run conformance -- FOLDER` (or CURFEW_CONFORMANCE): exits 1 on a difference or when there is nothing to compare, 2 on wrong use. */
async function main(folder: string | undefined): Promise<number> {
  if (folder === undefined) {
    console.error(
      'usage: npm run conformance -- FOLDER, or CURFEW_CONFORMANCE=FOLDER (Cedar integration tests, or the published corpus)',
    );
    return 2;
  }
  const { files, requests, differences } = await runCedarCases(folder);
  for (const difference of differences) console.log(difference);
  console.log(`${files} files, ${requests} requests, ${differences.length} differences`);
  if (requests === 0) console.error(`no JSON file with requests under ${folder}`);
  return differences.length === 0 && requests > 0 ? 0 : 1;
}

main(process.argv[2] ?? process.env['CURFEW_CONFORMANCE']).then(
  (code) => {
    process.exitCode = code;
  },
  (error: unknown) => {
    console.error(error instanceof Error ? error.message : String(error));
    process.exitCode = 1;
  },
);
