import { setTimeout as delay } from 'node:timers/promises';
import { type Connection, openConnection } from './connection.ts';
import type { Replicas } from './endpoint.ts';

/** Connections to the replicas of one service. */
export interface Pool {
  /**
   * A connection to send a call on, in turn. Replicas that are away or going away are passed over, and connected to again meanwhile;
   * only while all are, this waits until one answers or none does.
   *
   * @param avoided what the call failed on; taken again only where there is no other
   */
  pick(avoided?: Connection): Connection | Promise<Connection>;
  close(): void;
}

/** Connections to one service at least: one that is lost, or a request that poisons one, leaves the other. */
const fewestConnections = 2;
/** How long a call that failed waits for another connection than its own. */
const otherWithinMs = 50;

/** Opens the connections to a service, one for each replica and two at least; they connect with the first call. */
export function openPool(endpoints: Replicas): Pool {
  const [first, ...others] = endpoints;
  const members = others.length + 1 < fewestConnections ? [first, first] : endpoints;
  const connections = members.map(openConnection);
  let turn = 0;

  function findReady(avoided: Connection | undefined): Connection | undefined {
    turn = (turn + 1) % connections.length;
    const inTurn = [...connections.slice(turn), ...connections.slice(0, turn)];
    const ready = inTurn.filter((connection) => {
      const isReady = connection.isReady();
      if (!isReady) connection.wake();
      return isReady;
    });
    const untried = ready.filter((connection) => connection !== avoided);
    return leastDoubted(untried) ?? ready[0];
  }

  async function connect(avoided: Connection | undefined): Promise<Connection> {
    const missing = connections.filter((connection) => !connection.isReady());
    const connected = Promise.any(missing.map((connection) => connection.connect())).catch(() => undefined);
    const isLast = avoided?.isReady() === true;
    await (isLast ? Promise.race([connected, delay(otherWithinMs, undefined, { ref: false })]) : connected);
    // Where nobody is reached, the call itself says why.
    return findReady(avoided) ?? inTurnOf(connections, turn);
  }

  return {
    pick(avoided) {
      const ready = findReady(avoided);
      return ready === undefined || ready === avoided ? connect(avoided) : ready;
    },
    close() {
      for (const connection of connections) connection.close();
    },
  };
}

/** The first that is not doubted; among doubted ones that which failed longest ago. */
function leastDoubted(connections: readonly Connection[]): Connection | undefined {
  const now = performance.now();
  const doubts = connections.map((connection) => Math.max(now, connection.doubtedUntilMs()));
  return connections[doubts.indexOf(Math.min(...doubts))];
}

function inTurnOf(connections: readonly Connection[], turn: number): Connection {
  const connection = connections[turn];
  if (connection === undefined) throw new RangeError(`there is no connection ${turn}`);
  return connection;
}
