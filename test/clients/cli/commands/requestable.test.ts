import { describe, expect, test } from 'vitest';
import { GrantService } from '../../../../proto/gen/curfew/grant/v1/grant_service_pb.ts';
import { orders, read, startCompany } from '../../support/company.ts';

const workflow = {
  id: 'prod-reads',
  steps: [
    { name: 'owner', seats: 1 },
    { name: 'security', seats: 2 },
  ],
  maxDuration: { seconds: 14_400n },
  defaultDuration: { seconds: 3_600n },
  reasonRule: 'required',
  ticketRule: '^CHG-[0-9]+$',
};
const other = { id: 'incident-reads', maxDuration: { seconds: 600n }, defaultDuration: { seconds: 600n } };

describe('curfew requestable', () => {
  test('shows each action with the workflows that it could go by, and ends with a preview of the first', async () => {
    const company = await startCompany();
    company.server.answer(GrantService, {
      listRequestable: () => ({
        resources: [
          { resource: orders, name: 'Orders', actions: [{ action: read, workflows: [workflow, other] }] },
        ],
      }),
    });
    const { code, stdout } = await company.curfew([
      'requestable',
      'ord',
      '--type',
      'Database',
      '--action',
      'read',
    ]);
    expect(code).toBe(0);
    expect(stdout.split('\n').map((line) => line.replace(/ {2,}/g, ' | '))).toEqual([
      'RESOURCE | ACTION | WORKFLOW | FOR | UP TO | STEPS | WANTS',
      'Database::"orders" (Orders) | read | prod-reads | 1h | 4h | owner, security:2 | reason, ticket like ^CHG-[0-9]+$',
      ' | or incident-reads | 10m | 10m | nobody need approve',
      '',
      expect.stringMatching(/^Next: .* request read Database::orders --preview$/),
      '',
    ]);
    expect(company.asked('GrantService.listRequestable')).toMatchObject([
      { search: 'ord', type: 'Database', action: { id: 'read' }, pageSize: 50 },
    ]);
  });

  test('a short page says how to go on', async () => {
    const company = await startCompany();
    company.server.answer(GrantService, { listRequestable: () => ({ nextPageToken: 'more' }) });
    const { stdout } = await company.curfew(['requestable', 'it', '--type', 'Database']);
    expect(stdout).toContain('nothing so far');
    expect(stdout).toContain('requestable it --type Database --page-token more');
  });

  test('nothing is said as such', async () => {
    const company = await startCompany();
    company.server.answer(GrantService, { listRequestable: () => ({}) });
    const { stdout } = await company.curfew(['requestable']);
    expect(stdout).toContain('nothing to ask for');
    expect(stdout).toContain('whoami');
  });
});
