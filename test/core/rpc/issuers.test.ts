import { expect, test } from 'vitest';
import { createIdentify } from '../../../core/rpc/identity.ts';
import { createTestIssuer } from './test-issuer.ts';
import { bearer, tokenRefusal } from './test-refusal.ts';

test("N6 the same subject at two issuers is two callers, and neither issuer names what is the other's", async () => {
  const people = await createTestIssuer({ issuer: 'https://people.test', entityType: 'User' });
  const bots = { typeClaim: 'kind', entityTypes: ['Bot', 'Service'] };
  const machines = await createTestIssuer({ issuer: 'https://machines.test', ...bots });
  try {
    const both = createIdentify({
      issuers: [people.issuer, machines.issuer],
      resolveCaller: ({ id, type }) => ({ type: type ?? 'none', id }),
    });
    expect((await both(bearer(await people.token()))).uid).toEqual({ type: 'User', id: 'ada' });
    const bot = await machines.token({ claims: { kind: 'Bot' } });
    expect((await both(bearer(bot))).uid).toEqual({ type: 'Bot', id: 'ada' });
    const error = await tokenRefusal(await machines.token({ claims: { kind: 'User' } }), both);
    expect(error).toMatchObject({
      reason: 'TOKEN_INVALID',
      message: expect.stringContaining(
        'seen the entity type "User", wanted one of those of its issuer: "Bot", "Service"',
      ),
    });
  } finally {
    await Promise.all([people.remove(), machines.remove()]);
  }
});
