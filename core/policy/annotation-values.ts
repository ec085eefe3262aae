import { parseDuration } from '../access/duration.ts';
import { type Escalation, isPattern, type Step, type TextRule } from '../access/workflow.ts';
import { annotationOffset, type ParsedPolicy } from './parse-policy.ts';
import type { Problem } from './problem.ts';
import { problemAt } from './source-text.ts';

const STEP = /^[A-Za-z][A-Za-z0-9_-]{0,63}$/;
const SEATED_STEP = /^([^:\s]+)(?:\s*:\s*(\d{1,3}))?$/;
const MAX_SEATS = 20;
const MAX_STEPS = 20;
/** A hundred years: far below what instants can hold, far above what anybody means. */
const MAX_SPAN_MS = 36_500 * 86_400_000;
const INTEGER = /^-?\d{1,9}$/;
const ESCALATION = /^(\S+)\s*:\s*(\S+)$/;

/** Reads the values of one policy's annotations, collecting what is wrong with them. Each is undefined when it is not there, or wrong. */
export class AnnotationValues {
  readonly #parsed: ParsedPolicy;
  readonly #problems: Problem[];

  constructor(parsed: ParsedPolicy, problems: Problem[]) {
    this.#parsed = parsed;
    this.#problems = problems;
  }

  has(name: string): boolean {
    return this.#parsed.policy.annotations.has(name);
  }

  text(name: string): string | undefined {
    return this.#parsed.policy.annotations.get(name);
  }

  /** Complains about a value: `wanted …`. */
  complain(name: string, wanted: string): undefined {
    const { chunk } = this.#parsed;
    const message = `@${name}(${JSON.stringify(this.text(name) ?? '')}): ${wanted}`;
    this.#problems.push(problemAt(chunk.source, annotationOffset(chunk, name), message));
  }

  /** Complains that one is not there. */
  require(name: string, wanted: string): void {
    if (this.has(name)) return;
    const { chunk } = this.#parsed;
    this.#problems.push(problemAt(chunk.source, chunk.start, `policy without @${name}`, `wanted ${wanted}`));
  }

  /** More than 0, in milliseconds. */
  duration(name: string): number | undefined {
    const text = this.text(name);
    if (text === undefined) return undefined;
    const ms = parseDuration(text);
    if (ms !== undefined && ms > 0 && ms <= MAX_SPAN_MS) return ms;
    return this.complain(
      name,
      ms === undefined ? 'wanted a Cedar duration such as "1h30m"' : 'wanted more than 0 and at most 36500d',
    );
  }

  integer(
    name: string,
    { least, most }: { readonly least: number; readonly most: number },
  ): number | undefined {
    const text = this.text(name);
    if (text === undefined) return undefined;
    const value = INTEGER.test(text) ? Number(text) : Number.NaN;
    if (value >= least && value <= most) return value;
    return this.complain(name, `wanted an integer from ${least} to ${most}`);
  }

  oneOf<T extends string>(name: string, choices: readonly T[]): T | undefined {
    const text = this.text(name);
    if (text === undefined) return undefined;
    const found = choices.find((choice) => choice === text);
    if (found !== undefined) return found;
    return this.complain(name, `wanted ${choices.map((choice) => JSON.stringify(choice)).join(' or ')}`);
  }

  textRule(name: string): TextRule | undefined {
    const text = this.text(name);
    if (text === undefined) return undefined;
    if (text === 'required' || text === 'optional') return { kind: text };
    if (text !== '' && isPattern(text)) return { kind: 'pattern', pattern: text };
    return this.complain(name, 'wanted "required", "optional" or a regular expression (RE2)');
  }

  step(name: string): string | undefined {
    const text = this.text(name);
    if (text === undefined || isStep(text)) return text;
    return this.complain(name, 'wanted a name of letters, digits, - and _ other than "none"');
  }

  /** `"owner:2, security"`; none for `"none"`. */
  steps(name: string): readonly Step[] | undefined {
    const text = this.text(name);
    if (text === undefined) return undefined;
    if (text.trim() === 'none') return [];
    const steps: Step[] = [];
    for (const part of text.split(',')) {
      const [, step = '', seatsText = '1'] = SEATED_STEP.exec(part.trim()) ?? [];
      const seats = Number(seatsText);
      if (!isStep(step))
        return this.complain(
          name,
          `step ${JSON.stringify(part.trim())}, wanted a name or name:seats, or "none" alone`,
        );
      if (seats < 1 || seats > MAX_SEATS)
        return this.complain(name, `step "${step}" with ${seats} seats, wanted 1 to ${MAX_SEATS}`);
      if (steps.some((other) => other.name === step))
        return this.complain(name, `step "${step}" is listed twice, wanted "${step}:2" for two seats`);
      steps.push({ name: step, seats });
    }
    if (steps.length <= MAX_STEPS) return steps;
    return this.complain(name, `${steps.length} steps, wanted at most ${MAX_STEPS}`);
  }

  /** `"4h: security, 8h: directors"` */
  escalations(name: string): readonly Escalation[] | undefined {
    const text = this.text(name);
    if (text === undefined) return undefined;
    const escalations: Escalation[] = [];
    for (const part of text.split(',')) {
      const [, after = '', step = ''] = ESCALATION.exec(part.trim()) ?? [];
      const afterMs = parseDuration(after);
      if (afterMs === undefined || afterMs <= 0 || afterMs > MAX_SPAN_MS || !isStep(step))
        return this.complain(
          name,
          `seen ${JSON.stringify(part.trim())}, wanted a time and a step: "4h: security"`,
        );
      escalations.push({ afterMs, step });
    }
    return escalations;
  }
}

function isStep(text: string): boolean {
  return STEP.test(text) && text !== 'none';
}
