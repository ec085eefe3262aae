import type { Curfew } from '../sdk/index.ts';
import { findId } from './find-by-prefix.ts';

const pageSize = 500;

/** The request that a person means, by its id or the beginning of it. @throws CliError usage */
export async function findRequestId({ services }: Curfew, given: string): Promise<string> {
  return await findId(given, 'request', async () => {
    const { requests, nextPageToken } = await services.grants.listAccessRequests({ pageSize });
    return { ids: requests.map(({ id }) => id), isWhole: nextPageToken === '' };
  });
}

/** The grant that a person means, by its id or the beginning of it. @throws CliError usage */
export async function findGrantId({ services }: Curfew, given: string): Promise<string> {
  return await findId(given, 'grant', async () => {
    const { grants, nextPageToken } = await services.grants.listGrants({ pageSize });
    return { ids: grants.map(({ id }) => id), isWhole: nextPageToken === '' };
  });
}

/** The lock that a person means, by its id or the beginning of it. @throws CliError usage */
export async function findLockId({ services }: Curfew, given: string): Promise<string> {
  return await findId(given, 'lock', async () => {
    const { locks, nextPageToken } = await services.locks.listLocks({ pageSize });
    return { ids: locks.map(({ id }) => id), isWhole: nextPageToken === '' };
  });
}
