import { writeFile } from 'node:fs/promises';
import { conditionsOf, type Conditions } from './conditions.ts';
import type { Spread } from './spread.ts';

/** One figure and what is wanted of it. */
export interface Figure {
  /** What is measured: `Curfew ÷ Cerbos, 20 policies, warm`. */
  readonly name: string;
  readonly unit: string;
  readonly value: Spread;
  readonly bar?: Bar;
  /** What it was measured under, besides what holds for all. */
  readonly conditions?: string;
}

export interface Bar {
  readonly is: 'at least' | 'at most';
  readonly than: number;
}

/** Figures as they come; prints each at once, so that a run that is stopped has said something. */
export interface Report {
  add(figure: Figure): void;
  /** What the reader has to know: an inequality, what could not be done. */
  note(text: string): void;
  /** A call that failed or an answer that was wrong makes the figures worthless. */
  fault(text: string): void;
  /** Prints the table and writes the file. @returns whether there was no fault */
  finish(jsonPath: string | undefined): Promise<boolean>;
}

export function openReport(): Report {
  const before = conditionsOf();
  const figures: Figure[] = [];
  const notes: string[] = [];
  const faults: string[] = [];
  return {
    add(figure) {
      figures.push(figure);
      console.log(lineOf(figure));
    },
    note(text) {
      if (notes.includes(text)) return;
      notes.push(text);
      console.log(text);
    },
    fault(text) {
      faults.push(text);
      console.log(`FAULT: ${text}`);
    },
    async finish(jsonPath) {
      const after = conditionsOf();
      console.log(`\n${[describe(before, after), ...notes].join('\n')}\n`);
      for (const figure of figures) console.log(lineOf(figure));
      for (const fault of faults) console.log(`FAULT: ${fault}`);
      if (jsonPath !== undefined)
        await writeFile(
          jsonPath,
          `${JSON.stringify({ before, after, notes, faults, figures }, undefined, 2)}\n`,
        );
      return faults.length === 0;
    },
  };
}

const NAME_COLUMNS = 68;

function lineOf({ name, unit, value, bar, conditions }: Figure): string {
  const figure = `${short(value.median)} ${unit}`.padEnd(16);
  const range = `${short(value.low)}–${short(value.high)} of ${value.rounds.length}`.padEnd(22);
  return `${name.padEnd(NAME_COLUMNS)} ${figure} ${range} ${wanted(value, bar)}${conditions === undefined ? '' : `  (${conditions})`}`;
}

function wanted({ median }: Spread, bar: Bar | undefined): string {
  if (bar === undefined) return '';
  const isMet = bar.is === 'at least' ? median >= bar.than : median <= bar.than;
  return `${isMet ? 'met' : 'NOT MET'}: ${bar.is} ${short(bar.than)}`;
}

function short(value: number): string {
  return value >= 100 ? Math.round(value).toLocaleString('en') : value.toPrecision(3);
}

function describe(before: Conditions, after: Conditions): string {
  const { cores, cpu, node, platform } = after;
  return `${cores} cores (${cpu}), ${platform}, Node ${node}; load average ${before.load} before, ${after.load} after; the load generator on the same machine; median, lowest and highest of the rounds`;
}
