import { type CedarInstance, newCedarInstance } from './cedar-instance.ts';

/** Policy texts by id. */
export type PolicyTexts = Readonly<Record<string, string>>;

/** Policies that are asked together. */
export interface AskedSet {
  /** The same for the same policies only. */
  readonly key: string;
  readonly texts: () => PolicyTexts;
}

/** One wasm instance and what it has parsed. */
export interface ServingInstance {
  readonly cedar: CedarInstance;
  /** Which name each prepared set has there, the one asked longest ago first. */
  readonly prepared: Map<string, string>;
  throws: number;
}

/** Two private instances: one serves, the other stands by. */
export interface Instances {
  serving(): ServingInstance;
  /** Puts the spare in the place of an instance that failed, unless that has happened already; a new spare is made in a while. */
  replace(failed: ServingInstance, reason: string): void;
  /** How many were replaced so far. */
  replaced(): number;
}

/** How many sets an instance keeps parsed, each some ten kilobytes. It cannot forget one, so the name of the one asked longest ago is used again. */
const MAX_PREPARED = 1_024;

/** Makes two instances; `onReplaced` is told why one was replaced. */
export function createInstances(onReplaced: (reason: string) => void): Instances {
  const make = (): ServingInstance => ({ cedar: newCedarInstance(), prepared: new Map(), throws: 0 });
  let serving = make();
  let spare: ServingInstance | undefined = make();
  let replaced = 0;
  return {
    serving: () => serving,
    replaced: () => replaced,
    replace(failed, reason) {
      if (failed !== serving) return;
      replaced++;
      serving = spare ?? make();
      spare = undefined;
      setImmediate(() => {
        spare ??= make();
      }).unref();
      onReplaced(reason);
    },
  };
}

/** The name under which an instance has the set parsed. @throws Error when Cedar refuses a policy of it */
export function prepare(serving: ServingInstance, set: AskedSet): string {
  const { cedar, prepared } = serving;
  const known = prepared.get(set.key);
  const [oldest] = prepared;
  const isFull = prepared.size >= MAX_PREPARED;
  const name = known ?? (isFull && oldest !== undefined ? oldest[1] : `set${prepared.size}`);
  if (known === undefined) {
    const answer = cedar.preparsePolicySet(name, { staticPolicies: { ...set.texts() } });
    if (answer.type === 'failure')
      throw new Error(`cedar refuses a policy: ${answer.errors.map((error) => error.message).join('; ')}`);
    // Only now: a set that Cedar refused has left the oldest in its place, and under its name.
    if (isFull && oldest !== undefined) prepared.delete(oldest[0]);
  } else {
    prepared.delete(set.key);
  }
  prepared.set(set.key, name); // last in order: asked just now
  return name;
}
