// Starts the program from a clone. Plain JavaScript, so that a Node that cannot read TypeScript still says what to do.
const [major, minor] = process.versions.node.split('.').map(Number);

if (major > 24 || (major === 24 && minor >= 15)) {
  await import('../gateway/main.ts');
} else {
  const version = process.versions.node;
  process.stderr.write(
    `需要 Node.js 24.15 或更高版本，当前为 ${version}。请在项目目录执行 npm ci（多数平台会带上合适的 Node），再用 npm start 启动；或从 nodejs.org 安装 Node 24。\n` +
      `Node.js 24.15 or newer is needed, this is ${version}. Run npm ci in the project folder (on most platforms it brings a fitting Node) and start with npm start; or install Node 24 from nodejs.org.\n`,
  );
  process.exitCode = 69;
}
