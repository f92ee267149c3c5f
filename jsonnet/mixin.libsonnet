// railwatch as a monitoring mixin: the dashboards, alerts and rules that railwatch-render wrote,
// under the hidden fields that mixin tools read.
//
// It holds no metric name and no expression: those are made once, in Python.
local dashboards = import 'data/dashboards.json';
local alerts = import 'data/alerts.json';
local rules = import 'data/rules.json';

local refuseUnknown(setting, names, known) =
  local unknown = std.setDiff(std.set(names), std.set(known));
  if std.length(unknown) == 0 then true
  else error '_config.%s: there is no alert %s' % [setting, std.join(', ', unknown)];

local alertNames = [rule.alert for group in alerts.groups for rule in group.rules];

(import 'config.libsonnet') {
  local config = $._config,

  assert refuseUnknown('disabledAlerts', config.disabledAlerts, alertNames),
  assert refuseUnknown('alertOverrides', std.objectFields(config.alertOverrides), alertNames),

  local withRunbook(rule) =
    if config.runbookURLPattern == null then rule
    else rule { annotations+: { runbook_url: config.runbookURLPattern % rule.alert } },

  local withOverride(rule) =
    std.mergePatch(rule, std.get(config.alertOverrides, rule.alert, {})),

  local setting(name, value) = if value == null then {} else { [name]: value },

  // A dashboard finds its siblings by the first link, which lists those with its tags.
  local retagged(link) =
    if config.dashboardTags == null || link.type != 'dashboards' then link
    else link { tags: config.dashboardTags },

  grafanaDashboards+:: {
    [name + '.json']:
      dashboards[name]
      + { links: [retagged(link) for link in dashboards[name].links] }
      + setting('tags', config.dashboardTags)
      + setting('refresh', config.dashboardRefresh)
    for name in std.objectFields(dashboards)
  },

  prometheusAlerts+:: {
    groups+: [
      group {
        rules: [
          withOverride(withRunbook(rule))
          for rule in group.rules
          if !std.member(config.disabledAlerts, rule.alert)
        ],
      }
      for group in alerts.groups
    ],
  },

  prometheusRules+:: {
    groups+: rules.groups,
  },
}
