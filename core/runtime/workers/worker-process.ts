import { type ChildProcess, fork } from 'node:child_process';
import type { Socket } from 'node:net';
import type { Logger } from '../log.ts';
import type { FromWorker, ToWorker } from './messages.ts';
import { WORKER } from './worker-end.ts';

export interface WorkerOptions {
  /** The file that the process runs. */
  readonly main: string;
  /** From 1; one that replaces another has its number. */
  readonly number: number;
  readonly logger: Logger;
  readonly onTaking: () => void;
  /** @param how it ended, for people */
  readonly onExit: (how: string) => void;
}

const LOOK_MS = 1_000;
/** Looks without a word after which it is given nothing while others are there. */
const SILENT_LOOKS = 3;
/** Looks without a word after which it is taken for hung and killed. */
const HUNG_LOOKS = 30;
/** How long the page of all waits for one worker: one that hangs leaves its own figures out, not those of the others. */
const PAGE_MS = 2_000;
/** Less than `runService` waits for all to be closed. */
const STOP_MS = 6_500;

/** A worker as its supervisor sees it: a process of its own, from its start to its end. */
export class WorkerProcess {
  readonly number: number;
  readonly #options: WorkerOptions;
  readonly #child: ChildProcess;
  readonly #gone = Promise.withResolvers<void>();
  readonly #pages = new Map<number, (text: string) => void>();
  readonly #looking: NodeJS.Timeout;
  #state: 'starting' | 'taking' | 'leaving' | 'gone' = 'starting';
  #saidServing = false;
  #connections = 0;
  #silentLooks = 0;
  #lastPage = 0;

  constructor(options: WorkerOptions) {
    this.number = options.number;
    this.#options = options;
    this.#child = fork(options.main, [WORKER, String(options.number)], {
      // The end of the channel tells it that this process has gone.
      env: { ...process.env, CURFEW_EXIT_WITH_PARENT: '0' },
      stdio: ['ignore', 'inherit', 'inherit', 'ipc'],
    });
    this.#child.on('message', (message: FromWorker) => this.#hear(message));
    this.#child.once('exit', (code, signal) => this.#end(signal ?? `exit code ${code}`));
    this.#child.on('error', (error) => this.#child.pid === undefined && this.#end(error.message));
    this.#looking = setInterval(() => this.#look(), LOOK_MS);
  }

  /** Whether it is to be given connections. */
  get isTaking(): boolean {
    return this.#state === 'taking';
  }

  /** Whether it said so within the last seconds. */
  get isServing(): boolean {
    return this.isTaking && this.#saidServing && this.#silentLooks < SILENT_LOOKS;
  }

  /** Those it was given and has not lost. */
  get connections(): number {
    return this.#connections;
  }

  give(socket: Socket): void {
    this.#connections += 1;
    this.#tell({ kind: 'connection' }, socket);
  }

  /** Its metrics; undefined when it does not answer in time. */
  async page(): Promise<string | undefined> {
    this.#lastPage += 1;
    const id = this.#lastPage;
    const { promise, resolve } = Promise.withResolvers<string | undefined>();
    const timer = setTimeout(() => resolve(undefined), PAGE_MS);
    this.#pages.set(id, resolve);
    this.#tell({ kind: 'page', id });
    const text = await promise;
    clearTimeout(timer);
    this.#pages.delete(id);
    return text;
  }

  stopServing(): void {
    this.#tell({ kind: 'stopServing' });
  }

  /** Resolves when it is gone. */
  async stop(): Promise<void> {
    this.#child.kill('SIGINT'); // without the wait of SIGTERM, which is over
    const timer = setTimeout(() => this.#child.kill('SIGKILL'), STOP_MS);
    await this.#gone.promise;
    clearTimeout(timer);
  }

  #hear(message: FromWorker): void {
    this.#silentLooks = 0;
    if (message.kind === 'closed') this.#connections -= 1;
    else if (message.kind === 'page') this.#pages.get(message.id)?.(message.text);
    else if (message.kind === 'leaving') this.#state = 'leaving';
    else this.#takes(message.isServing);
  }

  #takes(isServing: boolean): void {
    this.#saidServing = isServing;
    if (this.#state !== 'starting') return;
    this.#state = 'taking';
    this.#options.onTaking();
  }

  /** Looks are counted, not time: whoever stops the whole machine for a while stops the worker as well. */
  #look(): void {
    this.#silentLooks += 1;
    if (!this.isTaking || this.#silentLooks !== HUNG_LOOKS) return;
    const message = `worker ${this.number} has said nothing for ${HUNG_LOOKS} s: it is killed`;
    this.#options.logger.error({ worker: this.number }, message);
    this.#child.kill('SIGKILL');
  }

  #end(how: string): void {
    if (this.#state === 'gone') return;
    this.#state = 'gone';
    clearInterval(this.#looking);
    this.#gone.resolve();
    this.#options.onExit(how);
  }

  #tell(message: ToWorker, socket?: Socket): void {
    if (!this.#child.connected) socket?.destroy();
    else this.#child.send(message, socket, (error) => void (error !== null && socket?.destroy()));
  }
}
