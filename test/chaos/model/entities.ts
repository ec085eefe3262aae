import type { EntityUid } from '../../../core/access/entity.ts';

export const MINUTE_MS = 60_000;

export const robot: EntityUid = { type: 'Service', id: 'robot' };
export const user = (id: string): EntityUid => ({ type: 'User', id });
export const action = (id: string): EntityUid => ({ type: 'Action', id });
