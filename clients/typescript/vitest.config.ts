import { defineConfig } from 'vitest/config';

// The servers of several files would fight for the cores, so files run one after another.
export default defineConfig({
  test: { include: ['test/**/*.test.ts'], globalSetup: ['test/build.ts'], fileParallelism: false, testTimeout: 60_000, hookTimeout: 120_000 },
});
