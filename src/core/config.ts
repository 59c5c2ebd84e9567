/**
 * The one configuration schema: types, defaults, documentation and (later) the chart's values come
 * from it. Loading (file, environment, flags) is `src/config`.
 */
import { type Static, Type } from './typebox.ts';

const closed = { additionalProperties: false };
/** Names of objects and of Kafka's topics have no other characters. */
const TOPIC_PATTERN = '^[a-zA-Z0-9._-]{1,249}$';
const integer = (description: string, def: number, minimum: number, maximum: number) =>
  Type.Integer({ description, default: def, minimum, maximum });

export const ConfigSchema = Type.Object(
  {
    application: Type.String({
      description: 'Names the consumer group and the prefix of the checkpoints.',
      default: 'shrike',
      pattern: '^[a-zA-Z0-9][a-zA-Z0-9._-]{0,99}$',
    }),
    dataDir: Type.String({
      description: 'Folder for log, state and checkpoints.',
      default: '.data',
    }),
    model: Type.String({
      description:
        'Model bundle: a folder with model.onnx and bundle.json. Empty: the bundle that comes with Shrike.',
      default: '',
    }),
    workers: integer('Actor threads. 0: cores - 1, at least 1; on Kafka 2 of two cores.', 0, 0, 64),
    input: Type.Object(
      {
        transactions: Type.String({
          description: 'Topic of the payments.',
          default: 'transactions',
          pattern: TOPIC_PATTERN,
        }),
        cards: Type.String({
          description: 'Topic of the card profiles (compacted).',
          default: 'cards',
          pattern: TOPIC_PATTERN,
        }),
        users: Type.String({
          description: 'Topic of the user profiles (compacted).',
          default: 'users',
          pattern: TOPIC_PATTERN,
        }),
        partitions: integer('Partitions of each input topic, when Shrike creates it.', 8, 1, 1024),
        keyedByUser: Type.Boolean({
          description:
            'Payments have their user id as key. `false`: they are keyed otherwise, and are brought to their users by way of an internal topic.',
          default: true,
        }),
        rekeyed: Type.String({
          description:
            'With keyedByUser `false`: the internal topic. Empty: the name of the payments topic with `-by-user` behind it.',
          default: '',
          pattern: TOPIC_PATTERN.replace('{1,', '{0,'),
        }),
      },
      closed,
    ),
    kafka: Type.Object(
      {
        bootstrap: Type.String({
          description:
            'Kafka brokers, `host:port,host:port`. Empty: the embedded log in the data folder.',
          default: '',
        }),
        instanceId: Type.String({
          description:
            'Stable name of this process within the group (group.instance.id); the transactional id is made of it too. Empty: a dynamic member with a random name.',
          default: '',
          pattern: '^[a-zA-Z0-9._-]{0,199}$',
        }),
        assignment: Type.Union([Type.Literal('cooperative'), Type.Literal('eager')], {
          description:
            '`cooperative`: a rebalance stops only the partitions that move. `eager`: it stops all; for groups with members that know nothing else.',
          default: 'cooperative',
        }),
        sessionTimeoutMs: integer(
          'Milliseconds without a heartbeat after which the broker gives the partitions to others. Brokers allow 6,000 to 1,800,000 unless told otherwise; longer than it takes to replace a broker that died.',
          15_000,
          1000,
          1_800_000,
        ),
        transactionTimeoutMs: integer(
          'Milliseconds after which the broker aborts a commit that is under way: as long may the partitions of a process that died in one wait, if no process takes its instanceId.',
          15_000,
          1000,
          900_000,
        ),
        replicationFactor: integer(
          "Replicas of the topics that Shrike creates. -1: the broker's default.",
          -1,
          -1,
          100,
        ),
        tls: Type.Object(
          {
            enabled: Type.Boolean({ description: 'Speak TLS with the brokers.', default: false }),
            caFile: Type.String({
              description: 'PEM file of the authorities to trust. Empty: those of Node.js.',
              default: '',
            }),
            certFile: Type.String({
              description: "PEM file of this client's certificate, for mutual TLS.",
              default: '',
            }),
            keyFile: Type.String({
              description: "PEM file of this client's key, for mutual TLS.",
              default: '',
            }),
          },
          closed,
        ),
        sasl: Type.Object(
          {
            mechanism: Type.Union(
              [
                Type.Literal('none'),
                Type.Literal('PLAIN'),
                Type.Literal('SCRAM-SHA-256'),
                Type.Literal('SCRAM-SHA-512'),
              ],
              { description: 'How to authenticate with the brokers.', default: 'none' },
            ),
            username: Type.String({ description: 'User name for SASL.', default: '' }),
            passwordFile: Type.String({
              description:
                'File with the password for SASL. Empty: the environment variable SHRIKE_KAFKA_PASSWORD.',
              default: '',
            }),
          },
          closed,
        ),
      },
      closed,
    ),
    outputs: Type.Object(
      {
        scored: Type.Boolean({
          description: "Write every payment's score to the topic `scored`.",
          default: true,
        }),
        features: Type.Boolean({
          description: "Write every payment's features to the topic `features`.",
          default: false,
        }),
        prefix: Type.String({
          description:
            'Put before the names of the topics that are written, as `green-`: for an application beside another one.',
          default: '',
          pattern: '^[a-zA-Z0-9._-]{0,99}$',
        }),
      },
      closed,
    ),
    log: Type.Object(
      {
        sync: Type.Union([Type.Literal('commit'), Type.Literal('interval')], {
          description:
            '`commit`: every commit reaches the disk before it is acknowledged. `interval`: a power cut may take the last commits of `syncIntervalMs`; a crash of the process takes none.',
          default: 'commit',
        }),
        syncIntervalMs: integer(
          'With sync `interval`: milliseconds between syncs.',
          100,
          1,
          60_000,
        ),
        retentionHours: integer(
          'Hours that payments and outputs stay in the log. 0: for ever.',
          24,
          0,
          87_600,
        ),
      },
      closed,
    ),
    state: Type.Object(
      {
        cacheBytesMax: integer(
          'Bytes of actor objects kept in memory, over all workers.',
          256 << 20,
          1 << 20,
          2 ** 40,
        ),
        dirtyBytesMax: integer(
          'Bytes of changed actors of a partition that make it write before the checkpoint is due.',
          32 << 20,
          1 << 16,
          2 ** 32,
        ),
        rocksCacheBytes: integer(
          'RocksDB block cache, over all partitions.',
          64 << 20,
          1 << 20,
          2 ** 40,
        ),
      },
      closed,
    ),
    memory: Type.Object(
      {
        limitBytes: integer(
          'Bytes that the process may take; budgets that are not set are derived from it (`shrike plan`). 0: the limit of the container, if it has one. -1: none.',
          0,
          -1,
          2 ** 50,
        ),
        users: integer(
          'Users that room is kept for under a memory limit: the profiles of all of them are in memory, 256 bytes each.',
          50_000,
          0,
          2 ** 40,
        ),
        mainHeapBytes: integer(
          "Old generation of the main thread. It has to be given to Node.js as it starts: `shrike plan --node-options`. 0: V8's choice.",
          0,
          0,
          2 ** 40,
        ),
        actorHeapBytes: integer(
          "Old generation of an actor thread: actors in use are objects there. 0: V8's choice.",
          0,
          0,
          2 ** 40,
        ),
        actorYoungBytes: integer(
          'Young generation of an actor thread; V8 makes 3, 6, 12, … 192 MiB of it. Small ones cost CPU time.',
          192 << 20,
          3 << 20,
          2 ** 32,
        ),
        scorerHeapBytes: integer("Old generation of a scorer. 0: V8's choice.", 0, 0, 2 ** 40),
      },
      closed,
    ),
    scoring: Type.Object(
      {
        runtime: Type.Union([Type.Literal('auto'), Type.Literal('onnxruntime')], {
          description:
            'What evaluates the model. auto: the trees of a tree ensemble in WebAssembly, if ' +
            'they are shown to score as ONNX Runtime does; else ONNX Runtime.',
          default: 'auto',
        }),
        threads: integer('Scorer threads. 0: half of the cores, at least 1.', 0, 0, 64),
        batchRowsMax: integer('Rows of one model call.', 1024, 1, 1024),
        batchWaitMs: Type.Number({
          description: 'How long a lone request waits for others while a scorer is free.',
          default: 0,
          minimum: 0,
          maximum: 1000,
        }),
        threshold: Type.Number({
          description: "Score from which a payment is an alert. Negative: the bundle's own.",
          default: -1,
          maximum: 1,
        }),
      },
      closed,
    ),
    commit: Type.Object(
      {
        minIntervalMs: Type.Number({
          description:
            'Least time from one commit to the next; 0: a commit takes what was scored while the ' +
            'last one ran. On Kafka, fetches that are 16 ms apart set the pace already.',
          default: 0,
          minimum: 0,
          maximum: 10_000,
        }),
        recordsMax: integer(
          'Input records of one commit, over all partitions.',
          32_000,
          1,
          1_000_000,
        ),
      },
      closed,
    ),
    checkpoints: Type.Object(
      {
        intervalMs: integer(
          'Milliseconds between checkpoints of a partition.',
          10_000,
          50,
          86_400_000,
        ),
        keepCount: integer(
          'Checkpoints kept of each partition, savepoints not counted.',
          3,
          1,
          1000,
        ),
        compactAfterSegments: integer('Increments after which a new base is written.', 8, 1, 1000),
        backlogBytesMax: integer(
          'Bytes of snapshots of a partition that wait for a store that is down; beyond it the next checkpoint is a new base.',
          64 << 20,
          1 << 16,
          2 ** 40,
        ),
        keepDrills: integer('Reports of drills kept in the store.', 200, 1, 100_000),
        graceMs: integer(
          'Milliseconds that the segments of a checkpoint stay after retention has dropped it, for who is restoring it.',
          60_000,
          0,
          86_400_000,
        ),
      },
      closed,
    ),
    s3: Type.Object(
      {
        bucket: Type.String({
          description:
            'Bucket for the checkpoints. Empty: a folder in the data folder. Credentials come from the usual places of the AWS SDK (environment, shared files, role).',
          default: '',
        }),
        prefix: Type.String({
          description: 'Put before every key, as `team-a/`.',
          default: '',
          pattern: '^([a-zA-Z0-9._=-]+/)*$',
        }),
        endpoint: Type.String({
          description: 'Address of the store, http or https, for MinIO and the like. Empty: AWS.',
          default: '',
          pattern: '^(https?://[^/].*)?$',
        }),
        region: Type.String({
          description: 'Of the bucket. Empty: AWS_REGION, on AWS what its SDK finds, or us-east-1.',
          default: '',
        }),
        pathStyle: Type.Boolean({
          description: 'Bucket in the path instead of the host name: MinIO needs it.',
          default: false,
        }),
        encryption: Type.Union(
          [Type.Literal('none'), Type.Literal('AES256'), Type.Literal('aws:kms')],
          {
            description: "Server-side encryption to ask for. `none`: the bucket's default.",
            default: 'none',
          },
        ),
        kmsKeyId: Type.String({
          description: 'Key for `aws:kms`. Empty: the default key of the account.',
          default: '',
        }),
        deadlineMs: integer(
          'Milliseconds within which an operation must succeed, its retries included.',
          60_000,
          100,
          3_600_000,
        ),
      },
      closed,
    ),
    watchdog: Type.Object(
      {
        stuckMs: integer(
          'A stage that makes no progress for so long is reported, and liveness fails.',
          30_000,
          1000,
          3_600_000,
        ),
      },
      closed,
    ),
    api: Type.Object(
      {
        host: Type.String({
          description: 'Address to listen on. Anything but loopback opens the page to the network.',
          default: '127.0.0.1',
        }),
        port: integer('Port; 0 picks a free one.', 8477, 0, 65_535),
        hostNames: Type.String({
          description:
            'Names besides its own under which it may be asked, `name,name`: those of a service or an ingress in front of it.',
          default: '',
          pattern: '^([a-zA-Z0-9._-]+(, ?[a-zA-Z0-9._-]+)*)?$',
        }),
      },
      closed,
    ),
    logging: Type.Object(
      {
        level: Type.Union(
          ['trace', 'debug', 'info', 'warn', 'error'].map((l) => Type.Literal(l as 'info')),
          { description: 'Least level that is logged.', default: 'info' },
        ),
        pretty: Type.Boolean({ description: 'Log lines for people, not JSON.', default: false }),
      },
      closed,
    ),
  },
  closed,
);

export type Config = Static<typeof ConfigSchema>;
