import { fileURLToPath } from 'node:url';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { formatUid } from '../../../core/access/entity.ts';
import { durationMs } from '@bufbuild/protobuf/wkt';
import type {
  ListRequestableRequest,
  Requestable,
} from '../../../proto/gen/curfew/grant/v1/grant_service_pb.ts';
import type { EntityUid } from '../../../proto/gen/curfew/type/v1/entity_pb.ts';
import { type Stack, startStack } from '../../support/stack.ts';
import { reasonOf } from './ask.ts';

const folder = (path: string): string => fileURLToPath(new URL(path, import.meta.url));

type Query = Partial<Pick<ListRequestableRequest, 'pageSize' | 'pageToken' | 'search' | 'type'>> & {
  readonly action?: { readonly type: string; readonly id: string };
};

async function listed(stack: Stack, who: string, query: Query = {}, type?: string) {
  return await (await stack.as(who, type)).services.grants.listRequestable(query);
}

const name = (uid: EntityUid | undefined): string => (uid === undefined ? '' : formatUid(uid));

/** `Database::"orders" read: prod-reads (owner) 1h ≤ 4h` */
function lines(resources: readonly Requestable[]): readonly string[] {
  return resources.flatMap(({ resource, actions }) =>
    actions.map(
      ({ action, workflows }) =>
        `${name(resource)} ${action?.id}: ${workflows
          .map(({ id, steps, defaultDuration, maxDuration }) => {
            const minutes = [defaultDuration, maxDuration].map((each) =>
              each === undefined ? 0 : durationMs(each) / 60_000,
            );
            return `${id} (${steps.map((step) => `${step.name}:${step.seats}`).join(' ')}) ${minutes.join('≤')}m`;
          })
          .join(' or ')}`,
    ),
  );
}

describe('in the example organisation', () => {
  let stack: Stack;
  beforeAll(async () => {
    stack = await startStack({ policies: folder('../../../policies') });
  });
  afterAll(() => stack[Symbol.asyncDispose]());

  it('an engineer sees what they could ask for and on which terms', async () => {
    const { resources, nextPageToken } = await listed(stack, 'ada');
    expect(lines(resources)).toMatchInlineSnapshot(`
      [
        "Database::"analytics" read: prod-reads (owner:1) 60≤240m",
        "Database::"analytics" write: prod-writes (owner:1 security:1) 30≤120m",
        "Database::"catalog" read: prod-reads (owner:1) 60≤240m",
        "Database::"catalog" write: prod-writes (owner:1 security:1) 30≤120m",
        "Database::"customers" read: pii-reads (manager:1 owner:1) 30≤120m",
        "Database::"customers" write: prod-writes (owner:1 security:1) 30≤120m",
        "Database::"customers-staging" migrate: staging-changes (peer:1) 60≤240m",
        "Database::"customers-staging" read: staging-reads () 60≤480m",
        "Database::"customers-staging" vacuum: staging-changes (peer:1) 60≤240m",
        "Database::"customers-staging" write: staging-changes (peer:1) 60≤240m",
        "Database::"orders" read: prod-reads (owner:1) 60≤240m",
        "Database::"orders" write: prod-writes (owner:1 security:1) 30≤120m",
        "Database::"orders-2019" read: prod-reads (owner:1) 60≤240m",
        "Database::"orders-staging" migrate: staging-changes (peer:1) 60≤240m",
        "Database::"orders-staging" read: staging-reads () 60≤480m",
        "Database::"orders-staging" vacuum: staging-changes (peer:1) 60≤240m",
        "Database::"orders-staging" write: staging-changes (peer:1) 60≤240m",
      ]
    `);
    expect(nextPageToken).toBe('');
  });

  it('what is searched for is looked for in type and id, and the rules for reason and ticket are told', async () => {
    const query = { search: 'database::ORDERS-s', action: { type: '', id: 'read' } };
    const { resources } = await listed(stack, 'ada', query);
    expect(resources.map(({ resource }) => name(resource))).toEqual(['Database::"orders-staging"']);
    const writing = await listed(stack, 'ada', { search: 'analytics', action: { type: '', id: 'write' } });
    const [workflow] = writing.resources[0]?.actions[0]?.workflows ?? [];
    expect([workflow?.reasonRule, workflow?.ticketRule]).toEqual(['required', '^(INC|CHG)-[0-9]+$']);
  });

  it('an accountant may name the other workflow of the same rank', async () => {
    const { resources } = await listed(stack, 'frances');
    expect(lines(resources)).toEqual([
      'Application::"payments" payInvoice: pay-large-invoices (manager:1 controller:1) 30≤120m or pay-invoices (manager:1) 240≤480m',
    ]);
  });

  it('an action group stands for its members, and a type leaves out the others', async () => {
    const maintain = { type: 'Action', id: 'maintain' };
    const { resources } = await listed(stack, 'linus', { action: maintain, type: 'Database' });
    const found = resources.flatMap(({ actions }) => actions.map(({ action }) => action?.id));
    expect(new Set(found)).toEqual(new Set(['migrate', 'vacuum']));
    expect((await listed(stack, 'linus', { type: 'Group' })).resources).toEqual([]);
  });

  it('pages follow one another without a gap', async () => {
    const { resources: all } = await listed(stack, 'ada');
    const seen: Requestable[] = [];
    let pageToken = '';
    do {
      const page = await listed(stack, 'ada', { pageSize: 2, pageToken });
      seen.push(...page.resources);
      pageToken = page.nextPageToken;
    } while (pageToken !== '');
    expect(lines(seen)).toEqual(lines(all));
  });

  it.each<[string, Query]>([
    ['ACTION_UNKNOWN', { action: { type: 'Action', id: 'fly' } }],
    ['ACTION_TAKES_NO_GRANT', { action: { type: 'Action', id: 'describe' } }],
    ['ENTITY_TYPE_UNKNOWN', { type: 'Spaceship' }],
    ['FIELD_INVALID', { pageToken: 'x' }],
  ])('%s is told', async (reason, query) => {
    expect(await reasonOf(listed(stack, 'ada', query))).toBe(reason);
  });
});

describe('in a domain that shares no name with it', () => {
  let stack: Stack;
  beforeAll(async () => {
    stack = await startStack({
      policies: folder('../../support/hospital'),
      personType: 'Clinic::Practitioner',
    });
  });
  afterAll(() => stack[Symbol.asyncDispose]());

  it('a clinician sees records, containers and what a duration lets in', async () => {
    const { resources } = await listed(stack, 'Zoë Łukasiewicz');
    expect(lines(resources)).toMatchInlineSnapshot(`
      [
        "Clinic::Grant::"Sepsis study" spend: spend (supervisor:1) 2160≤129600m",
        "Clinic::Record::"2026/0001" amend: treat by two colleagues (colleague:2) 150≤480m or treat by head (head:1) 480≤480m",
        "Clinic::Record::"2026/0001" view: consult (attending:1) 45≤720m",
        "Clinic::Record::"2026/0002" amend: treat by two colleagues (colleague:2) 150≤480m or treat by head (head:1) 480≤480m",
        "Clinic::Record::"2026/0002" view: consult (attending:1) 45≤720m",
        "Clinic::Record::"2026/0003" amend: treat by two colleagues (colleague:2) 150≤480m or treat by head (head:1) 480≤480m",
        "Clinic::Record::"2026/0003" view: consult (attending:1) 45≤720m",
        "Clinic::Record::"2026/0004" amend: treat by two colleagues (colleague:2) 150≤480m or treat by head (head:1) 480≤480m",
        "Clinic::Record::"2026/0004" view: consult sealed (attending:1 privacy:2) 15≤60m",
        "Clinic::Record::"2026/0005" amend: treat by two colleagues (colleague:2) 150≤480m or treat by head (head:1) 480≤480m",
        "Clinic::Record::"2026/0005" view: consult (attending:1) 45≤720m",
        "Clinic::Record::"2026/0006" amend: treat by two colleagues (colleague:2) 150≤480m or treat by head (head:1) 480≤480m",
        "Clinic::Record::"2026/0006" view: consult (attending:1) 45≤720m",
        "Clinic::Site::"St. Brigid’s" view: study (privacy:2 supervisor:1) 10080≤43200m",
        "Clinic::Ward::"Geburtshilfe" view: ward round (head:1) 120≤120m",
        "Clinic::Ward::"Intensive care" view: ward round (head:1) 120≤120m",
      ]
    `);
  });

  it('a device sees what is in its ward', async () => {
    const { resources } = await listed(stack, 'ecg:7', {}, 'Clinic::Device');
    expect(lines(resources)).toMatchInlineSnapshot(`
      [
        "Clinic::Record::"2026/0001" append: monitoring () 1440≤1440m",
        "Clinic::Record::"2026/0002" append: monitoring () 1440≤1440m",
        "Clinic::Record::"2026/0003" append: monitoring () 1440≤1440m",
        "Clinic::Record::"2026/0004" append: monitoring () 1440≤1440m",
      ]
    `);
  });
});
