import { type AccessError, fieldError } from '../../core/access/access-error.ts';
import { formatDuration } from '../../core/access/duration.ts';
import { type EntityUid, formatUid, sameUid } from '../../core/access/entity.ts';
import type { Narrowing } from '../../core/access/narrowing.ts';
import type { AccessRequest, RequestItem } from '../../core/access/request.ts';
import { startRefusal } from './require-terms.ts';

/** What a vote narrows one item to, as the reviewer wrote it. */
export interface ItemNarrowing extends Narrowing {
  readonly item: number;
}

/** Why a vote may not narrow like that: it would widen, or change what cannot be changed. Undefined when it may. */
export function narrowingRefusal(
  request: AccessRequest,
  answered: readonly RequestItem[],
  narrowings: readonly ItemNarrowing[],
  now: Date,
): AccessError | undefined {
  for (const [index, narrowing] of narrowings.entries()) {
    const field = `narrowing[${index}]`;
    const item = answered.find((it) => it.item === narrowing.item);
    if (item === undefined) {
      const voted = answered.map((it) => it.item).join(', ');
      return fieldError(
        `${field}.item`,
        `seen ${narrowing.item}, wanted an item that this vote is on: ${voted}`,
      );
    }
    if (narrowings.findIndex((it) => it.item === narrowing.item) !== index)
      return fieldError(`${field}.item`, `seen ${narrowing.item} a second time, wanted each item once`);
    const wrong =
      actionRefusal(request, item.actions, narrowing.actions, field) ??
      durationRefusal(request, narrowing.durationMs, field) ??
      narrowedStartRefusal(request, item, { startsAt: narrowing.startsAt, field, now });
    if (wrong !== undefined) return wrong;
  }
  return undefined;
}

function actionRefusal(
  { extends: extension }: AccessRequest,
  asked: readonly EntityUid[],
  left: readonly EntityUid[] | undefined,
  field: string,
): AccessError | undefined {
  if (left === undefined) return undefined;
  const wanted = asked.map(formatUid).join(', ');
  const at = left.findIndex((action) => !asked.some((it) => sameUid(it, action)));
  const seen = left[at];
  if (seen !== undefined)
    return fieldError(
      `${field}.actions[${at}]`,
      `seen ${formatUid(seen)}, wanted one that is asked for: ${wanted}`,
    );
  const isLess = asked.some((action) => !left.some((it) => sameUid(it, action)));
  if (extension === undefined || !isLess) return undefined;
  const description = `seen ${left.map(formatUid).join(', ')}, but an extension is of all that the grant permits: ${wanted}; deny it, a new grant can be asked for with less`;
  return fieldError(`${field}.actions`, description);
}

function durationRefusal(
  { durationMs: askedMs }: AccessRequest,
  durationMs: number | undefined,
  field: string,
): AccessError | undefined {
  if (durationMs === undefined || (durationMs > 0 && durationMs <= askedMs)) return undefined;
  const description = `seen ${formatDuration(durationMs)}, wanted at most what is asked for: ${formatDuration(askedMs)}`;
  return fieldError(`${field}.duration`, description);
}

function narrowedStartRefusal(
  request: AccessRequest,
  item: RequestItem,
  {
    startsAt,
    field,
    now,
  }: { readonly startsAt: Date | undefined; readonly field: string; readonly now: Date },
): AccessError | undefined {
  if (startsAt === undefined) return undefined;
  const name = `${field}.starts_at`;
  const seen = `seen ${startsAt.toISOString()}`;
  if (request.extends !== undefined)
    return fieldError(name, `${seen}, but an extension begins where the grant ends`);
  if (startsAt <= now)
    return fieldError(name, `${seen}, which is past; wanted a time after ${now.toISOString()}`);
  const asked = request.startsAt;
  if (asked !== undefined && startsAt < asked)
    return fieldError(name, `${seen}, wanted no earlier than is asked for: ${asked.toISOString()}`);
  const refused = startRefusal(item.workflow, startsAt, now);
  return refused === undefined ? undefined : fieldError(name, refused);
}
