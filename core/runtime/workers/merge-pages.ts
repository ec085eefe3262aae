/** The metrics page of one worker. */
export interface WorkerPage {
  readonly worker: number;
  /** In Prometheus' text format. */
  readonly text: string;
}

/** One page of all workers' metrics, each sample labelled with its `worker`; a metric's samples stand together, as the format wants. */
export function mergePages(pages: readonly WorkerPage[]): string {
  const metrics = new Map<string, { readonly head: readonly string[]; readonly samples: string[] }>();
  for (const { worker, text } of pages) {
    for (const { name, head, samples } of readMetrics(text)) {
      const labelled = samples.map((sample) => withLabel(sample, `worker="${worker}"`));
      const known = metrics.get(name);
      if (known === undefined) metrics.set(name, { head, samples: labelled });
      else known.samples.push(...labelled);
    }
  }
  return [...metrics.values()].flatMap(({ head, samples }) => [...head, ...samples]).join('\n');
}

interface Metric {
  readonly name: string;
  /** Its HELP and TYPE. */
  readonly head: string[];
  readonly samples: string[];
}

function readMetrics(text: string): readonly Metric[] {
  const metrics: Metric[] = [];
  for (const line of text.split('\n')) {
    const [, name] = /^# (?:HELP|TYPE|UNIT) (\S+)/.exec(line) ?? [];
    if (name !== undefined && metrics.at(-1)?.name !== name) metrics.push({ name, head: [], samples: [] });
    if (name !== undefined) metrics.at(-1)?.head.push(line);
    else if (line !== '' && !line.startsWith('#')) metrics.at(-1)?.samples.push(line);
  }
  return metrics;
}

function withLabel(sample: string, label: string): string {
  const [, name = '', rest = ''] = /^([A-Za-z0-9_:]+)(.*)$/.exec(sample) ?? [];
  return rest.startsWith('{') ? `${name}{${label},${rest.slice(1)}` : `${name}{${label}}${rest}`;
}
