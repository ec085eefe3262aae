import type { Profiler } from 'node:inspector';
import { fileURLToPath } from 'node:url';

/** Where time went, and how much of what was not idle. */
export interface Share {
  readonly name: string;
  readonly ms: number;
  /** 0 to 1. */
  readonly share: number;
}

export interface SelfTime {
  readonly busyMs: number;
  readonly idleMs: number;
  /** The most first. */
  readonly byArea: readonly Share[];
  readonly byFunction: readonly Share[];
}

type Frame = Profiler.ProfileNode['callFrame'];

const ROOT = fileURLToPath(new URL('../..', import.meta.url));

/** Sums what each function took itself, without what it called. */
export function selfTime({ nodes, samples = [], timeDeltas = [] }: Profiler.Profile): SelfTime {
  const frames = new Map(nodes.map(({ id, callFrame }) => [id, callFrame]));
  const areas = new Map<string, number>();
  const functions = new Map<string, number>();
  let [busyMs, idleMs] = [0, 0];
  for (const [index, id] of samples.entries()) {
    const frame = frames.get(id);
    const ms = Math.max(0, timeDeltas[index] ?? 0) / 1_000;
    if (frame === undefined) continue;
    if (frame.functionName === '(idle)') {
      idleMs += ms;
      continue;
    }
    busyMs += ms;
    const [area, name] = [areaOf(frame), nameOf(frame)];
    areas.set(area, (areas.get(area) ?? 0) + ms);
    functions.set(name, (functions.get(name) ?? 0) + ms);
  }
  const shares = (all: ReadonlyMap<string, number>): readonly Share[] =>
    Array.from(all, ([name, ms]) => ({ name, ms, share: ms / busyMs })).sort((a, b) => b.ms - a.ms);
  return { busyMs, idleMs, byArea: shares(areas), byFunction: shares(functions) };
}

/** A package, a folder of ours, a part of Node; or what V8 calls it: the garbage collector, code that is none of JavaScript's. */
function areaOf({ functionName, url }: Frame): string {
  if (url.startsWith('wasm:')) return 'cedar wasm';
  if (url.startsWith('node:'))
    return `node: ${url.includes('http2') ? 'http2' : url.includes('stream') ? 'streams' : 'other'}`;
  if (url === '') return functionName.startsWith('(') ? functionName : 'native code';
  const path = pathOf(url);
  const packaged = /node_modules\/((?:@[^/]+\/)?[^/]+)/.exec(path)?.[1];
  if (packaged === '@cedar-policy/cedar-wasm') return 'cedar wasm: the way in and out';
  return packaged ?? path.split('/').slice(0, 2).join('/');
}

function nameOf({ functionName, url, lineNumber }: Frame): string {
  const name = functionName === '' ? '(anonymous)' : functionName;
  if (url === '') return name;
  return `${name}  ${url.startsWith('wasm:') ? 'cedar wasm' : `${pathOf(url)}:${lineNumber + 1}`}`;
}

function pathOf(url: string): string {
  const path = url.startsWith('file:') ? fileURLToPath(url) : url;
  return path.startsWith(ROOT) ? path.slice(ROOT.length) : path;
}
