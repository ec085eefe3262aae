import { describe, expect, it } from 'vitest';
import { type OnClose, opened } from '../../../core/runtime/opened.ts';

/** Opens the names one after the other and notes what is closed. */
function openAll(names: readonly string[], closed: string[]) {
  return async (onClose: OnClose): Promise<{ readonly names: readonly string[] }> => {
    for (const name of names) {
      if (name === 'broken') throw new Error('cannot be opened');
      onClose(async () => {
        await Promise.resolve();
        closed.push(name);
      });
    }
    return { names };
  };
}

describe('what was opened', () => {
  it('is closed in the opposite order, once', async () => {
    const closed: string[] = [];
    const all = await opened(openAll(['a', 'b', 'c'], closed));
    expect(all.names).toEqual(['a', 'b', 'c']);
    await all.close();
    await all.close();
    expect(closed).toEqual(['c', 'b', 'a']);
  });

  it('is closed when what comes after it cannot be opened', async () => {
    const closed: string[] = [];
    await expect(opened(openAll(['a', 'b', 'broken'], closed))).rejects.toThrow('cannot be opened');
    expect(closed).toEqual(['b', 'a']);
  });
});
