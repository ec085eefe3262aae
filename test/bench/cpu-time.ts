import { readFile } from 'node:fs/promises';

const TICKS_PER_SECOND = 100;

/** Milliseconds of processor time that a process has used, whatever else the machine was doing. */
export async function cpuTimeMs(pid: number | undefined): Promise<number> {
  const stat = await readFile(`/proc/${pid}/stat`, 'utf8');
  // The name in brackets may hold anything; user and system time are the 12th and 13th field behind it.
  const fields = stat.slice(stat.lastIndexOf(')') + 2).split(' ');
  return ((Number(fields[11]) + Number(fields[12])) * 1_000) / TICKS_PER_SECOND;
}

/** Milliseconds that a process's main thread could have run and had no core: what a busy machine adds to all that it does. */
export async function coreWaitMs(pid: number | undefined): Promise<number> {
  const [, waitedNs] = (await readFile(`/proc/${pid}/schedstat`, 'utf8')).split(' ');
  return Number(waitedNs) / 1e6;
}
