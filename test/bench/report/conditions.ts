import { availableParallelism, cpus, loadavg, release, type } from 'node:os';

/** What figures depend on. */
export interface Conditions {
  readonly at: string;
  readonly cores: number;
  readonly cpu: string;
  readonly platform: string;
  readonly node: string;
  /** Of the last minute: beyond the number of cores others were at work too. */
  readonly load: string;
}

export function conditionsOf(): Conditions {
  return {
    at: new Date().toISOString(),
    cores: availableParallelism(),
    cpu: cpus()[0]?.model ?? 'unknown',
    platform: `${type()} ${release()}`,
    node: process.versions.node,
    load: (loadavg()[0] ?? 0).toFixed(1),
  };
}
