#!/usr/bin/env node
// Entry of the program: says plainly when Node or SQLite is too old, before anything is loaded that would fail there.
import { takeRoom } from './own-room.ts';
import { runtimeFault } from './runtime.ts';

// The locale cannot be read yet: what reads it may not load on an old Node.
const SENTENCES = {
  'old-node': (version: string) =>
    `需要 Node.js 24.15 或更高版本，当前为 ${version}。请在项目目录执行 npm ci（会带上合适的 Node），再用 npm start 启动；或从 nodejs.org 安装 Node 24。\n` +
    `Node.js 24.15 or newer is needed, this is ${version}. Run npm ci in the project folder (it brings a fitting Node) and start with npm start; or install Node 24 from nodejs.org.`,
  'old-sqlite': (version: string) =>
    `需要 SQLite 3.51.3 或更高版本（较低版本的 WAL 有损坏数据的缺陷），当前 Node 自带 ${version}。请升级 Node.js。\n` +
    `SQLite 3.51.3 or newer is needed (older ones can corrupt a database in WAL mode), this Node carries ${version}. Update Node.js.`,
};
const UNAVAILABLE = 69;

const fault = runtimeFault(process.versions);
if (fault === null) {
  takeRoom(process.argv, import.meta.url);
  const { main } = await import('./cli/main.ts');
  process.exitCode = await main(process.argv.slice(2));
} else {
  process.stderr.write(`${SENTENCES[fault.code](fault.version)}\n`);
  process.exitCode = UNAVAILABLE;
}
