import { RecentMap } from '../access/recent-map.ts';
import type { EntityReads } from './entity-reads.ts';
import type { EngineQuestion, RawEvaluation } from './evaluator.ts';
import { keyOfEntity, keyOfFields, keyOfList, keyOfText, keyOfUid } from './exact-key.ts';
import type { Slice } from './slices.ts';
import { type Entity, type EntityUid, sameUid } from '../access/entity.ts';

/** What is asked of a set of conditions, with nothing in it but what they read. */
export interface AskedOnce extends Pick<Slice, 'set' | 'contextReads' | 'entityReads'> {
  readonly question: EngineQuestion & { readonly entities: readonly Entity[] };
}

/** Answers of Cedar to questions in which conditions see the same. */
export interface KeptAnswers {
  /** The answer, asked for once; what erred or failed is asked for again. */
  once(asked: AskedOnce, ask: () => RawEvaluation): RawEvaluation;
}

const MOST_KEPT = 10_000;
/** Characters of a question; longer ones are asked each time. */
const MOST_CHARACTERS = 1_000;

/**
 * Makes Cedar answer each question once. People of one level who ask about databases of one class are one question to conditions that read
 * level and class: what Cedar cannot see cannot change what it says, and to ask it costs ten times what it takes to look here.
 */
export function createKeptAnswers(): KeptAnswers {
  const kept = new RecentMap<RawEvaluation>(MOST_KEPT);
  return {
    once(asked, ask) {
      const key = mayComeAgain(asked) ? keyOf(asked) : '';
      if (key === '' || key.length > MOST_CHARACTERS) return ask();
      const found = kept.get(key);
      if (found !== undefined) return found;
      const answer = ask();
      // The texts of errors name entities.
      if (answer.kind === 'answer' && answer.errors.length === 0) kept.set(key, answer);
      return answer;
    },
  };
}

/** No instant comes again. */
function mayComeAgain({ contextReads }: AskedOnce): boolean {
  return contextReads !== 'whole' && !contextReads.has('now');
}

/** All that the conditions can see. What nothing looks at of principal and resource but attributes is left out: what they are called. */
function keyOf({ set, question, entityReads }: AskedOnce): string {
  const { principal, action, resource, context, entities } = question;
  const isNamed = { principal: isSeen('principal', entityReads), resource: isSeen('resource', entityReads) };
  const nameOf = (uid: EntityUid, isSeenAs: boolean): string =>
    isSeenAs ? keyOfUid(uid) : keyOfText(uid.type);
  const entityKey = (entity: Entity): string => {
    const { uid } = entity;
    if (!isNamed.principal && uid === principal) return `p${keyOfRest(entity)}`;
    if (!isNamed.resource && uid === resource) return `r${keyOfRest(entity)}`;
    return keyOfEntity(entity);
  };
  const both = `${nameOf(principal, isNamed.principal)}${nameOf(resource, isNamed.resource)}`;
  const asked = `${both}${sameUid(principal, resource) ? '=' : '/'}${keyOfUid(action)}`;
  return `${keyOfText(set.key)}${asked}${keyOfFields(context)}${keyOfList(entities, entityKey)}`;
}

function keyOfRest({ attributes, parents, tags }: Entity): string {
  return `${keyOfFields(attributes)}${keyOfList(parents, keyOfUid)}${keyOfFields(tags)}`;
}

/** Whether its uid can be seen: by itself, or because attributes of others may lead to it. */
function isSeen(variable: 'principal' | 'resource', { identities, others }: EntityReads): boolean {
  return others || identities.has(variable);
}
