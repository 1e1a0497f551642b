/** Lint: TypeScript's recommended rules for lib/, test/ and the plain JavaScript of setup/. */
import tseslint from 'typescript-eslint';

const timers = ['setTimeout', 'clearTimeout', 'setInterval', 'clearInterval'];
const nodeGlobals = ['process', 'console', 'Buffer', 'URL', ...timers];
/** Data that no line break would make clearer: regular expressions, and wavelet filters. */
const maxLength = { code: 120, ignoreUrls: true, ignoreRegExpLiterals: true };

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
  { files: ['lib/wavelet/filters.ts'], rules: { 'max-len': 'off' } },
  { files: ['test/**'], rules: { 'max-len': ['error', { ...maxLength, ignoreTemplateLiterals: true }] } },
);
