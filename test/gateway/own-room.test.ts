import { deepEqual, equal, match, ok } from 'node:assert/strict';
import { execFileSync } from 'node:child_process';
import { roomier } from '../../gateway/own-room.ts';

const MODULE = new URL('../../gateway/own-room.ts', import.meta.url).href;

describe('room for young objects', () => {
  it('is asked for in front of the flags that were given', () => {
    deepEqual(roomier(['main.ts', 'start'], ['--disable-proto=delete'], { PATH: '/bin' }, 'main.js'), {
      args: ['--max-semi-space-size=8', '--disable-proto=delete', 'main.ts', 'start'],
      env: { MALLOC_ARENA_MAX: '2', PATH: '/bin' },
    });
  });

  it('comes with compiled code kept beside the modules where the program is run from its sources', () => {
    match(roomier([], [], {}, 'main.ts')?.env['NODE_COMPILE_CACHE'] ?? '', /node_modules.\.cache.huisu$/);
    equal(roomier([], [], {}, 'main.js')?.env['NODE_COMPILE_CACHE'], undefined);
  });

  it('is left to whoever starts the program with a figure of his own', () => {
    equal(roomier([], ['--max-semi-space-size=16'], {}, 'main.js'), null);
    equal(roomier([], [], { NODE_OPTIONS: '--no-warnings --max-semi-space-size=16' }, 'main.js'), null);
    equal(roomier([], [], { MALLOC_ARENA_MAX: '4' }, 'main.js')?.env['MALLOC_ARENA_MAX'], '4');
  });

  it("is the main thread's: other threads have the figures that they are started with", function () {
    if (process.platform === 'win32') {
      console.log('      not run: a process cannot take the place of another here');
      return this.skip();
    }
    const script = `import { takeRoom } from ${JSON.stringify(MODULE)};
      import { Worker } from 'node:worker_threads';
      takeRoom(process.argv, 'main.js');
      const grow = "const all = []; for (let i = 0; i < 2e6; i++) all[i % 400000] = { i, more: [i] };"
        + "const found = require('node:v8').getHeapSpaceStatistics().find(one => one.space_name === 'new_space');"
        + "require('node:worker_threads').parentPort.postMessage(found.space_size / 1024 / 1024)";
      new Worker(grow, { eval: true, execArgv: [], resourceLimits: { maxYoungGenerationSizeMb: 96 } }).on('message', size => console.log(size));`;
    const file = `data:text/javascript,${encodeURIComponent(script)}`;
    const out = execFileSync(
      process.execPath,
      ['--input-type=module', '--eval', `await import(${JSON.stringify(file)})`, 'x', 'start'],
      { encoding: 'utf8' },
    );
    // Two halves of at most 32 MB; by the main thread's figure they would be of 8.
    ok(Number(out) > 16, out);
  });

  it('is taken once by the same process, which keeps its number and says the same', function () {
    if (process.platform === 'win32') {
      console.log('      not run: a process cannot take the place of another here');
      return this.skip();
    }
    const script = `import { takeRoom } from ${JSON.stringify(MODULE)};
      const began = process.env.BEGAN ?? String(process.pid);
      process.env.BEGAN = began;
      takeRoom(process.argv, 'main.js');
      console.log(JSON.stringify([began === String(process.pid), process.execArgv.includes('--max-semi-space-size=8'), process.argv.slice(2)]));`;
    const file = `data:text/javascript,${encodeURIComponent(script)}`;
    const out = execFileSync(
      process.execPath,
      ['--input-type=module', '--eval', `await import(${JSON.stringify(file)})`, 'x', 'start'],
      { encoding: 'utf8' },
    );
    deepEqual(JSON.parse(out), [true, true, ['start']]);
  });
});
