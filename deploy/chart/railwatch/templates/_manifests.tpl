{{/*
The chart's objects are those of deploy/, read from files/ and changed where a value says so; nothing
is written twice. `include` returns text alone, so lists and objects travel as JSON.
*/}}

{{/* A file of files/, or what to do about its absence. */}}
{{- define "railwatch.file" -}}
{{- $text := .root.Files.Get (printf "files/%s" .file) -}}
{{- required (printf "files/%s is not in this chart: a checkout's is made by `make chart`, in build/chart/railwatch" .file) $text -}}
{{- end -}}

{{/* A file of deploy/ with the namespace of the release wherever it names its own. */}}
{{- define "railwatch.manifest" -}}
{{- $namespace := .root.Release.Namespace -}}
{{- $text := include "railwatch.file" . -}}
{{- $text = regexReplaceAll "(namespace|resourceNamespace): railwatch\\b" $text (printf "${1}: %s" $namespace) -}}
{{- $text = replace "system:serviceaccount:railwatch:" (printf "system:serviceaccount:%s:" $namespace) $text -}}
{{- replace "[kube-system, railwatch]" (printf "[kube-system, %s]" $namespace) $text -}}
{{- end -}}

{{/* The objects of a text, with the labels by which Helm's are known. */}}
{{- define "railwatch.objects" -}}
{{- $root := .root -}}
{{- $objects := list -}}
{{- range regexSplit "(?m)^---$" .text -1 -}}
{{- $object := fromYaml . -}}
{{- if hasKey $object "Error" }}{{ fail (printf "a manifest of this chart is no YAML: %s" $object.Error) }}{{ end -}}
{{- $labels := dict "helm.sh/chart" (printf "%s-%s" $root.Chart.Name $root.Chart.Version) "app.kubernetes.io/managed-by" $root.Release.Service -}}
{{- $_ := set $object.metadata "labels" (merge $labels (default dict $object.metadata.labels)) -}}
{{- $objects = append $objects $object -}}
{{- end -}}
{{- toJson $objects -}}
{{- end -}}

{{/* The objects of a file of deploy/. */}}
{{- define "railwatch.read" -}}
{{- include "railwatch.objects" (dict "root" .root "text" (include "railwatch.manifest" .)) -}}
{{- end -}}

{{/*
The objects of a rendered file, in the namespace of the release: they name it where the bridge is told of
alerts, and where fabrics are looked for.
*/}}
{{- define "railwatch.rendered" -}}
{{- $namespace := .root.Release.Namespace -}}
{{- $text := regexReplaceAll "//railwatch-bridge\\.[-a-z0-9]+:" (include "railwatch.file" .) (printf "//railwatch-bridge.%s:" $namespace) -}}
{{- range include "railwatch.objects" (dict "root" .root "text" $text) | fromJsonArray }}
---
{{- $_ := set .metadata "namespace" $namespace }}
{{- $_ := set .metadata "labels" (merge .metadata.labels $.root.Values.monitoring.labels) }}
{{- if eq .kind "ScrapeConfig" }}
{{- range .spec.kubernetesSDConfigs }}{{ $_ := set .namespaces "names" (list $namespace) }}{{ end }}
{{- end }}
{{ toYaml . }}
{{- end }}
{{- end -}}

{{/* Flags, where later ones replace earlier ones of the same name, --x and --no-x alike. */}}
{{- define "railwatch.flags" -}}
{{- $names := list -}}
{{- range .later }}{{ $names = append $names (include "railwatch.flag" .) }}{{ end -}}
{{- $kept := list -}}
{{- range .earlier }}
{{- if not (has (include "railwatch.flag" .) $names) }}{{ $kept = append $kept . }}{{ end -}}
{{- end -}}
{{- toJson (concat $kept .later) -}}
{{- end -}}

{{- define "railwatch.flag" -}}
{{- regexReplaceAll "^--(no-)?([^=]+)(=.*)?$" . "${2}" -}}
{{- end -}}

{{/* An image by its name in deploy/, with the registry and tag that the values say. */}}
{{- define "railwatch.image" -}}
{{- $name := first (splitList ":" .image) -}}
{{- if .root.Values.image.registry }}{{ $name = printf "%s/%s" (trimSuffix "/" .root.Values.image.registry) $name }}{{ end -}}
{{- printf "%s:%s" $name (default .root.Chart.AppVersion .root.Values.image.tag) -}}
{{- end -}}

{{/* The port where a program listens by its flags. */}}
{{- define "railwatch.port" -}}
{{- range .args }}{{ if hasPrefix "--web.listen-address=" . }}
{{- regexFind "[0-9]+$" . -}}
{{- end }}{{ end -}}
{{- end -}}

{{/*
Make a container's port and probes fit its flags. What --web.config.file asks of clients, TLS, a certificate or a
password, the kubelet cannot have: then it only tries whether the port is open.
*/}}
{{- define "railwatch.fit" -}}
{{- $container := .container -}}
{{- $port := include "railwatch.port" $container | int -}}
{{- if or (lt $port 1) (gt $port 65535) }}{{ fail (printf "%s.args: --web.listen-address needs a port from 1 to 65535, such as :9410" .part) }}{{ end -}}
{{- $_ := set (first $container.ports) "containerPort" $port -}}
{{- if regexMatch "--web\\.config\\.file=[^ ]" (join " " $container.args) -}}
{{- range list "readinessProbe" "livenessProbe" -}}
{{- $probe := omit (get $container .) "httpGet" -}}
{{- $_ := set $container . (set $probe "tcpSocket" (dict "port" "metrics")) -}}
{{- end -}}
{{- end -}}
{{- end -}}

{{/*
A workload of deploy/ with what the values of a `part` say, which has args, resources, nodeSelector, volumes
and volumeMounts, an exporter's also runtimeClassName; `flags` are the chart's own. The part's program is the first container.
*/}}
{{- define "railwatch.workload" -}}
{{- $object := .object -}}
{{- $pod := $object.spec.template.spec -}}
{{- $container := first $pod.containers -}}
{{- $values := index .root.Values .part -}}
{{- include "railwatch.checkFlags" (dict "root" .root "part" .part "program" (first $container.command) "args" $values.args) -}}
{{- include "railwatch.checkVolumes" (dict "part" .part "pod" $pod "values" $values) -}}
{{- $flags := include "railwatch.flags" (dict "earlier" $container.args "later" .flags) | fromJsonArray -}}
{{- $_ := set $container "args" (include "railwatch.flags" (dict "earlier" $flags "later" $values.args) | fromJsonArray) -}}
{{- include "railwatch.fit" (dict "container" $container "part" .part) -}}
{{- $_ := set $container "image" (include "railwatch.image" (dict "root" .root "image" $container.image)) -}}
{{- with .root.Values.image.pullPolicy }}{{ range $pod.containers }}{{ $_ := set . "imagePullPolicy" $.root.Values.image.pullPolicy }}{{ end }}{{ end -}}
{{- with .root.Values.image.pullSecrets }}{{ $_ := set $pod "imagePullSecrets" . }}{{ end -}}
{{- with $values.resources }}{{ $_ := set $container "resources" . }}{{ end -}}
{{- with $values.runtimeClassName }}{{ $_ := set $pod "runtimeClassName" . }}{{ end -}}
{{- with $values.nodeSelector }}{{ $_ := set $pod "nodeSelector" . }}{{ end -}}
{{- $_ := set $container "volumeMounts" (concat $container.volumeMounts $values.volumeMounts) -}}
{{- $_ := set $pod "volumes" (concat $pod.volumes $values.volumes) -}}
{{- if hasKey $values "replicas" }}{{ $_ := set $object.spec "replicas" $values.replicas }}{{ end -}}
{{- toYaml $object -}}
{{- end -}}

{{/* Flags of programs that keep things in their namespace, where that is not their default. */}}
{{- define "railwatch.namespaceFlags" -}}
{{- $flags := list -}}
{{- range .flags }}
{{- if ne $.root.Release.Namespace "railwatch" }}{{ $flags = append $flags (printf "--%s=%s" . $.root.Release.Namespace) }}{{ end -}}
{{- end -}}
{{- toJson $flags -}}
{{- end -}}
