// The candidate index: which earlier tickets share weighty terms with a new one. The newest tickets lie in memory, older
// ones in blocks (one blob a bucket of terms) that are written behind the commit and merged in tiers of eight.
import { randomUUID } from 'node:crypto';
import type { Facts } from '../normalizer/facts.ts';
import { decodeFacts } from './facts-codec.ts';
import { type Forgotten, forgetPostings } from './forget-postings.ts';
import { first, heaviest, type WeightedTerms } from './index-terms.ts';
import { NewestPostings } from './newest-postings.ts';
import { Block, BUCKETS, bucketOf } from './posting-blocks.ts';
import { type Hit, ScoreTable } from './score-table.ts';
import { writeBlocks, writeMerged } from './segment-blocks.ts';
import type { CandidateStore, Segment } from './store.ts';
import { TermPresence } from './term-presence.ts';

export interface PostingsOptions {
  /** Tickets kept in memory before they become a segment. */
  readonly newest: number;
  /** Heaviest terms a ticket is entered by; the lighter ones are compared, but not worth a posting. */
  readonly indexTerms: number;
  /** Heaviest terms of a query that are looked up. */
  readonly queryTerms: number;
  /** Newest postings of one term that are read. */
  readonly perTerm: number;
  /** Hits answered at most. */
  readonly limit: number;
  /** Hits below this share of the query's own score are left out. */
  readonly floor: number;
  /** Bytes of blocks kept in memory. */
  readonly cacheBytes: number;
}

export const POSTINGS_DEFAULTS: PostingsOptions = {
  newest: 8192,
  indexTerms: 28,
  queryTerms: 20,
  perTerm: 48,
  limit: 6,
  floor: 0.038,
  // The blocks of a million tickets: a look-up that has to read them from the disk takes twenty times as long.
  cacheBytes: 160 * 1024 * 1024,
};

/** Tickets by which one may have been overtaken between its acceptance and its decision, so that it is looked for at the next
 *  opening; one that is later still (a message set aside for weeks) is written at once. */
const DECIDED_LATE = 16_384;
/** Tiers merge when so many segments of one size lie side by side. */
const FAN_IN = 8;

/** Whether an opening of the index would not look for a ticket that no segment holds. */
export function isLate(ordinal: number, segments: readonly Pick<Segment, 'last'>[]): boolean {
  return ordinal <= Math.max(0, ...segments.map(({ last }) => last)) - DECIDED_LATE;
}

interface LiveSegment extends Segment {
  /** undefined: not read yet; null: the bucket is empty. */
  readonly blocks: (Block | null | undefined)[];
  /** By which the terms of its blocks are known to `TermPresence`; 0: not known. */
  readonly bit: number;
}

/** Full, or with a ticket that must not wait: on its way to become a segment. */
interface Frozen {
  readonly id: string;
  readonly postings: NewestPostings;
}

interface Place {
  readonly segment: LiveSegment;
  readonly bucket: number;
}

/** The candidate index of one decider. Not shared between threads. */
export class Postings {
  private readonly store: CandidateStore;
  private readonly options: PostingsOptions;
  private readonly statistics: () => Uint8Array;
  private readonly scores: ScoreTable;
  private segments: LiveSegment[] = [];
  private presence = new TermPresence();
  private cachedBytes = 0;
  private clockSegment = 0;
  private clockBucket = 0;
  private active: NewestPostings;
  /** Waiting for their segment to be published; still searched. */
  private frozen: Frozen[] = [];
  /** `active` holds a ticket that the next opening would not look for. */
  private late = false;
  private writing: Promise<void> = Promise.resolve();
  private turn: Promise<void> = Promise.resolve();
  private failed: unknown = null;

  /**
   * @param statistics the statistics of terms as bytes, kept with each new segment
   */
  constructor(store: CandidateStore, statistics: () => Uint8Array, options: PostingsOptions = POSTINGS_DEFAULTS) {
    this.store = store;
    this.statistics = statistics;
    this.options = options;
    this.scores = new ScoreTable(options.queryTerms * options.perTerm);
    this.active = new NewestPostings(options.newest);
  }

  /** Reads the list of segments and the tickets that are in none; answers how many those were. */
  async open(each: (facts: Facts) => void): Promise<number> {
    const kept = await this.store.segments();
    this.presence = new TermPresence(kept.reduce((sum, { first, last }) => sum + last - first + 1, 0));
    this.segments = kept.map(segment => this.live(segment)).sort(byLast);
    const last = this.segments.reduce((most, segment) => Math.max(most, segment.last), 0);
    let after = Math.max(0, last - DECIDED_LATE);
    let read = 0;
    for (;;) {
      const rows = (await this.store.since(after, 2048)).map(({ ordinal, facts }) => ({
        ordinal,
        facts: decodeFacts(facts),
      }));
      const newest = rows.at(-1);
      if (newest === undefined) return read;
      after = newest.ordinal;
      for (const { ordinal, facts } of await this.inNoSegment(rows, last)) {
        each(facts);
        this.add(ordinal, facts);
        read++;
      }
      this.tidy();
      await this.settled();
    }
  }

  /** A message may be decided after younger ones were published (a conversation waits for its parts): then its ordinal
   *  says nothing, and its postings are looked for. */
  private async inNoSegment<T extends { readonly ordinal: number; readonly facts: Facts }>(
    rows: readonly T[],
    last: number,
  ): Promise<readonly T[]> {
    const doubtful = rows.filter(row => row.ordinal <= last);
    if (doubtful.length === 0) return rows;
    const queries = doubtful.map(({ facts }) => heaviest(facts, 1));
    // Only segments among whose ordinals the ticket's lies: to look into all would read most of the index.
    const within = (segment: LiveSegment) =>
      doubtful.some(({ ordinal }) => ordinal >= segment.first && ordinal <= segment.last);
    while (this.missing(queries, within).length > 0) await this.inTurn(() => this.load(queries, within));
    const known = new Set<T>();
    doubtful.forEach((row, i) => {
      const term = queries[i]?.terms[0];
      // A ticket without any term is found by nobody, in a segment or not.
      if (term === undefined || this.holds(term, row.ordinal)) known.add(row);
    });
    return rows.filter(row => !known.has(row));
  }

  private holds(term: number, ordinal: number): boolean {
    return this.segments.some(
      ({ first, last, blocks }) =>
        ordinal >= first && ordinal <= last && blocks[bucketOf(term)]?.has(term, ordinal) === true,
    );
  }

  /** Whether a ticket has been entered, in this process or an earlier one. */
  async has(ordinal: number, facts: Facts): Promise<boolean> {
    const query = heaviest(facts, 1);
    const term = query.terms[0];
    // Without any term it is found by nobody, entered or not.
    if (term === undefined) return true;
    const within = ({ first, last }: LiveSegment) => ordinal >= first && ordinal <= last;
    while (this.missing([query], within).length > 0) await this.inTurn(() => this.load([query], within));
    const inMemory = [this.active, ...this.frozen.map(({ postings }) => postings)];
    return inMemory.some(newest => newest.has(ordinal, term)) || this.holds(term, ordinal);
  }

  /** Enters a ticket; ordinals rise, give or take what lanes and conversations shuffle. */
  add(ordinal: number, facts: Facts): void {
    this.addEntry(ordinal, this.entryOf(facts));
  }

  /** The same, of a ticket whose `entryOf` is at hand. */
  addEntry(ordinal: number, entry: WeightedTerms): void {
    this.active.add(ordinal, entry);
  }

  /** Told of a ticket that was decided here: where the next opening would not look for it, the next `tidy` writes it. */
  keep(ordinal: number): void {
    this.late ||= isLate(ordinal, this.segments.slice(-1));
  }

  /** A mark of this moment for `findSince`; good until the next `tidy`. */
  get mark(): number {
    return this.active.mark;
  }

  /** Between batches: a full memory becomes a segment behind the commit, and the cache is kept to its budget. */
  tidy(): void {
    if (this.active.full || this.late) this.freeze();
    this.trim();
  }

  /**
   * Earlier tickets that share weight with each query, best first. Found in the same turn in which nothing is missing any
   * more: a segment published in between would hide what has left the memory for it.
   */
  async lookUp(queries: readonly WeightedTerms[]): Promise<Hit[][]> {
    while (this.missing(queries).length > 0) await this.inTurn(() => this.load(queries));
    return queries.map(query => this.find(query));
  }

  private missing(queries: readonly WeightedTerms[], wanted = (_segment: LiveSegment) => true): Place[] {
    const segments = this.segments.filter(wanted);
    const places: Place[] = [];
    const asked = new Set<string>();
    for (const query of queries) {
      for (const term of query.terms) {
        const bucket = bucketOf(term);
        for (const segment of segments) {
          if (segment.blocks[bucket] !== undefined) continue;
          const key = `${segment.id} ${bucket}`;
          if (asked.has(key)) continue;
          asked.add(key);
          places.push({ segment, bucket });
        }
      }
    }
    return places;
  }

  private async load(queries: readonly WeightedTerms[], wanted?: (segment: LiveSegment) => boolean): Promise<void> {
    const places = this.missing(queries, wanted);
    const blobs = await this.store.blocks(places.map(({ segment, bucket }) => ({ segment: segment.id, bucket })));
    places.forEach(({ segment, bucket }, i) => {
      const blob = blobs[i] ?? null;
      const block = blob === null ? null : new Block(blob);
      segment.blocks[bucket] = block;
      this.cachedBytes += block?.bytes ?? 0;
      if (segment.bit !== 0) block?.each(bucket, term => this.presence.add(term, segment.bit));
    });
  }

  /** Loads and the replacing of segments take turns: else a load would find its segment gone and take it for empty. */
  private inTurn(step: () => Promise<void>): Promise<void> {
    const done = this.turn.then(step);
    this.turn = done.catch(() => undefined);
    return done;
  }

  /** The heaviest terms of a ticket: what it is entered by. */
  entryOf(facts: Facts): WeightedTerms {
    return heaviest(facts, this.options.indexTerms);
  }

  /** What is looked up for a ticket. */
  queryOf(facts: Facts): WeightedTerms {
    return heaviest(facts, this.options.queryTerms);
  }

  /** The same, of a ticket whose `entryOf` is at hand. */
  queryOfEntry(entry: WeightedTerms): WeightedTerms {
    return first(entry, this.options.queryTerms);
  }

  private find(query: WeightedTerms): Hit[] {
    const { perTerm, limit, floor } = this.options;
    const scores = this.scores;
    scores.reset();
    let self = 0;
    const { terms, weights } = query;
    for (let at = 0; at < terms.length; at++) {
      const term = terms[at] as number;
      const weight = weights[at] as number;
      self += weight * weight;
      let left = this.active.visit(term, perTerm, weight, scores);
      for (let i = this.frozen.length - 1; i >= 0 && left > 0; i--) {
        left = (this.frozen[i] as Frozen).postings.visit(term, left, weight, scores);
      }
      const bucket = bucketOf(term);
      const absent = ~this.presence.of(term);
      for (let i = this.segments.length - 1; i >= 0 && left > 0; i--) {
        const segment = this.segments[i] as LiveSegment;
        if ((segment.bit & absent) !== 0) continue;
        const block = segment.blocks[bucket];
        if (block) left = block.visit(term, left, weight, scores);
      }
    }
    if (self === 0) return [];
    return scores.top(limit, floor * self, self);
  }

  /** Like `lookUp`, among the tickets entered since a mark. */
  findSince(query: WeightedTerms, mark: number): Hit[] {
    if (this.active.mark === mark) return [];
    const { perTerm, limit, floor } = this.options;
    this.scores.reset();
    let self = 0;
    const { terms, weights } = query;
    for (let at = 0; at < terms.length; at++) {
      const term = terms[at] as number;
      const weight = weights[at] as number;
      self += weight * weight;
      this.active.visit(term, perTerm, weight, this.scores, mark);
    }
    return self === 0 ? [] : this.scores.top(limit, floor * self, self);
  }

  /** Drops blocks not used lately until the cache fits its budget. */
  private trim(): void {
    let steps = this.segments.length * BUCKETS * 2;
    while (this.cachedBytes > this.options.cacheBytes && steps-- > 0) {
      const segment = this.segments[this.clockSegment % Math.max(1, this.segments.length)];
      const block = segment?.blocks[this.clockBucket];
      if (segment && block) {
        if (block.used) block.used = false;
        else {
          segment.blocks[this.clockBucket] = undefined;
          this.cachedBytes -= block.bytes;
        }
      }
      if (++this.clockBucket === BUCKETS) {
        this.clockBucket = 0;
        this.clockSegment++;
      }
    }
  }

  /** Takes postings out of memory and segments for good; no segment is written or merged meanwhile. */
  async forget(pairs: readonly Forgotten[]): Promise<void> {
    for (const { ordinal, term } of pairs) {
      for (const newest of [this.active, ...this.frozen.map(({ postings }) => postings)]) newest.forget(ordinal, term);
    }
    const done = this.writing.then(() => this.inTurn(() => this.forgetInSegments(pairs)));
    this.writing = done.catch(() => undefined);
    await done;
  }

  private async forgetInSegments(pairs: readonly Forgotten[]): Promise<void> {
    for (const { segment, bucket } of await forgetPostings(this.store, pairs)) {
      const live = this.segments.find(one => one.id === segment);
      if (live === undefined) continue;
      this.cachedBytes -= live.blocks[bucket]?.bytes ?? 0;
      live.blocks[bucket] = undefined;
    }
  }

  /** Resolves when what was frozen so far is on disk; rejects when it could not be written. */
  async settled(): Promise<void> {
    await this.writing;
    if (this.failed !== null) throw this.failed;
  }

  get memory(): { readonly newest: number; readonly segments: number; readonly cachedBytes: number } {
    const newest = this.frozen.reduce((sum, { postings }) => sum + postings.size, this.active.size);
    return { newest, segments: this.segments.length, cachedBytes: this.cachedBytes };
  }

  private freeze(): void {
    const { first, last } = this.active;
    const frozen: Frozen = { id: this.idOf({ tier: 0, first, last }, this.late), postings: this.active };
    this.frozen.push(frozen);
    this.active = new NewestPostings(this.options.newest);
    this.late = false;
    this.writing = this.writing.then(() => this.writeSegment(frozen)).catch(error => this.keepFailure(error));
  }

  /** A segment that could not be written stays in memory and is written with the next one. */
  private keepFailure(error: unknown): void {
    this.failed = error;
  }

  /**
   * What it is called until it is merged away: the same again where it was written in part when the process ended.
   * @param own nothing else may be called so, here or in another process: a ticket of long ago may be all that it holds, twice
   */
  private idOf({ tier, first, last }: Omit<Segment, 'id'>, own = false): string {
    const id = `${tier}-${first}-${last}`;
    return own || this.segments.some(one => one.id === id) ? `${id}-${randomUUID().slice(0, 8)}` : id;
  }

  private async writeSegment(newest: Frozen): Promise<void> {
    for (const frozen of this.frozen.slice(0, this.frozen.indexOf(newest) + 1)) {
      const { id, postings } = frozen;
      const segment = { id, tier: 0, first: postings.first, last: postings.last };
      await writeBlocks(this.store, id, postings.blocks());
      await this.store.publish(segment, [], this.statistics());
      this.insert(segment, []);
      this.frozen = this.frozen.filter(one => one !== frozen);
    }
    this.failed = null;
    await this.mergeTiers();
  }

  private insert(segment: Segment, replaces: readonly string[]): void {
    let bits = 0;
    for (const old of this.segments.filter(one => replaces.includes(one.id))) {
      for (const block of old.blocks) this.cachedBytes -= block?.bytes ?? 0;
      bits |= old.bit;
    }
    this.presence.release(bits);
    this.segments = [...this.segments.filter(one => !replaces.includes(one.id)), this.live(segment)].sort(byLast);
  }

  private live(segment: Segment): LiveSegment {
    const blocks = new Array<Block | null | undefined>(BUCKETS).fill(undefined);
    return { ...segment, blocks, bit: this.presence.take() };
  }

  private async mergeTiers(): Promise<void> {
    for (let tier = 0; ; tier++) {
      const same = this.segments.filter(segment => segment.tier === tier);
      if (same.length < FAN_IN) return;
      const first = Math.min(...same.map(segment => segment.first));
      const last = Math.max(...same.map(segment => segment.last));
      const merged = { id: this.idOf({ tier: tier + 1, first, last }), tier: tier + 1, first, last };
      await writeMerged(this.store, merged.id, same);
      const replaced = same.map(segment => segment.id);
      await this.inTurn(async () => {
        await this.store.publish(merged, replaced, this.statistics());
        this.insert(merged, replaced);
      });
    }
  }
}

function byLast(a: Segment, b: Segment): number {
  return a.last - b.last;
}
