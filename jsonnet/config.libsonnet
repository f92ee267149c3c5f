// What users of the mixin may set:
//
//   (import 'railwatch/mixin.libsonnet') + { _config+:: { dashboardTags: ['gpu'] } }
//
// Thresholds, the cluster label and the verdicts stand inside expressions; set those in render.toml
// and render again.
local rendered = import 'data/config.json';

{
  _config+:: {
    // The label that tells clusters apart, as it was rendered; to read, not to set.
    clusterLabel: rendered.clusterLabel,

    // Matchers of the series that Prometheus itself adds for each target, in every expression.
    exporterSelector: rendered.exporterSelector,
    bridgeSelector: rendered.bridgeSelector,
    schedulerSelector: rendered.schedulerSelector,

    // Where an alert's runbook page is; %s becomes the alert's name. null keeps what was rendered.
    runbookURLPattern: null,

    // Alerts to leave out, by name.
    disabledAlerts: [],

    // Alert name → rule fields laid over it, such as { GpuFellOffBus: { 'for': '2m' } }; labels
    // and annotations are merged, and null removes one.
    alertOverrides: {},

    // Tags by which the dashboards find each other. null keeps what was rendered.
    dashboardTags: null,

    // How often an open dashboard asks again, such as '1m'. null keeps what was rendered.
    dashboardRefresh: null,
  },
}
