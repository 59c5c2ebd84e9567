{{/*
What is in force: the schema's defaults, below the release's values. For what the chart itself has to
know; the engine gets the values alone, and applies the defaults itself.
*/}}
{{- define "shrike.effective" -}}
{{- $defaults := .Files.Get "files/config-defaults.json" | fromJson }}
{{- mergeOverwrite $defaults (deepCopy .Values.config) | toJson }}
{{- end }}

{{- define "shrike.isOnKafka" -}}
{{- if (include "shrike.effective" . | fromJson).kafka.bootstrap }}true{{ end }}
{{- end }}

{{- define "shrike.hasBucket" -}}
{{- if (include "shrike.effective" . | fromJson).s3.bucket }}true{{ end }}
{{- end }}

{{/* Names under which the API is asked: those of the Service and of the Ingress. */}}
{{- define "shrike.hostNames" -}}
{{- $full := include "shrike.fullname" . }}
{{- $inNamespace := printf "%s.%s" $full .Release.Namespace }}
{{- $inCluster := printf "%s.svc.%s" $inNamespace .Values.clusterDomain }}
{{- $names := list $full $inNamespace (printf "%s.svc" $inNamespace) $inCluster }}
{{- if .Values.ingress.enabled }}{{ $names = concat $names .Values.ingress.hosts }}{{ end }}
{{- with (include "shrike.effective" . | fromJson).api.hostNames }}{{ $names = append $names . }}{{ end }}
{{- join "," $names }}
{{- end }}

{{/* The file that the engine reads: the release's `config`, and what belongs to the chart. */}}
{{- define "shrike.configuration" -}}
{{- $secrets := .Values.secrets }}
{{- $api := dict "host" .Values.listenAddress "port" 8080 "hostNames" (include "shrike.hostNames" .) }}
{{- $own := dict "dataDir" "/var/lib/shrike" "api" $api }}
{{- $tls := dict }}
{{- if $secrets.kafkaCa.name }}{{ $_ := set $tls "caFile" "/etc/shrike/kafka-ca/ca.pem" }}{{ end }}
{{- if $secrets.kafkaClient.name }}
{{- $_ := set $tls "certFile" "/etc/shrike/kafka-client/cert.pem" }}
{{- $_ := set $tls "keyFile" "/etc/shrike/kafka-client/key.pem" }}
{{- end }}
{{- $kafka := dict }}
{{- if $tls }}{{ $_ := set $kafka "tls" $tls }}{{ end }}
{{- if $secrets.kafkaPassword.name }}
{{- $_ := set $kafka "sasl" (dict "passwordFile" "/etc/shrike/kafka-password/password") }}
{{- end }}
{{- if $kafka }}{{ $_ := set $own "kafka" $kafka }}{{ end }}
{{- mergeOverwrite (deepCopy .Values.config) $own | toPrettyJson }}
{{- end }}

{{/*
Stopping takes at most: what is in flight is committed or given up (20 s), each partition tries once
more to seal a checkpoint (s3.deadlineMs), and files are closed (10 s).
*/}}
{{- define "shrike.gracePeriodSeconds" -}}
{{- $seal := 0 }}
{{- if include "shrike.hasBucket" . }}
{{- $seal = divf (include "shrike.effective" . | fromJson).s3.deadlineMs 1000 | ceil | int }}
{{- end }}
{{- default (add .Values.preStopSeconds 20 $seal 10) .Values.terminationGracePeriodSeconds }}
{{- end }}

{{/* A list, each port once: those of the brokers' addresses, and those given beside them. */}}
{{- define "shrike.kafkaPorts" -}}
{{- $addresses := splitList "," (include "shrike.effective" . | fromJson).kafka.bootstrap }}
{{- $ports := list }}
{{- range .Values.networkPolicy.kafkaPorts }}{{ $ports = append $ports (int .) }}{{ end }}
{{- range $addresses }}{{ $ports = append $ports (regexFind "[0-9]+$" (trim .) | int) }}{{ end }}
{{- uniq $ports | toJson }}
{{- end }}

{{- define "shrike.storePort" -}}
{{- $endpoint := (include "shrike.effective" . | fromJson).s3.endpoint }}
{{- $given := regexFind ":[0-9]+(/|$)" $endpoint | regexFind "[0-9]+" }}
{{- default (ternary "80" "443" (hasPrefix "http:" $endpoint)) $given }}
{{- end }}
