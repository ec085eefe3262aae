/** Registers what to close; the last registered is closed first. */
export type OnClose = (close: () => Promise<void> | void) => void;

/**
 * Opens things one after the other and gives them a common end; when opening fails half way, what is open is closed. What
 * AsyncDisposableStack does on newer Nodes than the oldest that we run on.
 */
export async function opened<T extends object>(
  open: (onClose: OnClose) => Promise<T>,
): Promise<T & { close(): Promise<void> }> {
  const closers: (() => Promise<void> | void)[] = [];
  const close = async (): Promise<void> => {
    for (let next = closers.pop(); next !== undefined; next = closers.pop()) await next();
  };
  try {
    return { ...(await open((closer) => void closers.push(closer))), close };
  } catch (error) {
    await close();
    throw error;
  }
}
