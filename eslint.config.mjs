/** Lint: TypeScript's recommended rules for lib/, test/ and the plain JavaScript of setup/. */
import { createNodeResolver, importX } from 'eslint-plugin-import-x';
import tseslint from 'typescript-eslint';

const timers = ['setTimeout', 'clearTimeout', 'setInterval', 'clearInterval'];
const nodeGlobals = ['process', 'console', 'Buffer', 'URL', ...timers];
/** Data that no line break would make clearer: regular expressions, and wavelet filters. */
const maxLength = { code: 120, ignoreUrls: true, ignoreRegExpLiterals: true };

/** The folders of lib/ and those that each may import from, itself apart: imports point down only. */
const floors = {
  core: [],
  kernels: ['core'],
  wavelet: ['core', 'kernels'],
  weights: ['core'],
  download: ['core'],
  freekd: ['core', 'kernels', 'wavelet'],
  train: ['core', 'kernels', 'weights'],
  data: ['core'],
  coco: ['core', 'data', 'download', 'train'],
  semantic: ['core', 'download', 'data', 'coco'],
  scenes: ['core', 'data', 'coco', 'semantic'],
  backbone: ['core', 'kernels', 'data'],
  detection: ['core', 'kernels', 'data', 'backbone'],
  segmentation: ['core', 'kernels', 'data', 'backbone'],
  distill: ['core', 'kernels', 'weights', 'freekd', 'train', 'data', 'coco', 'backbone', 'detection', 'segmentation'],
  export: ['core', 'weights', 'data', 'coco', 'backbone', 'detection', 'distill'],
  runs: ['core', 'weights', 'freekd', 'train', 'data', 'coco', 'detection', 'distill'],
  view: ['core', 'kernels', 'wavelet', 'freekd', 'train', 'data', 'coco', 'detection', 'distill', 'runs'],
};
floors.experiments = Object.keys(floors).filter((name) => name !== 'view');
floors.commands = Object.keys(floors);
const zones = Object.entries(floors).map(([name, below]) => ({
  target: `./lib/${name}`,
  from: './lib',
  except: ['./tf.ts', './node_modules', `./${name}`, ...below.map((folder) => `./${folder}`)],
  message: `lib/${name} may import from ${below.join(', ') || 'nothing'} only (eslint.config.mjs).`,
}));

export default tseslint.config(
  { ignores: ['**/dist/**', '**/node_modules/**', 'data/**', 'runs/**', 'notebooks/**', '.venv/**', '.runtime/**'] },
  ...tseslint.configs.recommended,
  {
    files: ['**/*.mjs'],
    languageOptions: { globals: Object.fromEntries(nodeGlobals.map((name) => [name, 'readonly'])) },
    rules: { 'no-undef': 'error' },
  },
  {
    files: ['**/*.js', '**/*.cjs'],
    languageOptions: { sourceType: 'commonjs' },
    rules: { '@typescript-eslint/no-require-imports': 'off' },
  },
  { rules: { eqeqeq: 'error', 'prefer-const': 'error', 'max-len': ['error', maxLength] } },
  {
    files: ['lib/**/*.ts'],
    plugins: { 'import-x': importX },
    settings: { 'import-x/resolver-next': [createNodeResolver({ extensions: ['.ts', '.js'] })] },
    rules: { 'import-x/no-restricted-paths': ['error', { zones }], 'import-x/no-cycle': 'error' },
  },
  { files: ['lib/wavelet/filters.ts'], rules: { 'max-len': 'off' } },
  { files: ['test/**'], rules: { 'max-len': ['error', { ...maxLength, ignoreTemplateLiterals: true }] } },
);
