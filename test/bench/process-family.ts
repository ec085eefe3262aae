import { readdir, readFile } from 'node:fs/promises';
import { cpuTimeMs } from './cpu-time.ts';

/** Milliseconds of processor time that a process and its children have used. */
export async function familyCpuMs(pid: number | undefined): Promise<number> {
  const times = await Promise.all((await familyOf(pid)).map((each) => cpuTimeMs(each)));
  return times.reduce((sum, each) => sum + each, 0);
}

/** Bytes of memory that a process and its children hold. */
export async function familyRssBytes(pid: number | undefined): Promise<number> {
  const sizes = await Promise.all((await familyOf(pid)).map(rssBytes));
  return sizes.reduce((sum, each) => sum + each, 0);
}

async function familyOf(pid: number | undefined): Promise<readonly number[]> {
  if (pid === undefined) return [];
  const pids = (await readdir('/proc')).filter((name) => /^\d+$/.test(name)).map(Number);
  const parents = await Promise.all(pids.map(async (each) => [each, await parentOf(each)] as const));
  const family = [pid];
  // grows while it is walked
  for (const member of family)
    family.push(...parents.filter(([, parent]) => parent === member).map(([each]) => each));
  return family;
}

async function parentOf(pid: number): Promise<number | undefined> {
  const stat = await readFile(`/proc/${pid}/stat`, 'utf8').catch(() => ''); // it may have ended
  // The name in brackets may hold anything; the parent is the second field behind it.
  const parent = stat.slice(stat.lastIndexOf(')') + 2).split(' ')[1];
  return parent === undefined ? undefined : Number(parent);
}

async function rssBytes(pid: number): Promise<number> {
  const status = await readFile(`/proc/${pid}/status`, 'utf8');
  return Number(/^VmRSS:\s+(\d+) kB$/m.exec(status)?.[1] ?? 0) * 1_024;
}
