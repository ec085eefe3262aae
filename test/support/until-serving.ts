import { setTimeout as delay } from 'node:timers/promises';

/**
 * Waits until another process answers its health page with 200, for as long as it lives. Nothing tells of that, so it is asked.
 * @throws Error with what `whyNot` says, when that is anything
 */
export async function untilServing(url: string, whyNot: () => Promise<string | undefined>): Promise<void> {
  const isServing = async (): Promise<boolean> =>
    await fetch(url).then(
      ({ status }) => status === 200,
      () => false,
    );
  while (!(await isServing())) {
    const why = await whyNot();
    if (why !== undefined) throw new Error(`${url} does not serve: ${why}`);
    await delay(25);
  }
}
