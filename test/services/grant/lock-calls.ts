import type { Lock } from '../../../proto/gen/curfew/grant/v1/lock_service_pb.ts';
import type { Stack } from '../../support/stack.ts';

export const user = (id: string) => ({ type: 'User', id });
export const group = (id: string) => ({ type: 'Group', id });
export const environment = (id: string) => ({ type: 'Environment', id });

/** What to lock: exactly one of them. */
export interface Target {
  readonly entity?: { readonly type: string; readonly id: string };
  readonly grantId?: string;
  readonly everything?: true;
}

/** Locks as somebody of security unless said, and hands back the lock, which must be there, with its revision. */
export async function locked(
  stack: Stack,
  target: Target,
  { who = 'dee', seconds }: { readonly who?: string; readonly seconds?: number } = {},
): Promise<Lock & { readonly revision: bigint }> {
  const client = await stack.as(who);
  const { lock, revision } = await client.services.locks.createLock({
    ...target,
    reason: 'an incident',
    ...(seconds === undefined ? {} : { duration: { seconds: BigInt(seconds) } }),
  });
  if (lock === undefined) throw new Error('no lock in the answer');
  return { ...lock, revision };
}

/** Lifts as an administrator unless said. */
export async function lifted(stack: Stack, id: string, who = 'root'): Promise<bigint> {
  const client = await stack.as(who);
  const { revision } = await client.services.locks.deleteLock({ id, reason: 'it is over' });
  return revision;
}

/** Runs the work while the target is locked, by somebody of security, and lifts it as an administrator, unless said. */
export async function whileLocked(
  stack: Stack,
  target: Target,
  work: () => Promise<void>,
  { locker = 'dee', lifter = 'root' }: { readonly locker?: string; readonly lifter?: string } = {},
): Promise<void> {
  const lock = await locked(stack, target, { who: locker });
  try {
    await work();
  } finally {
    await lifted(stack, lock.id, lifter);
  }
}
