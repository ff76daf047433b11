{{- define "surefoot.name" -}}
{{- default .Chart.Name .Values.nameOverride | trunc 63 | trimSuffix "-" -}}
{{- end -}}

{{- define "surefoot.fullname" -}}
{{- if .Values.fullnameOverride -}}
{{- .Values.fullnameOverride | trunc 63 | trimSuffix "-" -}}
{{- else if contains (include "surefoot.name" .) .Release.Name -}}
{{- .Release.Name | trunc 63 | trimSuffix "-" -}}
{{- else -}}
{{- printf "%s-%s" .Release.Name (include "surefoot.name" .) | trunc 63 | trimSuffix "-" -}}
{{- end -}}
{{- end -}}

{{- define "surefoot.selectorLabels" -}}
app.kubernetes.io/name: {{ include "surefoot.name" . }}
app.kubernetes.io/instance: {{ .Release.Name }}
{{- end -}}

{{- define "surefoot.labels" -}}
{{ include "surefoot.selectorLabels" . }}
app.kubernetes.io/version: {{ .Chart.AppVersion | quote }}
app.kubernetes.io/component: operator
app.kubernetes.io/managed-by: {{ .Release.Service }}
helm.sh/chart: {{ printf "%s-%s" .Chart.Name .Chart.Version | replace "+" "_" }}
{{- end -}}

{{- define "surefoot.serviceAccountName" -}}
{{- if .Values.serviceAccount.create -}}
{{- default (include "surefoot.fullname" .) .Values.serviceAccount.name -}}
{{- else -}}
{{- default "default" .Values.serviceAccount.name -}}
{{- end -}}
{{- end -}}

{{- define "surefoot.image" -}}
{{- if .Values.image.digest -}}
{{- printf "%s@%s" .Values.image.repository .Values.image.digest -}}
{{- else -}}
{{- printf "%s:%s" .Values.image.repository (default .Chart.AppVersion .Values.image.tag) -}}
{{- end -}}
{{- end -}}

{{- define "surefoot.prometheusUrl" -}}
{{- $url := .Values.prometheus.url -}}
{{- if not $url -}}
{{- fail "prometheus.url is empty: set it to the address at which pods reach Prometheus, for example --set prometheus.url=http://prometheus.monitoring:9090" -}}
{{- else if not (regexMatch "^https?://[^/\\s]+\\S*$" $url) -}}
{{- fail (printf "prometheus.url is %q: it must start with http:// or https:// and name a host" $url) -}}
{{- end -}}
{{- $url -}}
{{- end -}}

{{- define "surefoot.scrapeInterval" -}}
{{- $interval := toString .Values.prometheus.scrapeInterval -}}
{{- if not (regexMatch "^[1-9][0-9]*(s|m|h)$" $interval) -}}
{{- fail (printf "prometheus.scrapeInterval is %q: it must be a whole number with a unit, for example 15s or 1m" $interval) -}}
{{- end -}}
{{- $interval -}}
{{- end -}}

{{- define "surefoot.tenant" -}}
{{- if and .Values.prometheus.tenant (eq .Values.prometheus.kind "Prometheus") -}}
{{- fail (printf "prometheus.tenant is %q, but a Prometheus has no tenants: remove it, or set prometheus.kind to Thanos or Mimir" .Values.prometheus.tenant) -}}
{{- end -}}
{{- .Values.prometheus.tenant -}}
{{- end -}}

{{- /* Sources of one folder of credentials. A Secret that is missing keeps nothing from starting: the operator
goes on guarding what needs no Prometheus, and says what is refused. */ -}}
{{- define "surefoot.authSources" -}}
{{- with .secretName }}
- secret:
    name: {{ . }}
    optional: true
{{- end }}
{{- with .caConfigMap }}
{{- if .name }}
- configMap:
    name: {{ .name }}
    optional: true
    items:
    - key: {{ default "ca.crt" .key }}
      path: ca.crt
{{- end }}
{{- end }}
{{- with .serviceAccountToken }}
{{- if .enabled }}
- serviceAccountToken:
    path: token
    expirationSeconds: 3600
    {{- with .audience }}
    audience: {{ . }}
    {{- end }}
{{- end }}
{{- end }}
{{- end -}}

{{- /* The operator's rights in the namespaces that it looks after. */ -}}
{{- define "surefoot.rules" -}}
- apiGroups: [surefoot.dev]
  resources: [modelreleases, releaseactions]
  verbs: [get, list, watch]
- apiGroups: [surefoot.dev]
  resources: [modelreleases/status, releaseactions/status]
  verbs: [patch]
# The account of each release; the oldest ones are deleted.
- apiGroups: [surefoot.dev]
  resources: [releaserecords]
  verbs: [get, list, watch, create, patch, delete]
- apiGroups: [apps]
  resources: [deployments]
  verbs: [get, list, watch]
- apiGroups: [""]
  resources: [services]
  verbs: [get, list, watch]
# References of Drift signals, by name.
- apiGroups: [""]
  resources: [configmaps]
  verbs: [get]
# Never delete: what serves goes on serving.
- apiGroups: [gateway.networking.k8s.io]
  resources: [httproutes]
  verbs: [get, list, watch, create, patch]
- apiGroups: [events.k8s.io]
  resources: [events]
  verbs: [create]
{{- end -}}
