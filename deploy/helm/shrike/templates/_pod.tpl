{{/* What every pod of the chart has; PodSecurity `restricted` asks for all of it. */}}
{{- define "shrike.podSecurity" -}}
runAsNonRoot: true
runAsUser: 10001
runAsGroup: 10001
fsGroup: 10001
# Not on every start: a volume of state has many files.
fsGroupChangePolicy: OnRootMismatch
seccompProfile:
  type: RuntimeDefault
{{- end }}

{{- define "shrike.containerSecurity" -}}
allowPrivilegeEscalation: false
readOnlyRootFilesystem: true
runAsNonRoot: true
capabilities:
  drop: [ALL]
seccompProfile:
  type: RuntimeDefault
{{- end }}

{{/* Settings of every process, besides the file: what comes from Secrets and fits no file. */}}
{{- define "shrike.environment" -}}
{{- with .Values.secrets.s3Credentials }}
{{- if .name -}}
- name: AWS_ACCESS_KEY_ID
  valueFrom:
    secretKeyRef: { name: {{ .name }}, key: {{ .accessKeyIdKey }} }
- name: AWS_SECRET_ACCESS_KEY
  valueFrom:
    secretKeyRef: { name: {{ .name }}, key: {{ .secretAccessKeyKey }} }
{{- end }}
{{- end }}
{{- with .Values.extraEnv }}
{{ toYaml . }}
{{- end }}
{{- end }}

{{- define "shrike.mounts" -}}
- { name: config, mountPath: /etc/shrike/config, readOnly: true }
- { name: tmp, mountPath: /tmp }
{{- with .Values.secrets }}
{{- if .kafkaPassword.name }}
- { name: kafka-password, mountPath: /etc/shrike/kafka-password, readOnly: true }
{{- end }}
{{- if .kafkaCa.name }}
- { name: kafka-ca, mountPath: /etc/shrike/kafka-ca, readOnly: true }
{{- end }}
{{- if .kafkaClient.name }}
- { name: kafka-client, mountPath: /etc/shrike/kafka-client, readOnly: true }
{{- end }}
{{- end }}
{{- with .Values.extraVolumeMounts }}
{{ toYaml . }}
{{- end }}
{{- end }}

{{- define "shrike.volumes" -}}
- name: config
  configMap:
    name: {{ include "shrike.fullname" . }}
- name: tmp
  emptyDir:
    sizeLimit: {{ .Values.tmpSize }}
{{- with .Values.secrets }}
{{- if .kafkaPassword.name }}
- name: kafka-password
  secret:
    secretName: {{ .kafkaPassword.name }}
    defaultMode: 0440
    items:
      - { key: {{ .kafkaPassword.key }}, path: password }
{{- end }}
{{- if .kafkaCa.name }}
- name: kafka-ca
  secret:
    secretName: {{ .kafkaCa.name }}
    items:
      - { key: {{ .kafkaCa.key }}, path: ca.pem }
{{- end }}
{{- if .kafkaClient.name }}
- name: kafka-client
  secret:
    secretName: {{ .kafkaClient.name }}
    defaultMode: 0440
    items:
      - { key: {{ .kafkaClient.certKey }}, path: cert.pem }
      - { key: {{ .kafkaClient.keyKey }}, path: key.pem }
{{- end }}
{{- end }}
{{- with .Values.extraVolumes }}
{{ toYaml . }}
{{- end }}
{{- end }}

{{/*
A ServiceAccount.
  root         the chart's values and names
  name, annotations
*/}}
{{- define "shrike.serviceAccountOf" -}}
apiVersion: v1
kind: ServiceAccount
metadata:
  name: {{ .name }}
  labels: {{- include "shrike.labels" .root | nindent 4 }}
  {{- with .annotations }}
  annotations: {{- toYaml . | nindent 4 }}
  {{- end }}
# Nothing here asks the API server; what AWS needs is mounted beside it.
automountServiceAccountToken: false
{{- end }}
