/** The queries in a dashboard's JSON, whoever made it. */

export interface PanelQuery {
  readonly refId: string;
  readonly expr: string;
  readonly legendFormat?: string;
  readonly instant?: boolean;
}

export interface QueriedPanel {
  readonly id: number;
  readonly title: string;
  readonly description: string;
  readonly type: string;
  readonly targets: readonly PanelQuery[];
  readonly gridPos: {
    readonly x: number;
    readonly y: number;
    readonly w: number;
    readonly h: number;
  };
}

interface Row {
  readonly type: 'row';
  readonly panels: readonly QueriedPanel[];
}

/** Of all panels, those in rows that are closed included. */
export function queriedPanels(dashboard: unknown): readonly QueriedPanel[] {
  const { panels } = dashboard as { panels: readonly (QueriedPanel | Row)[] };
  return panels.flatMap((panel) => (isRow(panel) ? panel.panels : [panel]));
}

function isRow(panel: QueriedPanel | Row): panel is Row {
  return panel.type === 'row';
}
