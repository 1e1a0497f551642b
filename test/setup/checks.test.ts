import assert from 'node:assert/strict';
import { test } from 'node:test';
import { choosePython, compilerProblem, diskProblem, libraryProblem } from '../../setup/checks.mjs';
import { adviceFor } from '../../setup/errors.mjs';
import { familyOf, remedy } from '../../setup/platform.mjs';

const python = (version: string, venv = true) => ({
  command: 'python3',
  executable: '/usr/bin/python3',
  version,
  venv,
});

test('the first usable Python is taken', () => {
  const choice = choosePython([python('3.9.2'), python('3.12.1', false), python('3.11.7')], 'debian');
  assert.equal('python' in choice && choice.python.version, '3.11.7');
});

test('an unusable Python is told with its fault and the remedy of the system', () => {
  const told = (pythons: ReturnType<typeof python>[]) => {
    const choice = choosePython(pythons, 'debian');
    return 'problem' in choice ? choice.problem : '';
  };
  assert.match(
    told([python('3.9.2')]),
    /Python 3\.10 or newer.*python3 is 3\.9\.2.*apt install python3 python3-venv.*FREEKD_PYTHON/,
  );
  assert.match(told([python('3.12.1', false)]), /3\.12\.1 but lacks the modules venv and ensurepip/);
  assert.match(told([]), /none was found/);
});

test('each system gets its own remedy', () => {
  assert.equal(remedy('compiler', 'debian', false), 'Run `sudo apt install g++`.');
  assert.equal(remedy('compiler', 'debian', true), 'Run `apt install g++`.');
  assert.equal(remedy('compiler', 'fedora', false), 'Run `sudo dnf install gcc-c++`.');
  assert.equal(remedy('compiler', 'macos', false), 'Run `xcode-select --install`.');
  assert.match(remedy('compiler', 'other', true), /apt install g\+\+.*dnf install gcc-c\+\+/);
  assert.match(String(compilerProblem(null, 'fedora')), /C\+\+ compiler is needed.*dnf/);
  assert.equal(compilerProblem('g++', 'fedora'), null);
});

test('systems are told apart by os-release', () => {
  assert.equal(familyOf('linux', 'NAME="Linux Mint"\nID=linuxmint\nID_LIKE="ubuntu debian"\n'), 'debian');
  assert.equal(familyOf('linux', 'ID="rocky"\nID_LIKE="rhel centos fedora"\n'), 'fedora');
  assert.equal(familyOf('linux', 'ID=alpine\n'), 'other');
  assert.equal(familyOf('darwin', ''), 'macos');
  assert.equal(familyOf('win32', ''), 'windows');
});

test('a full disk is told in numbers', () => {
  assert.equal(diskProblem(5e9, 3e9), null);
  assert.match(String(diskProblem(1.25e9, 3e9)), /3\.0 GB of free disk space is needed.*there is 1\.3 GB/);
});

test('a system that TensorFlow cannot run on is told why', () => {
  const linux = { platform: 'linux', arch: 'x64', glibc: '2.36', cpuinfo: 'flags\t\t: fpu sse4_2 avx avx2\n' };
  assert.equal(libraryProblem(linux), null);
  assert.equal(libraryProblem({ ...linux, platform: 'darwin', glibc: undefined }), null);
  assert.match(String(libraryProblem({ ...linux, glibc: undefined })), /glibc/);
  assert.match(String(libraryProblem({ ...linux, glibc: '2.17' })), /2\.27 or newer.*2\.17/);
  assert.match(String(libraryProblem({ ...linux, cpuinfo: 'flags\t\t: fpu sse4_2\n' })), /AVX/);
  assert.equal(libraryProblem({ ...linux, arch: 'arm64', cpuinfo: 'Features\t: fp asimd\n' }), null);
});

test('known failures of npm and pip get advice', () => {
  assert.match(adviceFor('npm error code EAI_AGAIN'), /network/);
  assert.match(adviceFor('OSError: [Errno 28] No space left on device'), /disk is full/);
  assert.match(adviceFor('npm error code E403'), /refused/);
  assert.match(adviceFor('SSL: CERTIFICATE_VERIFY_FAILED'), /certificate/);
  assert.match(adviceFor('ERROR: No matching distribution found for jupyterlab==4.6.6'), /pip config/);
  assert.equal(adviceFor('something else'), '');
});
