import type { Entity } from '../../../core/policy/directory-text.ts';
import type { Curfew } from '../../sdk/index.ts';
import { fromMessage } from './entity-message.ts';

const pageSize = 500;

/** Every entity of the directory, or of one type of it, by type and id. */
export async function fetchEntities({ services }: Curfew, type = ''): Promise<readonly Entity[]> {
  const all: Entity[] = [];
  let pageToken = '';
  do {
    const page = await services.directory.listEntities({ pageSize, pageToken, type });
    for (const entity of page.entities) all.push(fromMessage(entity));
    pageToken = page.nextPageToken;
  } while (pageToken !== '');
  return all;
}
