// The part of the Store port that keeps large sealed bytes by name.

export interface BlobStore {
  /** Keeps sealed bytes durably under a name made of 64 hex digits; the same name again is left as it is. */
  put(name: string, sealed: Uint8Array): Promise<void>;
  get(name: string): Promise<Uint8Array | null>;
  remove(name: string): Promise<void>;
  /** One look for halves of blobs whose writers died; answers how many were removed. What it finds is removed by a later look,
   *  an hour on, if it is still unfinished then, so that nothing is touched that any process is writing. Each look is a part of
   *  all there is, and the next one goes on from there. `elapsed`: milliseconds that only rise. */
  sweep(elapsed: number): Promise<number>;
}
