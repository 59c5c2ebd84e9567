/** Grafana's dark theme, as far as a picture needs it, and what uPlot needs. */
export const STYLE = `
* { box-sizing: border-box; }
body { margin: 0; background: #111217; color: #ccccdc; font: 13px/1.4 sans-serif; }
h1 { margin: 0; padding: 12px 16px 4px; font-size: 18px; font-weight: 500; }
main { position: relative; margin: 0 8px; }
.panel { position: absolute; background: #181b1f; border: 1px solid #25282d; border-radius: 3px; }
.panel > header { padding: 6px 10px 0; font-weight: 500; white-space: nowrap; }
.row { position: absolute; padding: 7px 8px; font-weight: 500; font-size: 14px; }
.body { position: relative; padding: 0 4px; overflow: hidden; }
.body.beside { display: flex; }
.figure { position: absolute; inset: 0; display: grid; place-items: center; font-size: 30px; }
.course { position: absolute; left: 0; bottom: 0; width: 100%; height: 60%; }
.legend { padding: 0 8px; color: #ccccdc; font-size: 12px; }
div.legend { max-height: 35%; overflow: hidden; }
.legend span { margin-right: 14px; white-space: nowrap; }
.legend i { display: inline-block; width: 12px; height: 4px; margin: 0 6px 2px 0; }
table.legend { width: 250px; height: max-content; border-collapse: collapse; }
table.legend td { padding: 1px 4px; white-space: nowrap; }
table.legend td + td { text-align: right; }
table.rows { width: 100%; border-collapse: collapse; font-size: 12.5px; }
table.rows th { padding: 4px 8px; text-align: left; color: #8ab8ff; font-weight: 500; }
table.rows td { padding: 3px 8px; border-top: 1px solid #25282d; white-space: nowrap; }
.uplot { width: min-content; }
.u-wrap { position: relative; }
.u-over, .u-under { position: absolute; }
.uplot canvas { display: block; position: relative; width: 100%; height: 100%; }
`;
