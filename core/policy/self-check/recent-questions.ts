import { type Entity, type EntityUid, uidKey } from '../../access/entity.ts';
import type { AskedQuestion } from '../engine.ts';
import type { EntityLookup } from '../entity-closure.ts';
import type { Phase } from '../policy-set.ts';
import type { PlacedQuestion } from './made-questions.ts';
import { uidsIn } from './made-values.ts';
import { withoutCycles } from './without-cycles.ts';

/** A question that this process was asked before. */
export interface AskedBefore extends PlacedQuestion {
  readonly phase: Phase;
}

/** How many questions are remembered, the same one as often as it comes. */
const REMEMBERED = 256;
/** How many different ones of them are asked again. */
const ASKED_AGAIN = 50;
/** Entities around one question. */
const MAX_ENTITIES = 60;

/** The questions that engines of this process were asked last. They stay in its memory, and nothing of them is written anywhere. */
export class RecentQuestions {
  readonly #ring: { readonly phase: Phase; readonly question: AskedQuestion }[] = [];
  #next = 0;

  /** Remembers a question; costs next to nothing, for every question comes by here. */
  readonly note = (phase: Phase, question: AskedQuestion): void => {
    this.#ring[this.#next % REMEMBERED] = { phase, question };
    this.#next += 1;
  };

  /** The last different ones, each with what surrounds it in the directory of now. */
  distinct(lookup: EntityLookup): readonly AskedBefore[] {
    const last = new Map<string, AskedBefore>();
    for (let back = 1; back <= this.#ring.length && last.size < ASKED_AGAIN; back += 1) {
      const asked = this.#ring[(this.#next - back) % REMEMBERED];
      if (asked === undefined) break;
      const { phase, question } = asked;
      const key = keyOf(phase, question);
      if (!last.has(key)) last.set(key, { phase, ...placed(question, lookup) });
    }
    return [...last.values()];
  }
}

/** By what slices are found by. */
function keyOf(phase: Phase, { principal, action, resource, context }: AskedQuestion): string {
  return JSON.stringify([phase, ...[principal, action, resource].map(uidKey), [...context.keys()]]);
}

function placed({ entities, ...question }: AskedQuestion, lookup: EntityLookup): PlacedQuestion {
  const sent = new Map(entities.map((entity) => [uidKey(entity.uid), entity]));
  const world = new Map<string, Entity>();
  const wanted: EntityUid[] = [question.principal, question.resource, ...uidsIn(question.context)];
  for (const uid of wanted) {
    const key = uidKey(uid);
    const entity = world.has(key) ? undefined : (lookup(uid) ?? sent.get(key));
    if (entity === undefined) continue;
    if (world.size >= MAX_ENTITIES) break;
    world.set(key, entity);
    wanted.push(...entity.parents, ...uidsIn(entity.attributes), ...uidsIn(entity.tags)); // grows while it is walked
  }
  return { question, world: withoutCycles([...world.values()]) };
}
