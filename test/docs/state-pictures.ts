import { GRANT_BEGINNINGS, GRANT_ENDS, GRANT_MOVES, ITEM_MOVES } from '../../core/access/states.ts';

/** The page of the state machines, drawn from the tables by which the code moves. */
export function statesPage(): string {
  return `# States

Drawn from [core/access/states.ts](../core/access/states.ts), by which requests and grants move; \`npm run docs:states\` draws them
anew. Where a request or a grant stands is worked out from its row and the clock wherever it is read; what time alone has changed is
written down by whoever touches the row next.

## An item of a request

\`\`\`mermaid
stateDiagram-v2
  [*] --> PENDING: it is asked for
${Object.values(ITEM_MOVES)
  .map(({ from, to, when }) => `  ${from} --> ${to}: ${when}`)
  .join('\n')}
${Object.keys(ITEM_MOVES)
  .map((state) => `  ${state} --> [*]`)
  .join('\n')}
\`\`\`

A request is PENDING while one of its items is, APPROVED when all of them are, PARTIALLY_APPROVED when some are, and else what became
of its items.

## A grant

\`\`\`mermaid
stateDiagram-v2
${Object.entries(GRANT_BEGINNINGS)
  .map(([state, when]) => `  [*] --> ${state}: ${when}`)
  .join('\n')}
${Object.values(GRANT_MOVES)
  .map(({ from, to, when }) => `  ${from} --> ${to}: ${when}`)
  .join('\n')}
${Object.entries(GRANT_ENDS)
  .flatMap(([reason, { from, when }]) => from.map((state) => `  ${state} --> ENDED: ${reason}, ${when}`))
  .join('\n')}
  ENDED --> [*]
\`\`\`

An ended grant has one end reason and never goes on.
`;
}
