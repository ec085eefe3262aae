import { expect, it } from 'vitest';
import { mergePages } from '../../../../core/runtime/workers/merge-pages.ts';

const page = (calls: number) => `# HELP calls_total Calls answered
# TYPE calls_total counter
calls_total{rpc="a{b} c",code="OK"} ${calls}
calls_total{rpc="d",code="OK"} 1
# HELP age_seconds Age
# TYPE age_seconds gauge
age_seconds 0.25
`;

it('labels each sample with its worker, and keeps the samples of one metric together', () => {
  expect(
    mergePages([
      { worker: 1, text: page(5) },
      { worker: 2, text: page(7) },
    ]),
  ).toBe(`# HELP calls_total Calls answered
# TYPE calls_total counter
calls_total{worker="1",rpc="a{b} c",code="OK"} 5
calls_total{worker="1",rpc="d",code="OK"} 1
calls_total{worker="2",rpc="a{b} c",code="OK"} 7
calls_total{worker="2",rpc="d",code="OK"} 1
# HELP age_seconds Age
# TYPE age_seconds gauge
age_seconds{worker="1"} 0.25
age_seconds{worker="2"} 0.25`);
});

it('of no workers is empty', () => {
  expect(mergePages([])).toBe('');
});
