// Frames come out of chunks as they went in, wherever the chunks are cut; one that is too long is refused behind those before it.
import assert from 'node:assert/strict';
import { createFrameReader } from '../../../gateway/reading/split-frames.ts';

const LONGEST = 1000;

/** As a process sends it: its length, then its bytes. */
function sent(bytes: Uint8Array, length = bytes.length): Buffer {
  const prefix = Buffer.alloc(4);
  prefix.writeUInt32LE(length);
  return Buffer.concat([prefix, bytes]);
}

describe('frames of a split process', () => {
  it('come whole, wherever their chunks are cut', () => {
    const frames = [1, 5, LONGEST, 3].map((length, n) => Buffer.alloc(length, n + 1));
    const stream = Buffer.concat(frames.map(frame => sent(frame)));
    for (const size of [1, 3, 7, 400, stream.length]) {
      const read = createFrameReader(LONGEST);
      const got: Buffer[] = [];
      for (let at = 0; at < stream.length; at += size) got.push(...read(stream.subarray(at, at + size)));
      assert.deepEqual(got, frames, `in chunks of ${size}`);
    }
  });

  it('are given before one that is too long is refused, be it in the same chunk', () => {
    const read = createFrameReader(LONGEST);
    const ready = Buffer.from('ready');
    const chunk = Buffer.concat([sent(ready), sent(Buffer.alloc(500), LONGEST + 1)]);
    assert.deepEqual(read(chunk), [ready]);
    assert.throws(() => read(Buffer.alloc(500)), { name: 'FrameTooLong' });
    assert.throws(() => read(sent(ready)), { name: 'FrameTooLong' }, 'nothing behind it counts');
  });

  it('are refused where one is empty or too long from the start', () => {
    assert.throws(() => createFrameReader(LONGEST)(sent(Buffer.alloc(1), 0)), { name: 'FrameTooLong' });
    assert.throws(() => createFrameReader(LONGEST)(sent(Buffer.alloc(1), LONGEST + 1)), { name: 'FrameTooLong' });
  });
});
