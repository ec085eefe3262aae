import { AccessError } from '../../core/access/access-error.ts';

/** Runs the work unless the same is under way for somebody else. */
type Alone = <T>(work: () => Promise<T>) => Promise<T>;

/**
 * For what takes a thread of its own and all that a processor has.
 * @param does what the service does meanwhile, for the message
 * @throws AccessError (when it is called) TOO_MUCH
 */
export function oneAtATime(does: string, unit: string): Alone {
  let isBusy = false;
  return async (work) => {
    if (isBusy) {
      const message = `this service ${does} for somebody else, one at a time is wanted; call again later`;
      throw new AccessError('TOO_MUCH', message, { metadata: { limit: '1', unit } });
    }
    isBusy = true;
    try {
      return await work();
    } finally {
      isBusy = false;
    }
  };
}
