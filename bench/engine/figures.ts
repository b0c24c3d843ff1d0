// What the parts of this measurement share: rates, and a database of its own for each.
import { randomBytes } from 'node:crypto';
import mongoose from 'mongoose';

export function perSecond(count: number, ms: number): number {
  const rate = (count * 1000) / ms;
  return rate < 20 ? Math.round(rate * 10) / 10 : Math.round(rate);
}

export function ownDatabase(server: string): string {
  const url = new URL(server);
  url.pathname = `/bench_${randomBytes(4).toString('hex')}`;
  return url.href;
}

export async function dropDatabase(url: string): Promise<void> {
  const connection = await mongoose.createConnection(url).asPromise();
  await connection.dropDatabase();
  await connection.close();
}
