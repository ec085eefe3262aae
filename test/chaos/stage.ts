import type { Cluster } from './cluster.ts';
import type { History } from './history.ts';
import type { Random } from './random.ts';

/** What the people of a run share. */
export interface Stage {
  readonly cluster: Cluster;
  readonly history: History;
  readonly random: Random;
  readonly signal: AbortSignal;
}
