/**
 * What Shrike costs on AWS in a month, from `deploy/costs.json`: prices, measurements, assumptions.
 *
 *     node tools/costs.mjs              prints docs/costs.md
 *     node tools/costs.mjs --write      writes it
 */
import { readFileSync, writeFileSync } from 'node:fs';

const inputs = JSON.parse(readFileSync(new URL('../deploy/costs.json', import.meta.url), 'utf8'));
const { prices, measured, protocol, assumed } = inputs;
const PAGE = new URL('../docs/costs.md', import.meta.url);
const ZONES = 3;
const GB = 1e9;
const monthSeconds = prices.hoursPerMonth * 3600;

const sum = (rows) => rows.reduce((total, { dollars }) => total + dollars, 0);
/** Three digits, with commas from a thousand on. */
const short = (value) => {
  if (value === 0) return '0';
  const digits = Number(value.toPrecision(3));
  return digits >= 1000 ? digits.toLocaleString('en-US') : String(digits);
};
const dollars = (value) => Math.round(value).toLocaleString('en-US');

const userFactor = measured.cpuOfMillionUsers / measured.cpuOf3000Users;
const engineCpu = measured.engineCpuSecondsPerMillion * userFactor;
const brokerCpu = measured.brokerCpuSecondsOfDrain / (measured.paymentsOfDrain / 1e6);
const commitCores = measured.brokerCpuSecondsOfLiveRun / measured.secondsOfLiveRun;
const headroom = assumed.peakOverAverage * assumed.zonesOverZonesLeft;
const inBytes = measured.paymentValueBytes + assumed.recordOverheadBytes;
const outBytes = measured.scoreValueBytes + assumed.recordOverheadBytes;

/** What has to be there, before it has a price. */
function sizeOf(scale) {
  const { paymentsPerSecond: rate } = scale;
  const actors = (rate * 86_400) / assumed.paymentsPerActorPerDay;
  const stateGb = (actors * measured.actorBytes) / GB;
  const storeGb = stateGb * assumed.storeSlack;
  const engineCores = ((rate * engineCpu) / 1e6) * headroom;
  // State of the zone that is lost has to fit into the others, too.
  const localNodes = scale.localNvme
    ? ZONES * Math.ceil((storeGb * assumed.zonesOverZonesLeft) / scale.localNvme.gb / ZONES)
    : 0;
  const pods = scale.localNvme ? localNodes : ZONES;
  const engineVcpu = Math.max(engineCores, pods * assumed.leastVcpuPerPod);
  const brokerCores = ((rate * brokerCpu) / 1e6) * assumed.brokerCopies * headroom;
  const brokerVcpu = Math.max(brokerCores + pods * commitCores, ZONES * assumed.leastVcpuPerPod);
  const onGeneral = brokerVcpu + assumed.otherVcpu + (scale.localNvme ? 0 : engineVcpu);
  const usable = assumed.vcpuPerNode - assumed.systemVcpuPerNode;
  const generalNodes = ZONES * Math.ceil(onGeneral / usable / ZONES);
  const byteHours = inBytes * assumed.paymentHours + outBytes * assumed.scoreHours;
  const logGb = (rate * byteHours * 3600 * assumed.brokerCopies) / GB;
  return {
    ...{ ...scale, rate, actors, stateGb, storeGb, pods, localNodes, generalNodes, logGb },
    ...{ engineCores, engineVcpu, brokerCores, brokerVcpu, onGeneral, usable },
  };
}

/** Requests and bytes of checkpoints in a month. */
function checkpointsOf(size, { intervalSeconds, compactAfterSegments }) {
  const { rate, partitions, stateGb } = size;
  const stateBytes = (stateGb * GB) / partitions;
  const incrementBytes = Math.min(
    (rate * intervalSeconds * measured.actorBytes) / partitions,
    stateBytes,
  );
  // A base is due after so many increments, or when they are twice as large as the base.
  const cycle = Math.min(compactAfterSegments, Math.ceil((2 * stateBytes) / incrementBytes));
  const seals = (monthSeconds / intervalSeconds) * partitions;
  const bases = seals / (cycle + 1);
  const incrementPuts = Math.ceil(incrementBytes / protocol.incrementSegmentBytes);
  const basePuts = Math.ceil(stateBytes / protocol.baseSegmentBytes);
  const puts = seals * protocol.manifestPuts + (seals - bases) * incrementPuts + bases * basePuts;
  const objects = basePuts + cycle * incrementPuts;
  const lists = seals * (protocol.lists - 1 + Math.ceil(objects / protocol.keysPerList));
  const share = measured.segmentShare / GB;
  const writtenGb = ((seals - bases) * incrementBytes + bases * stateBytes) * share;
  const keptGb = (stateBytes + cycle * incrementBytes) * partitions * share;
  const days = monthSeconds / 86_400;
  const oldGb = (writtenGb / days) * assumed.noncurrentDays;
  return { puts, lists, writtenGb, keptGb, oldGb, cycle };
}

function storeRows(checkpoints) {
  const { puts, lists, keptGb, oldGb } = checkpoints;
  const requests = puts + lists;
  return [
    {
      name: 'S3 requests',
      dollars: (requests / 1000) * prices.s3PutPer1000,
      how:
        `(${short(puts / 1e6)} M puts + ${short(lists / 1e6)} M lists) × ` +
        `${prices.s3PutPer1000} / 1,000`,
    },
    {
      name: 'S3 storage',
      dollars: (keptGb + oldGb) * prices.s3GbMonth,
      how:
        `(${short(keptGb)} GB kept + ${short(oldGb)} GB deleted within ` +
        `${assumed.noncurrentDays} days) × ${prices.s3GbMonth}`,
    },
  ];
}

function nodeRows(size) {
  const hours = prices.hoursPerMonth;
  const general = prices.nodeHour['m7i.xlarge'];
  const rows = [
    {
      name: 'nodes, m7i.xlarge',
      dollars: size.generalNodes * general * hours,
      how:
        `${size.generalNodes} × ${general} × ${hours}; ` +
        `${short(size.onGeneral)} vCPU asked of ${short(size.generalNodes * size.usable)}`,
    },
  ];
  if (size.localNvme) {
    const { type, gb } = size.localNvme;
    const price = prices.nodeHour[type];
    rows.push({
      name: `nodes with local disks, ${type}`,
      dollars: size.localNodes * price * hours,
      how:
        `${size.localNodes} × ${price} × ${hours}; ${short(size.storeGb)} GB × ` +
        `${assumed.zonesOverZonesLeft} on ${gb} GB each; ${short(size.engineVcpu)} vCPU asked`,
    });
  }
  return rows;
}

function diskRows(size) {
  const rows = [];
  const brokerGb = size.logGb / assumed.diskFill;
  const brokerMbps = (size.rate * (inBytes + outBytes) * assumed.peakOverAverage) / 1e6;
  const extraMbps = Math.max(0, brokerMbps - prices.gp3MbpsFree) * ZONES;
  rows.push({
    name: 'gp3 of brokers',
    dollars: brokerGb * prices.gp3GbMonth + extraMbps * prices.gp3MbpsMonth,
    how:
      `${short(size.logGb)} GB / ${assumed.diskFill} × ${prices.gp3GbMonth}; ` +
      `${short(brokerMbps)} MB/s each at the peak, ${prices.gp3MbpsFree} are free`,
  });
  if (!size.localNvme) {
    const iops = (size.rate * assumed.peakOverAverage) / size.pods;
    const extra = Math.max(0, iops - prices.gp3IopsFree) * size.pods;
    rows.push({
      name: 'gp3 of engines',
      dollars: size.storeGb * prices.gp3GbMonth + extra * prices.gp3IopsMonth,
      how:
        `${short(size.storeGb)} GB × ${prices.gp3GbMonth} + ${short(extra)} IOPS above the free ` +
        `ones × ${prices.gp3IopsMonth} (a read a payment at the peak)`,
    });
  }
  const nodes = size.generalNodes + size.localNodes;
  rows.push({
    name: 'gp3 of nodes',
    dollars: nodes * assumed.nodeDiskGb * prices.gp3GbMonth,
    how: `${nodes} × ${assumed.nodeDiskGb} GB × ${prices.gp3GbMonth}`,
  });
  return rows;
}

function trafficRow({ rate }) {
  const producedGb = (rate * (inBytes + outBytes) * monthSeconds) / GB;
  // Two copies go to other zones; of producers and consumers two thirds are in another zone.
  const crossings = assumed.brokerCopies - 1 + 2 / 3 + 2 / 3;
  return {
    name: 'traffic between zones',
    dollars: producedGb * crossings * prices.crossZoneGb,
    how: `${short(producedGb)} GB × ${short(crossings)} crossings × ${prices.crossZoneGb}`,
  };
}

function fixedRows() {
  const hours = prices.hoursPerMonth;
  const endpoints = 3 * ZONES;
  return [
    { name: 'EKS', dollars: prices.eksHour * hours, how: `${prices.eksHour} × ${hours}` },
    {
      name: 'NAT gateway, one',
      dollars: prices.natHour * hours + assumed.natGb * prices.natGb,
      how: `${prices.natHour} × ${hours} + ${assumed.natGb} GB × ${prices.natGb}`,
    },
    {
      name: 'endpoints of ECR (two) and STS',
      dollars: endpoints * prices.endpointHour * hours,
      how: `3 × ${ZONES} zones × ${prices.endpointHour} × ${hours}; that of S3 is free`,
    },
    {
      name: 'keys and logs',
      dollars: 2 * prices.kmsKeyMonth + assumed.logGb * prices.logGb,
      how: `2 × ${prices.kmsKeyMonth} + ${assumed.logGb} GB × ${prices.logGb}`,
    },
  ];
}

function rowsOf(size) {
  const store = storeRows(checkpointsOf(size, inputs.checkpoints));
  return [...nodeRows(size), ...diskRows(size), trafficRow(size), ...store, ...fixedRows()];
}

const table = (head, rows) =>
  [head, head.map(() => '---'), ...rows].map((cells) => `| ${cells.join(' | ')} |`).join('\n');

function section(size) {
  const rows = rowsOf(size);
  const cells = rows.map(({ name, dollars: cost, how }) => [name, dollars(cost), how]);
  const millions = short(size.rate / 1e6);
  const engine = short((size.rate * engineCpu) / 1e6);
  const brokers = short(((size.rate * brokerCpu * assumed.brokerCopies) / 1e6));
  return [
    `## ${size.rate.toLocaleString('en-US')} payments/s`,
    '',
    `${short(size.actors / 1e6)} M actors, ${short(size.stateGb)} GB of state, ` +
      `${size.partitions} partitions, ${size.pods} pods.`,
    `Engine: ${millions} M/s × ${short(engineCpu)} CPU-s a million = ${engine} cores, ` +
      `with headroom ${short(size.engineCores)}.`,
    `Brokers: ${millions} M/s × ${short(brokerCpu)} × ${assumed.brokerCopies} copies = ` +
      `${brokers} cores, with headroom ${short(size.brokerCores)};`,
    `and ${size.pods} × ${short(commitCores)} for commits without a pause.`,
    '',
    table(
      ['', 'dollars a month', 'arithmetic'],
      [...cells, ['**sum**', `**${dollars(sum(rows))}**`, '']],
    ),
    '',
  ].join('\n');
}

function summary(sizes) {
  const defaults = (size) => sum(storeRows(checkpointsOf(size, inputs.defaultCheckpoints)));
  const rows = sizes.map((size) => {
    const rowsHere = rowsOf(size);
    const total = sum(rowsHere);
    const largest = rowsHere.toSorted((a, b) => b.dollars - a.dollars)[0];
    const perMillion = total / ((size.rate * monthSeconds) / 1e6);
    return [
      size.rate.toLocaleString('en-US'),
      `**${dollars(total)}**`,
      perMillion.toFixed(4),
      `${largest.name}, ${Math.round((100 * largest.dollars) / total)} %`,
      dollars(sum(storeRows(checkpointsOf(size, inputs.checkpoints)))),
      dollars(defaults(size)),
    ];
  });
  const { intervalSeconds, compactAfterSegments } = inputs.checkpoints;
  return table(
    [
      ...['payments/s', 'dollars a month', 'dollars a million payments', 'largest item'],
      `S3 with a checkpoint each ${intervalSeconds} s, a base after ${compactAfterSegments}`,
      'S3 with the defaults (10 s, 8)',
    ],
    rows,
  );
}

/** The prose is in costs-page.md; what stands in braces there is filled in. */
function page() {
  const sizes = inputs.scales.map(sizeOf);
  const facts = {
    ...{ ...measured, ...protocol, ...assumed, headroom, inBytes, outBytes },
    ...{ summary: summary(sizes), sections: sizes.map(section).join('\n') },
    ...{ pricesNote: prices._, protocolNote: protocol._ },
    ...{ userFactor: short(userFactor), engineCpu: short(engineCpu), brokerCpu: short(brokerCpu) },
    ...{ commitCores: short(commitCores), drainMillions: short(measured.paymentsOfDrain / 1e6) },
    segmentPercent: measured.segmentShare * 100,
  };
  const template = readFileSync(new URL('costs-page.md', import.meta.url), 'utf8');
  return template.replaceAll(/\{(\w+)\}/g, (_, name) => {
    if (facts[name] === undefined) throw new Error(`costs-page.md: there is no ${name}`);
    return facts[name];
  });
}

const text = page();
if (process.argv.includes('--write')) writeFileSync(PAGE, text);
else process.stdout.write(text);
