/** Which system this is, for the sentence that tells how to install something. */
import fs from 'node:fs';

/** @typedef {'debian' | 'fedora' | 'macos' | 'windows' | 'other'} Family */

/**
 * @param {string} platform as process.platform
 * @param {string} osRelease text of /etc/os-release, empty where there is none
 * @returns {Family}
 */
export function familyOf(platform, osRelease) {
  if (platform === 'darwin') return 'macos';
  if (platform === 'win32') return 'windows';
  const ids = [...osRelease.matchAll(/^(?:ID|ID_LIKE)="?([^"\n]*)"?$/gm)].flatMap((match) => match[1].split(/\s+/));
  if (ids.some((id) => ['debian', 'ubuntu'].includes(id))) return 'debian';
  if (ids.some((id) => ['fedora', 'rhel', 'centos'].includes(id))) return 'fedora';
  return 'other';
}

/** The text of a file, empty where it cannot be read. */
export function readText(file) {
  try {
    return fs.readFileSync(file, 'utf8');
  } catch {
    return '';
  }
}

export const family = () => familyOf(process.platform, readText('/etc/os-release'));

const installers = {
  python: {
    debian: 'apt install python3 python3-venv',
    fedora: 'dnf install python3',
    macos: 'brew install python',
  },
  compiler: {
    debian: 'apt install g++',
    fedora: 'dnf install gcc-c++',
    macos: 'xcode-select --install',
  },
};

/**
 * The command that installs a missing tool.
 * @param {keyof typeof installers} tool
 * @param {Family} system
 * @param {boolean} root whether we already are root
 */
export function remedy(tool, system, root = process.getuid?.() === 0) {
  const lines = installers[tool];
  const sudo = (line) => `\`${root ? '' : 'sudo '}${line}\``;
  if (system === 'macos') return `Run \`${lines.macos}\`.`;
  if (system === 'debian' || system === 'fedora') return `Run ${sudo(lines[system])}.`;
  return (
    `On Debian or Ubuntu: ${sudo(lines.debian)}; on Fedora: ` +
    `${sudo(lines.fedora)}; elsewhere the package of that name.`
  );
}
