import type { Socket } from 'node:net';
import type { FromWorker, ToWorker } from './messages.ts';

/** The argument that makes a process a worker; its number follows. */
export const WORKER = 'worker';

const SAY_MS = 1_000;

/** What a worker does for its supervisor. */
export interface WorkerDuties {
  readonly isServing: () => boolean;
  /** Not serving from now on, and still answering. */
  readonly stopServing: () => void;
  /** Its metrics in Prometheus' text format. */
  readonly page: () => Promise<string>;
}

/** A worker's end of the channel to its supervisor. */
export interface WorkerEnd {
  /** Hands over each connection that the supervisor gives this worker. */
  readonly connections: (take: (socket: Socket) => void) => void;
  /** Says that it takes connections from now on, and does what the supervisor asks. */
  start(duties: WorkerDuties): void;
  /** Says that it takes none any more. */
  leave(): void;
  close(): void;
}

/** Which worker of a supervisor this process is; undefined when it is none. */
export function workerNumber(args: readonly string[]): number | undefined {
  return args[2] === WORKER && process.send !== undefined ? Number(args[3]) : undefined;
}

/** Opens this process's end; there is one. The supervisor's death is told by `disconnect`, which ends the process. */
export function openWorkerEnd(): WorkerEnd {
  let take: ((socket: Socket) => void) | undefined;
  let duties: WorkerDuties | undefined;
  let saying: NodeJS.Timeout | undefined;
  let isStopped = false;

  function hear(message: ToWorker, socket: unknown): void {
    if (message.kind === 'connection')
      receive(socket as Socket | undefined); // what the supervisor sends along
    else if (message.kind === 'stopServing') stopServing();
    else duties?.page().then((text) => say({ kind: 'page', id: message.id, text }), ignore); // one that does not come is left out
  }

  function stopServing(): void {
    isStopped = true;
    duties?.stopServing();
    sayTaking();
  }

  function sayTaking(): void {
    if (duties !== undefined) say({ kind: 'taking', isServing: !isStopped && duties.isServing() });
  }

  function receive(socket: Socket | undefined): void {
    if (socket === undefined) return say({ kind: 'closed' });
    socket.once('close', () => say({ kind: 'closed' }));
    if (take === undefined) socket.destroy();
    else take(socket);
  }

  process.on('message', hear);
  return {
    connections: (taker) => {
      take = taker;
    },
    start(given) {
      duties = given;
      saying = setInterval(sayTaking, SAY_MS);
      sayTaking();
    },
    leave() {
      clearInterval(saying);
      say({ kind: 'leaving' });
    },
    close() {
      clearInterval(saying);
      process.off('message', hear);
    },
  };
}

function say(message: FromWorker): void {
  // A supervisor that is gone is told by `disconnect`.
  if (process.connected) process.send?.(message, undefined, undefined, ignore);
}

function ignore(): void {}
