#!/usr/bin/env node
/** The command line: `shrike --help`. */
import { freeHeapsOfThreads } from './heap-limits.ts';
import { loadProgram } from './program.ts';
import type * as program from './programs/cli.ts';

freeHeapsOfThreads();
await loadProgram<typeof program>('cli').main();
