import svelte from 'eslint-plugin-svelte';
import ts from 'typescript-eslint';

export default ts.config(
  { ignores: ['dist', 'node_modules'] },
  ...ts.configs.recommended,
  ...svelte.configs['flat/recommended'],
  {
    files: ['**/*.svelte', '**/*.svelte.ts'],
    languageOptions: { parserOptions: { parser: ts.parser } },
  },
  {
    rules: {
      eqeqeq: 'error',
      'no-console': 'error',
      'max-lines': ['error', { max: 400, skipBlankLines: true, skipComments: true }],
      '@typescript-eslint/no-unused-vars': ['error', { argsIgnorePattern: '^_', varsIgnorePattern: '^_' }],
      // State holds immutable values, replaced whole: see queue.ts.
      'svelte/prefer-svelte-reactivity': 'off',
      // Every address here is a hash of our own router.
      'svelte/no-navigation-without-resolve': 'off',
    },
  },
  { files: ['e2e/**', 'dev/**'], rules: { 'no-console': 'off' } },
  { files: ['src/components/*.svelte'], rules: { 'max-lines': ['error', 250] } },
);
