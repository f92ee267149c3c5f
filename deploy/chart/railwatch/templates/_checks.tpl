{{/*
What values.schema.json cannot know of args and volumes: flags that the programs have, and volumes that
the pods have. A mistake is told when the chart is rendered, rather than by pods that do not start.
*/}}

{{/* Flags of a program that are values of the chart, by which: the schema and the templates read these. */}}
{{- define "railwatch.ownValues" -}}
bridge: {alertmanager.url: alertmanagerUrls, prometheus.url: prometheusUrls, cluster: cluster, verdict.max: verdictMax}
scheduler: {share: share, gangs: gangs, drain: drain, publish-topology: publishTopology}
{{- end -}}

{{/* The prefix of the keys that a program writes or reads, by its `args`. */}}
{{- define "railwatch.prefix" -}}
{{- $said := "railwatch.io" -}}
{{- range .args }}{{ if hasPrefix "--key-prefix=" . }}{{ $said = trimPrefix "--key-prefix=" . }}{{ end }}{{ end -}}
{{- $said -}}
{{- end -}}

{{/* Refuse prefixes at which the scheduler would not read what the bridge writes, or the bridge might not write it. */}}
{{- define "railwatch.checkPrefixes" -}}
{{- $bridge := include "railwatch.prefix" .Values.bridge -}}
{{- $scheduler := include "railwatch.prefix" .Values.scheduler -}}
{{- if and .Values.bridge.enabled .Values.scheduler.enabled (ne $bridge $scheduler) -}}
{{- fail (printf "scheduler.args: --key-prefix is %s, and that of bridge.args %s: the scheduler reads what the bridge writes" $scheduler $bridge) -}}
{{- end -}}
{{- if and .Values.bridge.enabled .Values.admission.bridge (ne $bridge "railwatch.io") -}}
{{- fail (printf "admission.bridge: its policies let the bridge write keys of railwatch.io/ alone, and bridge.args say --key-prefix=%s: set it to false, and apply deploy/bridge/admission.yaml with your prefix" $bridge) -}}
{{- end -}}
{{- end -}}

{{/* Refuse in `args` of a part what its program would refuse, and what has a value of its own. */}}
{{- define "railwatch.checkFlags" -}}
{{- $where := printf "%s.args" .part -}}
{{- $owned := index (include "railwatch.ownValues" . | fromYaml) .part | default dict -}}
{{- $takes := dict -}}
{{- range include "railwatch.file" (dict "root" .root "file" (printf "flags/%s" .program)) | trim | splitList "\n" -}}
{{- $_ := set $takes (splitList " " . | first) (splitList " " . | rest | join " ") -}}
{{- end -}}
{{- range .args -}}
{{- $name := include "railwatch.flag" . -}}
{{- $value := regexReplaceAll "^[^=]*=?" . "" -}}
{{- $valued := contains "=" . -}}
{{- $wanted := get $takes $name -}}
{{- if hasKey $owned $name -}}
{{- fail (printf "%s: --%s is a value: %s.%s" $where $name $.part (get $owned $name)) -}}
{{- else if not (hasKey $takes $name) -}}
{{- $near := list -}}
{{- range keys $takes | sortAlpha }}{{ if hasPrefix (trunc 3 $name) . }}{{ $near = append $near (printf "--%s" .) }}{{ end }}{{ end -}}
{{- fail (printf "%s: %s has no flag --%s%s" $where $.program $name (ternary (printf "; near it: %s" (join ", " $near)) "" (gt (len $near) 0))) -}}
{{- else if and $valued (not $wanted) -}}
{{- fail (printf "%s: %s takes no value: --%s or --no-%s" $where . $name $name) -}}
{{- else if and $wanted (or (not $valued) (hasPrefix "--no-" .)) -}}
{{- fail (printf "%s: %s needs its value in the same item: --%s=%s" $where . $name $wanted) -}}
{{- else if and (eq $wanted "DURATION") (not (regexMatch "^(0|([0-9]+(ms|[smhdw]))+)$" $value)) -}}
{{- fail (printf "%s: %s is no duration such as 5s, 1m30s or 500ms" $where .) -}}
{{- else if and (hasPrefix "{" $wanted) (not (has $value (splitList "," (trimAll "{}" $wanted)))) -}}
{{- fail (printf "%s: %s is none of %s" $where . $wanted) -}}
{{- end -}}
{{- end -}}
{{- end -}}

{{/* Refuse volumes whose name the pod has already, and mounts of volumes that it has not. */}}
{{- define "railwatch.checkVolumes" -}}
{{- $names := list -}}
{{- range .pod.volumes }}{{ $names = append $names .name }}{{ end -}}
{{- range .values.volumes -}}
{{- if has .name $names }}{{ fail (printf "%s.volumes: %s is there already" $.part .name) }}{{ end -}}
{{- $names = append $names .name -}}
{{- end -}}
{{- range .values.volumeMounts -}}
{{- if not (has .name $names) }}{{ fail (printf "%s.volumeMounts: no volume is called %s: %s" $.part .name (join ", " $names)) }}{{ end -}}
{{- end -}}
{{- end -}}
