// Who is told of what became durable: listeners of this thread, and those of other threads of the process.
import { MessageChannel, type MessagePort } from 'node:worker_threads';
import type { News } from './context.ts';

type Item = 'accepted' | 'outbox';

export interface NewsBoard extends News {
  onAccepted(listener: () => void): void;
  onOutbox(listener: () => void): void;
  /** A port for another thread; what is told on either side is heard on both. */
  connect(): MessagePort;
  close(): void;
}

export function createNews(first?: MessagePort): NewsBoard {
  const listeners: Record<Item, (() => void)[]> = { accepted: [], outbox: [] };
  const ports = new Set<MessagePort>();

  const hear = (item: Item, from?: MessagePort): void => {
    for (const listener of listeners[item]) listener();
    for (const port of ports) if (port !== from) port.postMessage(item);
  };
  const join = (port: MessagePort): void => {
    ports.add(port);
    port.on('message', (item: Item) => hear(item, port));
    port.on('close', () => ports.delete(port));
    // News alone keeps no process alive.
    port.unref();
  };
  if (first !== undefined) join(first);

  return {
    accepted: () => hear('accepted'),
    outbox: () => hear('outbox'),
    onAccepted: listener => void listeners.accepted.push(listener),
    onOutbox: listener => void listeners.outbox.push(listener),
    connect: () => {
      const { port1, port2 } = new MessageChannel();
      join(port1);
      return port2;
    },
    close: () => {
      for (const port of ports) port.close();
    },
  };
}
