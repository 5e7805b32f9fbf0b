import { svelte } from '@sveltejs/vite-plugin-svelte';
import { defineConfig } from 'vitest/config';

// `npm run dev` shows the page of this folder with the data of a running service.
const service = process.env.STEELRING_URL ?? 'http://127.0.0.1:8080';

export default defineConfig({
  plugins: [svelte()],
  build: {
    outDir: 'dist',
    target: 'es2022',
    // The map is one library of a megabyte, loaded after sign-in as a chunk of its own.
    chunkSizeWarningLimit: 1_500,
    assetsInlineLimit: 0,
    modulePreload: { polyfill: false },
    rollupOptions: {
      output: {
        // A worker is refused unless its type is JavaScript, and not every server knows `.mjs`.
        assetFileNames: (asset) =>
          asset.names.some((name) => name.endsWith('.mjs')) ? 'assets/[name]-[hash].js' : 'assets/[name]-[hash][extname]',
      },
    },
  },
  server: { proxy: { '/api': { target: service, changeOrigin: true } } },
  test: { include: ['src/**/*.test.ts', 'dev/**/*.test.ts'] },
});
