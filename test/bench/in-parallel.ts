/** Does the work for each, so many at a time, in order. */
export async function inParallel<T>(
  atOnce: number,
  all: readonly T[],
  work: (each: T, index: number) => Promise<void>,
): Promise<void> {
  let next = 0;
  await Promise.all(
    Array.from({ length: atOnce }, async () => {
      for (let index = next++; index < all.length; index = next++) {
        const each = all[index];
        if (each !== undefined) await work(each, index);
      }
    }),
  );
}
