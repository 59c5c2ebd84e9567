/** The schema of the chart's values: its own keys, and below `config` those of the engine. */

/** Set by the chart itself: a value for them would be overwritten in silence. */
const CHART_OWNED = new Set(['dataDir', 'kafka.instanceId', 'api.host', 'api.port']);

const object = (properties, more = {}) => ({
  type: 'object',
  additionalProperties: false,
  properties,
  ...more,
});
const text = (pattern) => ({ type: 'string', ...(pattern !== undefined && { pattern }) });
const integer = (minimum, maximum) => ({ type: 'integer', minimum, maximum });
const choice = (...values) => ({ enum: values });
const list = (items) => ({ type: 'array', items });
const flag = { type: 'boolean' };
/** What Kubernetes has a schema of its own for. */
const anyObject = { type: 'object' };
const texts = { type: 'object', additionalProperties: { type: 'string' } };
const quantity = text('^[0-9]+(\\.[0-9]+)?(m|k|Ki|M|Mi|G|Gi|T|Ti)?$');
const seconds = integer(0, 86_400);
const replicas = integer(1, 1024);
const NAME = '^([a-z0-9]([a-z0-9.-]*[a-z0-9])?)?$';
const secret = (...keys) =>
  object(Object.fromEntries([['name', text(NAME)], ...keys.map((key) => [key, text('^[-._a-zA-Z0-9]+$')])]));

/** A key of the engine's configuration as Helm checks it: no key has to be there. */
function settingOf(schema, path) {
  if (schema.type === 'object') {
    const entries = Object.entries(schema.properties)
      .map(([name, below]) => [name, below, path === '' ? name : `${path}.${name}`])
      .filter(([, , key]) => !CHART_OWNED.has(key))
      .map(([name, below, key]) => [name, settingOf(below, key)]);
    return object(Object.fromEntries(entries));
  }
  const { anyOf, ...rest } = schema;
  return anyOf === undefined ? rest : { ...rest, enum: anyOf.map((one) => one.const) };
}

const image = object({
  repository: text('^[a-z0-9][a-z0-9._:/-]*$'),
  tag: text('^[a-zA-Z0-9._-]*$'),
  digest: text('^(sha256:[0-9a-f]{64})?$'),
  pullPolicy: choice('IfNotPresent', 'Always', 'Never'),
});

const persistence = object({
  enabled: flag,
  storageClass: text(NAME),
  size: quantity,
  whenDeleted: choice('', 'Retain', 'Delete'),
  whenScaled: choice('', 'Retain', 'Delete'),
});

const networkPolicy = object({
  enabled: flag,
  apiFrom: list(anyObject),
  prometheusNamespace: text(NAME),
  kafkaTo: list(anyObject),
  storeTo: list(anyObject),
  stsTo: list(anyObject),
  kafkaPorts: list(integer(1, 65_535)),
  egress: list(anyObject),
});

const autoscaling = object({
  enabled: flag,
  minReplicas: replicas,
  maxReplicas: replicas,
  prometheusAddress: text('^(https?://.+)?$'),
  lagSeconds: { type: 'number', exclusiveMinimum: 0 },
  paymentsPerSecondPerPod: { type: 'number', exclusiveMinimum: 0 },
  // What an autoscaler allows.
  scaleUpStabilizationSeconds: integer(0, 3600),
  scaleUpPeriodSeconds: integer(1, 1800),
  scaleDownStabilizationSeconds: integer(0, 3600),
  scaleDownPeriodSeconds: integer(1, 1800),
});

const roleArn = text('^(arn:aws[a-z-]*:iam::[0-9]{12}:role/.+)?$');

/** Behind the release's name in that of a CronJob, which may have 52 characters. */
const scheduleName = (lengthMax) => text(`^[a-z0-9]([a-z0-9-]{0,${lengthMax - 2}}[a-z0-9])?$`);
const schedule = text('^(@[a-z]+|(\\S+ ){4}\\S+)$');

/** What a pod on a schedule gets. */
const scheduled = {
  timeZone: text('^[A-Za-z0-9_+/-]+$'),
  deadlineSeconds: seconds,
  resources: anyObject,
  scratchSize: quantity,
  scratchStorageClass: text(NAME),
};

const drill = object({
  enabled: flag,
  schedules: {
    ...list(
      object(
        {
          name: scheduleName(13),
          schedule,
          checkpoint: text('^[a-zA-Z0-9][a-zA-Z0-9._-]{0,99}$'),
        },
        { required: ['name', 'schedule', 'checkpoint'] },
      ),
    ),
    minItems: 1,
  },
  ...scheduled,
});

const job = object(
  {
    schedule,
    args: list(text()),
    image: text('^[a-zA-Z0-9][a-zA-Z0-9._:/@-]*$'),
    imageRepository: text('^[a-z0-9][a-z0-9._:/-]*$'),
    command: list(text()),
    env: list(anyObject),
    serviceAccountName: text(NAME),
    roleArn,
    ...scheduled,
  },
  {
    // null: none.
    type: ['object', 'null'],
    anyOf: ['args', 'image', 'imageRepository'].map((key) => ({ required: [key] })),
    dependencies: { roleArn: ['serviceAccountName'] },
  },
);
/** By their names, so that a second file of values may change one, or take it out. */
const jobs = {
  type: 'object',
  propertyNames: scheduleName(15),
  additionalProperties: job,
};

const monitoring = object({
  enabled: flag,
  interval: text('^[0-9]+s$'),
  labels: texts,
  rules: flag,
  dashboards: flag,
  dashboardLabel: text('^[a-zA-Z0-9][a-zA-Z0-9._/-]*$'),
  docsUrl: text('^(https?://[^"\\\\ ]*[^"\\\\ /])?$'),
});

export function valuesSchema(configSchema) {
  return {
    $schema: 'http://json-schema.org/draft-07/schema#',
    title: 'Values of the chart shrike',
    ...object({
      // What Helm itself puts there.
      global: anyObject,
      image,
      imagePullSecrets: list(anyObject),
      nameOverride: text(NAME),
      fullnameOverride: text(NAME),
      clusterDomain: text('^[a-z0-9.-]+$'),
      replicaCount: replicas,
      config: settingOf(configSchema, ''),
      source: choice('', 'log', 'simulate'),
      extraArgs: list(text()),
      secrets: object({
        kafkaPassword: secret('key'),
        kafkaCa: secret('key'),
        kafkaClient: secret('certKey', 'keyKey'),
        s3Credentials: secret('accessKeyIdKey', 'secretAccessKeyKey'),
      }),
      serviceAccount: object({
        create: flag,
        name: text(NAME),
        roleArn,
        annotations: texts,
      }),
      resources: anyObject,
      persistence,
      tmpSize: quantity,
      service: object({ port: integer(1, 65_535) }),
      listenAddress: text('^[0-9a-f.:]+$'),
      ingress: object({
        enabled: flag,
        className: text(),
        annotations: texts,
        hosts: list(text('^[a-z0-9.-]+$')),
        tls: list(anyObject),
        controllerNamespace: text(NAME),
      }),
      probes: object({ startupSeconds: integer(5, 86_400) }),
      preStopSeconds: integer(1, 3600),
      terminationGracePeriodSeconds: { type: ['integer', 'null'], minimum: 1 },
      podDisruptionBudget: object({ enabled: flag, maxUnavailable: integer(1, 1024) }),
      updateStrategy: object({ partition: integer(0, 1024) }),
      minReadySeconds: seconds,
      antiAffinity: choice('soft', 'hard'),
      topologySpread: object({
        enabled: flag,
        whenUnsatisfiable: choice('ScheduleAnyway', 'DoNotSchedule'),
      }),
      priorityClassName: text(NAME),
      nodeSelector: texts,
      tolerations: list(anyObject),
      podAnnotations: texts,
      podLabels: texts,
      extraEnv: list(anyObject),
      extraVolumes: list(anyObject),
      extraVolumeMounts: list(anyObject),
      networkPolicy,
      monitoring,
      autoscaling,
      drill,
      jobs: object({ schedules: jobs, ...scheduled }),
    }),
  };
}
