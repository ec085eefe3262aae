import { about, type Check } from './check.ts';

type Version = readonly [major: number, minor: number, patch: number];

/** Below it TypeScript does not run as it is, and on 20 V8 crashes inside Cedar. */
const floor: Version = [22, 18, 0];
/** The releases with the last known holes closed, by line; a line that is not here has ended, or is newer than this list. */
const secureReleases: readonly Version[] = [
  [22, 23, 2],
  [24, 21, 0],
];

/** Whether this Node runs Curfew, and is one without known holes. @param version `process.versions.node` */
export function checkNodeVersion(version: string): Check {
  const say = about('node');
  const own = parse(version);
  const next = `install Node.js ${secureReleases.map(show).join(' or ')}, or newer`;
  if (isBefore(own, floor))
    return say('failure', `Node.js ${version}, at least ${show(floor)} is wanted`, next);
  const newest = secureReleases.at(-1) ?? floor;
  const secure = secureReleases.find(([major]) => major === own[0]) ?? newest;
  if (isBefore(own, secure))
    return say('warning', `Node.js ${version} has known security holes, closed in ${show(secure)}`, next);
  return say('ok', `Node.js ${version}`);
}

function parse(version: string): Version {
  const [major = 0, minor = 0, patch = 0] = version.split('.').map((part) => Number.parseInt(part, 10));
  return [major, minor, patch];
}

function isBefore(one: Version, other: Version): boolean {
  const difference = one.map((part, index) => part - (other[index] ?? 0)).find((part) => part !== 0);
  return difference !== undefined && difference < 0;
}

function show(version: Version): string {
  return version.join('.');
}
