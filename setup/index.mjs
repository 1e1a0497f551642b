/**
 * The one entry of all npm scripts: `node setup/index.mjs <command> [arguments]`.
 *
 * Only the Node version is checked here, in syntax that any Node since 12 can read; all the rest is
 * loaded afterwards, so that an old Node gets a sentence and not a syntax error.
 */
const needed = [20, 9];
const version = process.versions.node.split('.').map(Number);

if (version[0] < needed[0] || (version[0] === needed[0] && version[1] < needed[1])) {
  console.error(
    `Node ${needed.join('.')} or newer is needed, this is Node ` +
      `${process.versions.node}: install Node 22 from your package manager, ` +
      'from nodejs.org, or with nvm (`nvm install 22`).',
  );
  process.exit(1);
} else {
  import('./commands.mjs').then(({ main }) => main(process.argv.slice(2)));
}
