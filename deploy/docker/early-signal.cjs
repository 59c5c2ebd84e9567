// Loaded before the program (`node --require`): as PID 1 this process ignores SIGTERM until somebody
// listens for it, which the program does only when it has been loaded. Once it listens, this does not
// matter any more.
for (const [signal, code] of [
  ['SIGTERM', 143],
  ['SIGINT', 130],
]) {
  process.once(signal, () => {
    if (process.listenerCount(signal) === 0) process.exit(code);
  });
}
