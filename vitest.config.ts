import { defineConfig } from 'vitest/config';

export default defineConfig({
  test: {
    pool: 'forks',
    globalSetup: ['test/support/server-setup.ts'],
    include: ['test/**/*.test.ts'],
    // Folders are tiers; the slow ones start processes, so their limit is generous and their number
    // small.
    testTimeout: 120_000,
    hookTimeout: 120_000,
  },
});
