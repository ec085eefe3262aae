import type { Grant } from '../../proto/gen/curfew/grant/v1/grant_pb.ts';
import type { Stage } from './stage.ts';

/** The grant, unless it cannot be read now. */
export async function readGrant(stage: Stage, by: string, id: string): Promise<Grant | undefined> {
  try {
    return (await stage.cluster.as(by, stage.random.between(0, 2)).grants.getGrant({ id })).grant;
  } catch {
    return undefined; // the run goes on with another life
  }
}
