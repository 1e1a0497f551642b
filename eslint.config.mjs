/** Lint: TypeScript's recommended rules for lib/, test/ and the plain JavaScript of setup/. */
import tseslint from 'typescript-eslint';

const nodeGlobals = ['process', 'console', 'Buffer', 'URL', 'setTimeout', 'clearTimeout', 'setInterval', 'clearInterval'];

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
  { rules: { eqeqeq: 'error', 'prefer-const': 'error' } },
);
