// railwatch as a monitoring mixin: the dashboards, alerts and rules that railwatch-render wrote,
// under the hidden fields that mixin tools read.
//
// It holds no metric name and no expression: those are made once, in Python.
local dashboards = import 'data/dashboards.json';
local alerts = import 'data/alerts.json';
local rules = import 'data/rules.json';
local rendered = import 'data/config.json';

local selectors = ['exporterSelector', 'bridgeSelector', 'schedulerSelector'];

local refuseUnknown(setting, names, known) =
  local unknown = std.setDiff(std.set(names), std.set(known));
  if std.length(unknown) == 0 then true
  else error '_config.%s: there is no alert %s' % [setting, std.join(', ', unknown)];

local alertNames = [rule.alert for group in alerts.groups for rule in group.rules];

(import 'config.libsonnet') {
  local config = $._config,

  assert refuseUnknown('disabledAlerts', config.disabledAlerts, alertNames),
  assert refuseUnknown('alertOverrides', std.objectFields(config.alertOverrides), alertNames),

  assert config.clusterLabel == rendered.clusterLabel :
         '_config.clusterLabel: set dashboards.cluster_label in render.toml, and render again',

  local changed = [name for name in selectors if config[name] != rendered[name]],

  local reselected(text) =
    std.foldl(function(made, name) std.strReplace(made, rendered[name], config[name]), changed, text),

  // Every text of a dashboard, or of a group of rules, with the selectors that were set.
  local everywhere(value) =
    if std.isString(value) then reselected(value)
    else if std.isArray(value) then std.map(everywhere, value)
    else if std.isObject(value) then std.mapWithKey(function(_, each) everywhere(each), value)
    else value,

  local selected(value) = if std.length(changed) == 0 then value else everywhere(value),

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
      selected(dashboards[name])
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
          for rule in selected(group.rules)
          if !std.member(config.disabledAlerts, rule.alert)
        ],
      }
      for group in alerts.groups
    ],
  },

  prometheusRules+:: {
    groups+: selected(rules.groups),
  },
}
