import { subscribe } from 'node:diagnostics_channel';
import type { Socket } from 'node:net';

// Says on stdout to which port each socket of this process tries to connect, whether anybody is there or not.
subscribe('net.client.socket', (message) => {
  const { socket } = message as { readonly socket: Socket }; // as Node documents it
  socket.on('connectionAttempt', (_address: string, port: number) => {
    process.stdout.write(`connects to port ${port}\n`);
  });
});
