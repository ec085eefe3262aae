import type { Edit, Mutant, NamedTests } from './mutant.ts';

const APPEND = 'core/store/append.ts';
const REQUESTS = 'core/store/requests.ts';
const CHANGES = 'core/store/request-changes.ts';

const MODEL: NamedTests = {
  file: 'test/chaos/model/life.test.ts',
  titles: [
    'I1 I3 I4 I5 I6 I7 I8 I9 I10 I11 I14 I18 I19 I22 whatever people do, requests, grants and decisions are what the model says',
  ],
};

const WITHOUT_ROW_LOCK: Edit = {
  file: REQUESTS,
  find: 'FROM access_requests WHERE id = $1 FOR UPDATE`',
  replace: 'FROM access_requests WHERE id = $1`',
};

/** The mistakes that this design exists to avoid. */
export const MUTANTS: readonly Mutant[] = [
  {
    name: 'sequence-cursor',
    kinds: [],
    violates: ['I3', 'I13', 'I17'],
    edits: [
      {
        file: 'core/store/migrations/0001_first.sql',
        find: 'CREATE TABLE policy_sets (',
        replace: `CREATE SEQUENCE ledger_sequence;
GRANT USAGE ON SEQUENCE ledger_sequence TO curfew_grant;
CREATE TABLE policy_sets (`,
      },
      {
        file: APPEND,
        find: `SELECT revision, hash FROM ledger_head
      WHERE basis_revision <= $1::bigint AND epoch = COALESCE($2::uuid, epoch) FOR UPDATE`,
        replace: `SELECT hash, (
        SELECT max(number) - cardinality($3::bytea[]) FROM (
          SELECT nextval('ledger_sequence') AS number FROM generate_series(1, cardinality($3::bytea[]))
        ) AS taken
      ) AS revision FROM ledger_head
      WHERE $1::bigint IS NOT NULL AND epoch = COALESCE($2::uuid, epoch)`,
      },
      {
        file: APPEND,
        find: 'FROM head, link WHERE link.i = cardinality($3::bytea[])',
        replace: 'FROM head, link WHERE link.i < 0',
      },
      {
        // The commit goes out with the append, so that only a slow disk or network still comes in between.
        file: APPEND,
        find: "set_config('idle_in_transaction_session_timeout', '1500ms', true)",
        replace:
          "set_config('idle_in_transaction_session_timeout', '1500ms', true), pg_sleep(random() * 0.03)",
      },
      {
        file: 'core/store/ledger.ts',
        find: 'SELECT epoch, revision AS head_revision, hash AS head_hash,',
        replace:
          'SELECT epoch, (SELECT coalesce(max(revision), 0) FROM ledger) AS head_revision, hash AS head_hash,',
      },
      {
        file: 'core/feed/prove.ts',
        find: "if (poll.epoch !== cursor.epoch) return 'the epoch has changed: the database was restored';",
        replace: 'if (poll.epoch === cursor.epoch) return undefined;',
      },
      {
        file: 'core/replica/replica.ts',
        find: 'if (placed.revision !== this.#revision + 1n)',
        replace: 'if (placed.revision < this.#revision)',
      },
    ],
  },
  {
    name: 'no-staleness-bound',
    kinds: ['freeze-postgres', 'hang-link'],
    violates: ['I2', 'I16'],
    edits: [
      {
        file: 'services/decision/moment.ts',
        find: "if (ageMs < STALENESS_BOUND_MS) return 'fresh';",
        replace: "if (ageMs >= 0) return 'fresh';",
      },
    ],
  },
  {
    name: 'notify-only',
    kinds: ['kill-listeners'],
    violates: ['I15'],
    edits: [
      {
        file: 'core/feed/follower.ts',
        find: 'setTimeout(resolve, this.#options.pollMs)',
        replace: 'setTimeout(resolve, 2 ** 31 - 1)',
      },
    ],
  },
  {
    name: 'errors-ignored',
    kinds: [],
    violates: ['D1'],
    edits: [
      {
        file: 'core/policy/engine.ts',
        find: "if (errors.length === 0 || decision === 'deny') return",
        replace: 'if (errors.length >= 0) return',
      },
    ],
  },
  {
    name: 'status-checked-in-memory',
    kinds: [],
    violates: ['I4', 'I6'],
    edits: [
      WITHOUT_ROW_LOCK,
      {
        file: CHANGES,
        find: 'WHERE request_id = $1 AND item = $2 AND state = $6 RETURNING 1',
        replace: 'WHERE request_id = $1 AND item = $2 AND $6::text IS NOT NULL RETURNING 1',
      },
      {
        file: CHANGES,
        find: "WHERE id = $1 AND state = 'PENDING' RETURNING 1",
        replace: 'WHERE id = $1 RETURNING 1',
      },
    ],
  },
  { name: 'votes-without-lock', kinds: [], violates: ['I11'], edits: [WITHOUT_ROW_LOCK] },
  {
    name: 'end-inclusive',
    kinds: [],
    violates: ['I1'],
    edits: [
      {
        file: 'core/access/grant-index.ts',
        find: 'if (lateMs >= table.expiresMs(row)',
        replace: 'if (lateMs > table.expiresMs(row)',
      },
    ],
  },
  {
    name: 'no-version-guard',
    kinds: [],
    violates: ['I5'],
    edits: [
      {
        file: APPEND,
        find: 'WHERE basis_revision <= $1::bigint AND',
        replace: 'WHERE $1::bigint IS NOT NULL AND',
      },
    ],
  },
  {
    name: 'resurrecting-extension',
    kinds: [],
    violates: [],
    tests: {
      file: 'test/services/grant/extension.test.ts',
      titles: ['never brings back what has ended, though it was asked for before'],
    },
    edits: [
      {
        file: 'services/grant/apply-extension.ts',
        find: "if (row.recorded.state !== 'ACTIVE')",
        replace: "if (row.recorded.state === 'SCHEDULED')",
      },
      {
        file: 'core/store/grant-changes.ts',
        find: "'expires_at = $2, extensions = extensions + 1',",
        replace:
          '"expires_at = $2, extensions = extensions + 1, state = \'ACTIVE\', ended_at = NULL, end_reason = NULL",',
      },
      {
        file: 'core/store/grant-changes.ts',
        find: "`state = '${GRANT_EXTENDED.from}' AND extensions",
        replace: '`extensions',
      },
    ],
  },
  {
    name: 'one-person-in-two-seats',
    kinds: [],
    violates: [],
    tests: MODEL,
    edits: [
      {
        file: 'core/access/seats.ts',
        find: 'this.#taken.set(index, candidate);\n      return true;',
        replace: 'this.#taken.set(index, candidate);',
      },
    ],
  },
  {
    name: 'union-of-narrowings',
    kinds: [],
    violates: [],
    tests: {
      file: 'test/core/access/narrowing.test.ts',
      titles: ['what an item comes to is within what was asked for and within every narrowing'],
    },
    edits: [
      {
        file: 'core/access/narrowing.ts',
        find: 'narrowings.every(({ actions })',
        replace: '(narrowings.length === 0 ? [{ actions: undefined }] : narrowings).some(({ actions })',
      },
    ],
  },
  {
    name: 'use-counted-twice',
    kinds: [],
    violates: [],
    tests: MODEL,
    edits: [
      {
        file: 'services/grant/use-grant.ts',
        find: 'if (countedBy !== undefined && mayRepeat',
        replace: "if (countedBy !== undefined && row.grant.id === '' && mayRepeat",
      },
      {
        file: 'core/store/grant-uses.ts',
        find: 'VALUES ($1, $2, $3)',
        replace: 'VALUES ($1, $2, $3) ON CONFLICT DO NOTHING',
      },
    ],
  },
  {
    name: 'lock-lifted-by-its-target',
    kinds: [],
    violates: [],
    tests: {
      file: 'test/services/grant/lock-service.test.ts',
      titles: [
        'nobody lifts a lock on themselves or on a group of theirs',
        'nobody lifts a lock on a grant of theirs',
      ],
    },
    edits: [
      {
        file: 'services/grant/delete-lock.ts',
        find: 'if (!isOwnLock(replica, lock, caller, grant?.subject)) return;',
        replace: 'if (!isOwnLock(replica, lock, caller, grant?.subject) || lock.id !== "") return;',
      },
      {
        file: 'services/grant/delete-lock.ts',
        find: 'decide(by(context, caller), (trx) =>',
        replace: 'decide({ ...by(context, caller), actor: undefined }, (trx) =>',
      },
      {
        file: 'core/replica/rights.ts',
        find: '!ABOUT_LETTING_IN.includes(right) && locksOn(',
        replace: "!ABOUT_LETTING_IN.includes(right) && right !== 'unlock' && locksOn(",
      },
      {
        file: 'core/store/migrations/0004_locks.sql',
        find: 'CONSTRAINT locks_not_own CHECK (lifted_by <> entity)',
        replace: 'CONSTRAINT locks_not_own CHECK (lifted_by IS NOT DISTINCT FROM lifted_by)',
      },
    ],
  },
  {
    name: 'index-without-ancestors',
    kinds: [],
    violates: [],
    tests: {
      file: 'test/core/policy/self-check/self-check.test.ts',
      titles: ['finds no difference in a good set'],
    },
    edits: [
      {
        file: 'core/policy/slice.ts',
        find: '      return (asked) => asked[side].above().has(key);',
        replace: '      return (asked) => sameUid(asked[side].uid, scope.uid);',
      },
    ],
  },
  {
    name: 'edge-forgets-nothing',
    kinds: [],
    violates: [],
    tests: {
      file: 'test/clients/sdk/edge/changes.test.ts',
      titles: ['whatever changes, once it is told the cache answers as the service does'],
    },
    edits: [
      {
        file: 'clients/sdk/edge/edge-cache.ts',
        find: "for (const entity of entities) this.#kept.forget(nameKey(entity) ?? '');",
        replace: "for (const entity of entities.slice(9)) this.#kept.forget(nameKey(entity) ?? '');",
      },
    ],
  },
];
