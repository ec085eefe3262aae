// Follows the ledger until it is told to close, and must then end by itself: nothing of it may be left running.
import { once } from 'node:events';
import { follow } from '../../../core/replica/follow.ts';

const log = { info: () => undefined, error: () => undefined };
const followed = follow({ databaseUrl: process.env['DATABASE_URL'] ?? '', name: 'follow-process', log });
await followed.follower.waitFor(0n, 20_000);
const told = once(process, 'message');
process.send?.('following');
await told;
await followed.close();
process.disconnect();
