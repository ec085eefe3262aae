import { describe, expect, test, vi } from 'vitest';
import { DecisionService, Effect } from '../../../../proto/gen/curfew/decision/v1/decision_service_pb.ts';
import { LockService } from '../../../../proto/gen/curfew/grant/v1/lock_service_pb.ts';
import {
  ada,
  decision,
  grace,
  grant,
  grantId,
  lock,
  lockId,
  requestId,
  secondsFromNow,
  startCompany,
} from '../../support/company.ts';
import { nextWords } from '../../support/next-words.ts';
import { GrantService } from '../../../../proto/gen/curfew/grant/v1/grant_service_pb.ts';

// Some of these start processes; a busy machine takes seconds for one.
vi.setConfig({ testTimeout: 120_000 });

describe('locking', () => {
  test('lock stops somebody for a time, and says how to lift it', async () => {
    const company = await startCompany();
    company.server.answer(LockService, {
      createLock: () => ({ lock: lock({ expiresAt: secondsFromNow(7_199.9) }), revision: 3n }),
    });
    const args = ['lock', 'User::ada', '--reason', 'her laptop was stolen', '--for', '2h'];
    const { code, stdout } = await company.curfew(args);
    expect(code).toBe(0);
    expect(stdout).toContain(`Lock ${lockId}  LOCKED  User::"ada"\n`);
    expect(stdout).toMatch(/ends +\S.* \(in 1 h 59 min\)/);
    expect(nextWords(stdout)).toEqual(['unlock', lockId, '--reason', 'say why']);
    expect(company.asked('LockService.createLock')).toMatchObject([
      { entity: ada, everything: false, reason: 'her laptop was stolen', duration: { seconds: 7_200n } },
    ]);
  });

  test('lock stops everything, or a grant by the beginning of its id', async () => {
    const company = await startCompany();
    company.server.answer(GrantService, { listGrants: () => ({ grants: [grant()] }) });
    company.server.answer(LockService, {
      createLock: ({ everything, grantId: id }) => ({
        lock: lock({ entity: undefined, everything, grantId: id, mayLift: false }),
      }),
    });
    const all = await company.here(['lock', 'everything', '-r', 'an intruder']);
    expect(all.stdout).toContain('LOCKED  everything\n');
    expect(all.stdout).toMatch(/ends +when it is lifted/);
    expect(nextWords(all.stdout)).toEqual(['locks']);
    const one = await company.here(['lock', '--grant', grantId.slice(0, 6), '-r', 'odd queries']);
    expect(one.stdout).toContain(`LOCKED  grant ${grantId}\n`);
    expect(company.asked('LockService.createLock')).toMatchObject([
      { everything: true, grantId: '' },
      { everything: false, grantId },
    ]);
  });

  test.each([
    [['lock', '-r', 'x'], 'lock: seen none, wanted exactly one of an entity, everything and --grant'],
    [['lock', 'User::ada', '--grant', grantId, '-r', 'x'], 'lock: seen both'],
    [['lock', 'User::ada'], "required option '-r, --reason <text>' not specified"],
    [['lock', 'ada', '-r', 'x'], 'entity: seen "ada"'],
    [['lock', 'User::ada', '-r', 'x', '--for', '0s'], '--for: seen "0s", wanted a duration more than zero'],
    [['unlock', lockId], "required option '-r, --reason <text>' not specified"],
    [['offboard', 'User::ada'], "required option '-r, --reason <text>' not specified"],
  ])('%j is a usage error and nothing is locked', async (args, message) => {
    const company = await startCompany();
    const { code, stderr } = await company.here(args);
    expect({ code, sent: company.server.received }).toEqual({ code: 2, sent: [] });
    expect(stderr).toContain(`error: ${message}`);
  });
});

test('unlock lifts a lock by the beginning of its id', async () => {
  const company = await startCompany();
  const lifted = lock({ holds: false, mayLift: false, liftedAt: secondsFromNow(0), liftedBy: grace });
  company.server.answer(LockService, {
    listLocks: () => ({ locks: [lock()] }),
    deleteLock: ({ reason }) => ({ lock: { ...lifted, liftReason: reason } }),
  });
  const { code, stdout } = await company.curfew(['unlock', lockId.slice(0, 4), '-r', 'it was found']);
  expect(code).toBe(0);
  expect(stdout).toContain(`Lock ${lockId}  LIFTED  User::"ada"\n`);
  expect(stdout).toMatch(/lifted +.* by User::"grace": it was found\n/);
  expect(nextWords(stdout)).toEqual(['locks']);
  expect(company.asked('LockService.deleteLock')).toMatchObject([{ id: lockId, reason: 'it was found' }]);
});

describe('locks', () => {
  test('lists what holds, with the command that lifts what one may lift', async () => {
    const company = await startCompany();
    company.server.answer(LockService, { listLocks: () => ({ locks: [lock()] }) });
    const { code, stdout } = await company.curfew(['locks', '--on', 'User::ada', '--limit', '7']);
    expect(code).toBe(0);
    expect(stdout).toMatch(
      new RegExp(
        `${lockId} {2}LOCKED {2}User::"ada" {2}User::"grace" {2}when lifted {2}her laptop was stolen`,
      ),
    );
    expect(nextWords(stdout)).toEqual(['unlock', lockId, '--reason', 'say why']);
    expect(company.asked('LockService.listLocks')).toMatchObject([
      { pageSize: 7, entity: ada, includeLifted: false },
    ]);
  });

  test('says that there are none, and how to see those that have ended', async () => {
    const company = await startCompany();
    company.server.answer(LockService, {
      listLocks: ({ includeLifted }) => ({
        locks: includeLifted ? [lock({ holds: false, mayLift: false, expiresAt: secondsFromNow(-60) })] : [],
      }),
    });
    const { stdout } = await company.here(['locks', '--on', 'User::ada']);
    expect(stdout).toContain('no locks\n');
    expect(nextWords(stdout)).toEqual(['locks', '--on', 'User::ada', '--all']);
    const all = await company.here(['locks', '--all']);
    expect(all.stdout).toMatch(/ENDED {2}User::"ada" .*1 min ago/);
    expect(nextWords(all.stdout)).toEqual(['grants']);
  });

  test('W10 a reason is shown harmless', async () => {
    const company = await startCompany();
    const evil = 'a\u001b]0;owned\u0007\u202e\u0000b';
    company.server.answer(LockService, { listLocks: () => ({ locks: [lock({ reason: evil })] }) });
    for (const args of [[], ['-o', 'json']]) {
      const { stdout } = await company.here(['locks', ...args]);
      expect(stdout.replaceAll('\n', '')).not.toMatch(/[\p{Cc}\u202e]/u);
    }
  });
});

test('offboard says what ended, and where to look', async () => {
  const company = await startCompany();
  company.server.answer(LockService, {
    offboardPrincipal: () => ({ lock: lock(), endedGrantIds: [grantId], withdrawnRequestIds: [requestId] }),
  });
  const { code, stdout } = await company.curfew(['offboard', 'User::ada', '--reason', 'left the company']);
  expect(code).toBe(0);
  expect(stdout).toMatch(new RegExp(`grants ended +${grantId}\n`));
  expect(stdout).toMatch(new RegExp(`requests withdrawn +${requestId}\n`));
  expect(stdout).toMatch(/votes taken back +none\n/);
  expect(nextWords(stdout)).toEqual(['locks', '--on', 'User::ada']);
  expect(company.asked('LockService.offboardPrincipal')).toMatchObject([
    { principal: ada, reason: 'left the company' },
  ]);
});

test('other accounts of whoever is stopped are named, and after offboarding the commands that take them out', async () => {
  const company = await startCompany();
  const otherAccounts = [{ type: 'User', id: 'ada-too' }];
  company.server.answer(LockService, {
    createLock: () => ({ lock: lock(), otherAccounts }),
    offboardPrincipal: () => ({ lock: lock(), otherAccounts }),
  });
  const stopped = await company.curfew(['lock', 'User::ada', '--reason', 'left']);
  expect(stopped.stdout).toMatch(/stops as well +User::"ada-too"\n/);
  const { stdout } = await company.curfew(['offboard', 'User::ada', '--reason', 'left']);
  expect(stdout).toMatch(/only locked +User::"ada-too"\n/);
  expect(stdout).toContain('offboard User::ada-too --reason left');
});

test('can says that it is locked and until when, and not how to ask for access', async () => {
  const company = await startCompany();
  company.server.answer(DecisionService, {
    authorize: () => ({
      ...decision(Effect.DENY),
      lockIds: [lockId],
      advice: [`the resource is locked (lock ${lockId})`],
      validUntil: secondsFromNow(59.9),
    }),
  });
  const { code, stdout } = await company.here(['can', 'read', 'Database::orders']);
  expect(code).toBe(10);
  expect(stdout).toMatch(/because +it is locked\n/);
  expect(stdout).toContain(`the resource is locked (lock ${lockId})`);
  expect(stdout).toMatch(/until +.* \(in 59 s\)/);
  expect(stdout).not.toContain('no workflow');
  expect(nextWords(stdout)).toEqual(['locks']);
});
