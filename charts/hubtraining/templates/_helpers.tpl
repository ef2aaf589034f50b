{{- define "hubtraining.name" -}}
{{- default .Chart.Name .Values.nameOverride | trunc 40 | trimSuffix "-" -}}
{{- end -}}

{{/* Prefix of every name; 40 characters leave room for the longest suffix. */}}
{{- define "hubtraining.fullname" -}}
{{- $name := default .Chart.Name .Values.nameOverride -}}
{{- if .Values.fullnameOverride -}}
{{- .Values.fullnameOverride | trunc 40 | trimSuffix "-" -}}
{{- else if contains $name .Release.Name -}}
{{- .Release.Name | trunc 40 | trimSuffix "-" -}}
{{- else -}}
{{- printf "%s-%s" .Release.Name $name | trunc 40 | trimSuffix "-" -}}
{{- end -}}
{{- end -}}

{{/* Labels of an object: (list context component). */}}
{{- define "hubtraining.labels" -}}
{{- $context := index . 0 -}}
helm.sh/chart: {{ printf "%s-%s" $context.Chart.Name $context.Chart.Version | replace "+" "_" | trunc 63 }}
{{ include "hubtraining.selectorLabels" . }}
app.kubernetes.io/version: {{ $context.Chart.AppVersion | quote }}
app.kubernetes.io/part-of: hubtraining
app.kubernetes.io/managed-by: {{ $context.Release.Service }}
{{- with $context.Values.commonLabels }}
{{ toYaml . }}
{{- end }}
{{- end -}}

{{/* Labels that select the pods of a component: (list context component). */}}
{{- define "hubtraining.selectorLabels" -}}
{{- $context := index . 0 -}}
app.kubernetes.io/name: {{ include "hubtraining.name" $context }}
app.kubernetes.io/instance: {{ $context.Release.Name }}
app.kubernetes.io/component: {{ index . 1 }}
{{- end -}}

{{/* Labels of a pod: (list context component values). No versions: a new chart alone restarts nothing. */}}
{{- define "hubtraining.podLabels" -}}
{{- $context := index . 0 -}}
{{ include "hubtraining.selectorLabels" . }}
app.kubernetes.io/part-of: hubtraining
{{- with merge (dict) (index . 2).podLabels $context.Values.commonLabels }}
{{ toYaml . }}
{{- end }}
{{- end -}}

{{/* Labels that the controller gives to training pods. */}}
{{- define "hubtraining.trainingLabels" -}}
app.kubernetes.io/managed-by: hubtraining
{{- end -}}

{{- define "hubtraining.image" -}}
{{- if .Values.image.digest -}}
{{- printf "%s@%s" .Values.image.repository .Values.image.digest -}}
{{- else -}}
{{- printf "%s:%s" .Values.image.repository (default .Chart.AppVersion .Values.image.tag) -}}
{{- end -}}
{{- end -}}

{{- define "hubtraining.controllerName" -}}
{{ include "hubtraining.fullname" . }}-controller
{{- end -}}

{{/* The Service that the leading controller leads to itself, and the lease by which there is one. */}}
{{- define "hubtraining.reportsName" -}}
{{ include "hubtraining.controllerName" . }}-reports
{{- end -}}

{{- define "hubtraining.leaseName" -}}
{{ include "hubtraining.controllerName" . }}
{{- end -}}

{{/* Fails when the times of the lease do not leave room for one another. */}}
{{- define "hubtraining.checkLease" -}}
{{- with .Values.controller.lease -}}
{{- if not (and (gt (int .seconds) (int .renewSeconds)) (gt (int .renewSeconds) (int .retrySeconds))) -}}
{{- fail (printf "controller.lease: seconds (%v) must be more than renewSeconds (%v), and that more than retrySeconds (%v)" .seconds .renewSeconds .retrySeconds) -}}
{{- end -}}
{{- end -}}
{{- end -}}

{{- define "hubtraining.hubName" -}}
{{ include "hubtraining.fullname" . }}-hub
{{- end -}}

{{- define "hubtraining.controllerServiceAccount" -}}
{{- default (include "hubtraining.controllerName" .) .Values.controller.serviceAccount.name -}}
{{- end -}}

{{- define "hubtraining.hubServiceAccount" -}}
{{- default (include "hubtraining.hubName" .) .Values.hub.serviceAccount.name -}}
{{- end -}}

{{/* Root of a Service in this namespace: (list context name port). */}}
{{- define "hubtraining.serviceRoot" -}}
{{- $context := index . 0 -}}
{{- printf "http://%s.%s.svc:%v" (index . 1) $context.Release.Namespace (index . 2) -}}
{{- end -}}

{{/* API root of the default hub; empty when each session has to name one. */}}
{{- define "hubtraining.hubURL" -}}
{{- if and .Values.hub.enabled .Values.externalHub.url -}}
{{- fail "externalHub.url is set while hub.enabled is true: set hub.enabled=false to make the hub elsewhere the default, or leave externalHub.url empty" -}}
{{- else if .Values.hub.enabled -}}
{{- include "hubtraining.serviceRoot" (list . (include "hubtraining.hubName" .) 8000) -}}
{{- else -}}
{{- .Values.externalHub.url -}}
{{- end -}}
{{- end -}}

{{/* "true" when monitors are wanted and the cluster has this kind, or is not asked: (list context kind). */}}
{{- define "hubtraining.hasMonitor" -}}
{{- $context := index . 0 -}}
{{- $kind := index . 1 -}}
{{- if $context.Values.monitors.enabled -}}
{{- $mode := $context.Values.monitors.renderMode -}}
{{- $known := $context.Capabilities.APIVersions.Has (printf "monitoring.coreos.com/v1/%s" $kind) -}}
{{- if and (not $known) (eq $mode "failIfMissing") -}}
{{- fail (printf "monitors.renderMode is failIfMissing, and the cluster does not know monitoring.coreos.com/v1 %s: install the Prometheus operator first, or choose skipIfMissing" $kind) -}}
{{- end -}}
{{- if or $known (eq $mode "alwaysRender") -}}true{{- end -}}
{{- end -}}
{{- end -}}

{{/* What the pods of controller and hub have in common: (list context values). */}}
{{- define "hubtraining.placement" -}}
{{- $context := index . 0 -}}
{{- with $context.Values.imagePullSecrets }}
imagePullSecrets:
  {{- toYaml . | nindent 2 }}
{{- end }}
{{- with (index . 1) }}
{{- with .priorityClassName }}
priorityClassName: {{ . }}
{{- end }}
{{- with .nodeSelector }}
nodeSelector:
  {{- toYaml . | nindent 2 }}
{{- end }}
{{- with .tolerations }}
tolerations:
  {{- toYaml . | nindent 2 }}
{{- end }}
{{- with .affinity }}
affinity:
  {{- toYaml . | nindent 2 }}
{{- end }}
{{- end }}
{{- end -}}
