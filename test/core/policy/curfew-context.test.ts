import { describe, expect, test } from 'vitest';
import type { Attributes, Value } from '../../../core/access/entity.ts';
import { accessContext, curfewContext, type RequestFacts } from '../../../core/policy/curfew-context.ts';
import {
  type ActionShape,
  actionOf,
  curfewAction,
  type SchemaShape,
} from '../../../core/policy/schema-shape.ts';
import { entity, GRANT, long, NOW } from './questions.ts';
import { examined, SCHEMA, sampleFiles } from './sample.ts';

const NO_POLICIES = {
  'access/access.cedar': '',
  'guardrails/guardrails.cedar': '',
  'workflows/workflows.cedar': '',
};
const { schema } = examined(sampleFiles());

function action(shape: SchemaShape, id: string): ActionShape {
  const found = actionOf(shape, { type: 'Action', id }) ?? curfewAction(shape, id);
  if (found === undefined) throw new Error(`no action ${id}`);
  return found;
}

function fields(context: Attributes, name: string): readonly string[] {
  const value = context.get(name);
  return value?.kind === 'record' ? [...value.fields.keys()] : [];
}

const sent = new Map([['level', long(1n)]]);
const now: Value = { kind: 'extension', function: 'datetime', argument: '2026-06-01T09:00:00.000Z' };
const ADA = entity('User::"ada"');
const CI = entity('Service::"ci"');
const REQUEST: RequestFacts = {
  id: 'r',
  requester: ADA,
  subject: CI,
  actions: ['read'],
  reason: 'why',
  ticket: 'OPS-1',
  durationMs: 5_400_000,
  startsAt: NOW,
  workflow: 'w',
  breakGlass: false,
  extension: 0n,
};

describe('the context of an access question', () => {
  test('is what the caller sent, and now where the action declares it', () => {
    expect(accessContext({ action: action(schema, 'read'), sent, now: NOW })).toEqual(
      new Map([...sent, ['now', now]]),
    );
    expect(accessContext({ action: action(schema, 'open'), sent, now: NOW })).toEqual(sent);
  });

  test('carries the grant where the action takes one, instants to the millisecond', () => {
    const context = accessContext({
      action: action(schema, 'read'),
      sent,
      now: NOW,
      grant: { ...GRANT, ticket: 'OPS-1' },
    });
    expect(context.get('grant')).toEqual({
      kind: 'record',
      fields: new Map<string, Value>([
        ['id', { kind: 'string', value: 'g' }],
        ['workflow', { kind: 'string', value: 'prod-reads' }],
        ['steps', { kind: 'set', values: [{ kind: 'string', value: 'owner' }] }],
        ['reason', { kind: 'string', value: 'a reason' }],
        ['ticket', { kind: 'string', value: 'OPS-1' }],
        ['breakGlass', { kind: 'bool', value: false }],
        ['startsAt', now],
        ['expiresAt', { kind: 'extension', function: 'datetime', argument: '2026-06-01T10:00:00.000Z' }],
      ]),
    });
    expect(accessContext({ action: action(schema, 'open'), sent, now: NOW, grant: GRANT })).toEqual(sent);
  });

  test('never takes grant or now from the caller', () => {
    const forged = new Map<string, Value>([
      ...sent,
      ['grant', { kind: 'record', fields: new Map() }],
      ['now', { ...now, argument: '1970-01-01' }],
    ]);
    expect(accessContext({ action: action(schema, 'read'), sent: forged, now: NOW })).toEqual(
      new Map([...sent, ['now', now]]),
    );
    expect(accessContext({ action: action(schema, 'open'), sent: forged, now: NOW })).toEqual(sent);
  });
});

describe('the context of a Curfew question', () => {
  test('tells people and services apart', () => {
    const context = curfewContext({
      shape: schema,
      action: action(schema, 'request'),
      now: NOW,
      request: REQUEST,
    });
    expect(fields(context, 'request')).toEqual([
      'id',
      'requester',
      'subjectService',
      'actions',
      'reason',
      'ticket',
      'duration',
      'startsAt',
      'workflow',
      'breakGlass',
      'extension',
    ]);
    const request = context.get('request');
    expect(request?.kind === 'record' && request.fields.get('duration')).toEqual({
      kind: 'extension',
      function: 'duration',
      argument: '1h30m',
    });
    expect(context.get('now')).toEqual(now);
  });

  test('leaves out what there is not, and carries no request where the action has none', () => {
    const { ticket: _ticket, startsAt: _startsAt, workflow: _workflow, ...rest } = REQUEST;
    const context = curfewContext({
      shape: schema,
      action: action(schema, 'approve'),
      now: NOW,
      request: rest,
    });
    expect(fields(context, 'request')).toEqual([
      'id',
      'requester',
      'subjectService',
      'actions',
      'reason',
      'duration',
      'breakGlass',
      'extension',
    ]);
    expect(
      curfewContext({ shape: schema, action: action(schema, 'audit'), now: NOW, request: REQUEST }),
    ).toEqual(new Map([['now', now]]));
  });

  test('carries only what the schema declares', () => {
    const lean = SCHEMA.replace(
      'actions: Set<String>, reason: String, ticket?: String, duration: duration,',
      'actions: Set<String>,',
    )
      .replace('steps: Set<String>, reason: String, ticket?: String,', '')
      .replaceAll(
        'context: { now: datetime, request: AccessRequest }',
        'context: { request: AccessRequest }',
      );
    const { schema: shape } = examined(sampleFiles({ ...NO_POLICIES, 'schema.cedarschema': lean }));
    const context = curfewContext({ shape, action: action(shape, 'request'), now: NOW, request: REQUEST });
    expect([...context.keys()]).toEqual(['request']);
    expect(fields(context, 'request')).toEqual([
      'id',
      'requester',
      'subjectService',
      'actions',
      'startsAt',
      'workflow',
      'breakGlass',
      'extension',
    ]);
    const granted = accessContext({ action: action(shape, 'read'), sent, now: NOW, grant: GRANT });
    expect(fields(granted, 'grant')).toEqual(['id', 'workflow', 'breakGlass', 'startsAt', 'expiresAt']);
  });
});
