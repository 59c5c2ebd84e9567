import { expect, test } from 'vitest';
import { type Machine, machine } from '../../src/machine.ts';

const GIB = 2 ** 30;

/** A machine of 8 cores and 16 GiB with these files. */
function machineWith(files: Readonly<Record<string, string>>): Machine {
  return machine({ read: (file) => files[file], cores: 8, memoryBytes: 16 * GIB });
}

test('without control groups, nothing bounds the process', () => {
  expect(machineWith({})).toEqual({ cores: 8, memoryBytes: undefined });
});

test('version 2: the least of the group and those above it counts', () => {
  const files = {
    '/proc/self/cgroup': '0::/kubepods/pod-1/box\n',
    '/sys/fs/cgroup/kubepods/pod-1/box/memory.max': '4294967296\n',
    '/sys/fs/cgroup/kubepods/pod-1/box/memory.high': 'max\n',
    '/sys/fs/cgroup/kubepods/pod-1/memory.max': '2147483648\n',
    '/sys/fs/cgroup/kubepods/memory.max': 'max\n',
    '/sys/fs/cgroup/kubepods/pod-1/box/cpu.max': '150000 100000\n',
    '/sys/fs/cgroup/kubepods/pod-1/cpu.max': 'max 100000\n',
  };
  expect(machineWith(files)).toEqual({ cores: 2, memoryBytes: 2 * GIB });
});

test('version 2: a container sees its own group as the root; memory.high slows down before', () => {
  const files = {
    '/proc/self/cgroup': '0::/\n',
    '/sys/fs/cgroup/memory.max': '2147483648\n',
    '/sys/fs/cgroup/memory.high': '1073741824\n',
  };
  expect(machineWith(files)).toEqual({ cores: 8, memoryBytes: GIB });
});

test('version 1: the group is named as outside, its files lie at the root', () => {
  const files = {
    '/proc/self/cgroup': '9:cpuacct,cpu:/docker/0123\n4:memory:/docker/0123\n0::/\n',
    '/sys/fs/cgroup/memory/memory.limit_in_bytes': '1073741824\n',
    '/sys/fs/cgroup/cpu/cpu.cfs_quota_us': '50000\n',
    '/sys/fs/cgroup/cpu/cpu.cfs_period_us': '100000\n',
  };
  expect(machineWith(files)).toEqual({ cores: 1, memoryBytes: GIB });
});

test('version 1 says "no limit" by numbers that are none', () => {
  const files = {
    '/proc/self/cgroup': '4:memory:/\n1:cpu:/\n',
    '/sys/fs/cgroup/memory/memory.limit_in_bytes': '9223372036854771712\n',
    '/sys/fs/cgroup/cpu/cpu.cfs_quota_us': '-1\n',
    '/sys/fs/cgroup/cpu/cpu.cfs_period_us': '100000\n',
  };
  expect(machineWith(files)).toEqual({ cores: 8, memoryBytes: undefined });
});

test('a limit above what the machine has is none', () => {
  const files = { '/proc/self/cgroup': '0::/\n', '/sys/fs/cgroup/memory.max': `${32 * GIB}` };
  expect(machineWith(files).memoryBytes).toBeUndefined();
});
