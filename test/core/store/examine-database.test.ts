import { describe, expect, test } from 'vitest';
import { examineDatabase } from '../../../core/store/examine-database.ts';
import { emptyDatabase, sharedDatabase } from './database.ts';

const now = (): Date => new Date();
const database = sharedDatabase();

describe('what a database says of itself', () => {
  test.each(['grant', 'decision', 'notify'] as const)(
    'the role of %s has no right too many',
    async (role) => {
      const facts = await examineDatabase(database().urlOf(role), now);
      expect(facts).toMatchObject({
        role: `curfew_${role}`,
        version: expect.stringMatching(/^\d+\./),
        tls: undefined,
        isStandby: false,
        schemaProblem: undefined,
        excessRights: [],
      });
    },
  );

  test('of an owner every right is named that a service must not have', async () => {
    const { excessRights } = await examineDatabase(database().urlOf('owner'), now);
    expect(excessRights).toEqual(
      expect.arrayContaining([
        'is a superuser',
        'may create roles',
        'owns the tables',
        'may change the ledger',
      ]),
    );
  });

  test('its clock is read between two looks at ours', async () => {
    const { clock } = await examineDatabase(database().urlOf('grant'), now);
    expect(clock.before.getTime()).toBeLessThanOrEqual(clock.at.getTime() + 1);
    expect(clock.at.getTime()).toBeLessThanOrEqual(clock.after.getTime() + 1);
  });

  test('a database without the schema is said to be so, and nothing else fails for it', async () => {
    const empty = await emptyDatabase();
    const { schemaProblem, role } = await examineDatabase(empty.urlOf('grant'), now);
    expect({ schemaProblem, role }).toEqual({
      schemaProblem: expect.stringContaining('run migrate first'),
      role: 'curfew_grant',
    });
  });

  test('the error of the driver comes through with its code', async () => {
    const url = new URL(database().urlOf('grant'));
    url.password = 'wrong';
    await expect(examineDatabase(url.href, now)).rejects.toMatchObject({ code: '28P01' });
  });
});
