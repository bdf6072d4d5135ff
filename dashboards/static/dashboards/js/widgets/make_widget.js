// The widgets of a dashboard by their kind.

import { ChartWidget } from "./chart_widget.js";
import { ControlWidget } from "./control_widget.js";
import { GaugeWidget } from "./gauge_widget.js";
import { MapWidget } from "./map_widget.js";
import { ValueWidget } from "./value_widget.js";

/** @import { Widget, WidgetDevice, WidgetSpec } from "./widget.js" */

/** @type {Record<string, new (spec: WidgetSpec, device: WidgetDevice) => Widget>} */
const KINDS = { chart: ChartWidget, value: ValueWidget, gauge: GaugeWidget, control: ControlWidget, map: MapWidget };

/**
 * @param {WidgetSpec} spec
 * @param {WidgetDevice} device
 */
export function makeWidget(spec, device) {
  return new KINDS[spec.kind](spec, device);
}
