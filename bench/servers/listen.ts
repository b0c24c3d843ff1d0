// Serves on a free port that its parent is told, until the parent goes.
import type { Server } from 'node:http';

export function listen(server: Server): void {
  server.listen(0, '127.0.0.1', () => {
    const address = server.address();
    if (typeof address === 'object' && address !== null) process.send!({ port: address.port });
  });
  process.on('disconnect', () => process.exit(0));
}
