{{/*
A CronJob of one container, in a pod as an engine's: its configuration, secrets and role, and a
volume of its own that goes with the pod.
  root       the chart's values and names
  component  label, and name of the container
  name       behind the release's name; the whole has 52 characters at most
  job        schedule, timeZone, deadlineSeconds, resources, scratchSize, scratchStorageClass, args,
             serviceAccountName, when it is not the engine's;
             and, where it is not Shrike that runs: image, command, env
*/}}
{{- define "shrike.cronJob" -}}
{{- $root := .root }}
{{- $job := .job -}}
apiVersion: batch/v1
kind: CronJob
metadata:
  name: {{ include "shrike.fullname" $root | trunc 32 | trimSuffix "-" }}-{{ .name }}
  labels:
    {{- include "shrike.labels" $root | nindent 4 }}
    app.kubernetes.io/component: {{ .component }}
spec:
  schedule: {{ $job.schedule | quote }}
  timeZone: {{ $job.timeZone }}
  concurrencyPolicy: Forbid
  # Missed by an hour: the next one will do.
  startingDeadlineSeconds: 3600
  successfulJobsHistoryLimit: 3
  failedJobsHistoryLimit: 5
  jobTemplate:
    metadata:
      labels:
        {{- include "shrike.labels" $root | nindent 8 }}
        app.kubernetes.io/component: {{ .component }}
    spec:
      # A failure is news, not something to try until it passes.
      backoffLimit: 0
      activeDeadlineSeconds: {{ $job.deadlineSeconds }}
      template:
        metadata:
          labels:
            {{- include "shrike.selector" $root | nindent 12 }}
            app.kubernetes.io/component: {{ .component }}
        spec:
          restartPolicy: Never
          serviceAccountName: {{ $job.serviceAccountName | default (include "shrike.serviceAccount" $root) }}
          automountServiceAccountToken: false
          enableServiceLinks: false
          {{- with $root.Values.imagePullSecrets }}
          imagePullSecrets: {{- toYaml . | nindent 12 }}
          {{- end }}
          {{- with $root.Values.nodeSelector }}
          nodeSelector: {{- toYaml . | nindent 12 }}
          {{- end }}
          {{- with $root.Values.tolerations }}
          tolerations: {{- toYaml . | nindent 12 }}
          {{- end }}
          securityContext: {{- include "shrike.podSecurity" $root | nindent 12 }}
          containers:
            - name: {{ .component }}
              image: {{ $job.image | default (include "shrike.image" $root) }}
              imagePullPolicy: {{ $root.Values.image.pullPolicy }}
              {{- with $job.command }}
              command: {{- toYaml . | nindent 16 }}
              {{- end }}
              {{- with $job.args }}
              args: {{- toYaml . | nindent 16 }}
              {{- end }}
              {{- $environment := include "shrike.environment" $root }}
              {{- if or $environment $job.env }}
              env:
                {{- with $environment }}
                {{- . | nindent 16 }}
                {{- end }}
                {{- with $job.env }}
                {{- toYaml . | nindent 16 }}
                {{- end }}
              {{- end }}
              resources: {{- toYaml $job.resources | nindent 16 }}
              securityContext: {{- include "shrike.containerSecurity" $root | nindent 16 }}
              volumeMounts:
                - { name: scratch, mountPath: /var/lib/shrike }
                {{- include "shrike.mounts" $root | nindent 16 }}
          volumes:
            # Of its own, and gone with the pod: it touches nothing that an engine works on.
            - name: scratch
              {{- if $job.scratchStorageClass }}
              ephemeral:
                volumeClaimTemplate:
                  spec:
                    accessModes: [ReadWriteOnce]
                    storageClassName: {{ $job.scratchStorageClass }}
                    resources:
                      requests:
                        storage: {{ $job.scratchSize }}
              {{- else }}
              emptyDir:
                sizeLimit: {{ $job.scratchSize }}
              {{- end }}
            {{- include "shrike.volumes" $root | nindent 12 }}
{{- end }}
