// `npm run mock`: the page of this folder against the mock service. `-- preview` after a build tries the built page.

import { mergeConfig, type Plugin } from 'vite';
import base from '../vite.config';
import { mock } from './mock';

const plugin: Plugin = {
  name: 'mock-service',
  configureServer: (server) => void server.middlewares.use(mock()),
  configurePreviewServer: (server) => void server.middlewares.use(mock()),
};

export default mergeConfig(base, {
  root: new URL('..', import.meta.url).pathname,
  plugins: [plugin],
  server: { proxy: {} },
});
