import type { Entity } from '../../proto/gen/curfew/type/v1/entity_pb.ts';
import { type Curfew, CurfewError, type EntityName } from '../sdk/index.ts';

/** The directory's entity of whoever the credentials are. @throws CurfewError */
export async function callerEntity({ services }: Curfew): Promise<Entity> {
  const { entity } = await services.directory.getEntity({});
  if (entity === undefined) throw new CurfewError('INTERNAL', 'the service named no caller');
  return entity;
}

/** The name of whoever the credentials are. @throws CurfewError */
export async function callerName(curfew: Curfew): Promise<EntityName> {
  const { uid } = await callerEntity(curfew);
  if (uid === undefined) throw new CurfewError('INTERNAL', 'the service named no caller');
  return { type: uid.type, id: uid.id };
}
