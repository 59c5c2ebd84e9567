/** What the page is given: the slices of a dashboard's JSON that it draws, and the answers. */

export interface Series {
  readonly metric: Readonly<Record<string, string>>;
  readonly values: readonly (readonly [number, string])[];
}

export interface Threshold {
  readonly value: number | null;
  readonly color: string;
}

export interface Property {
  readonly id: string;
  readonly value: unknown;
}

export interface Field {
  readonly unit?: string;
  readonly decimals?: number;
  readonly min?: number;
  readonly max?: number;
  readonly thresholds?: { readonly steps: readonly Threshold[] };
  readonly mappings?: readonly {
    readonly options: Readonly<Record<string, { readonly text: string; readonly color: string }>>;
  }[];
  readonly custom: {
    readonly fillOpacity?: number;
    readonly stacking?: { readonly mode: string };
    readonly thresholdsStyle?: { readonly mode: string };
  };
}

export interface Panel {
  readonly type: string;
  readonly title: string;
  readonly collapsed?: boolean;
  readonly panels?: readonly Panel[];
  readonly gridPos: {
    readonly x: number;
    readonly y: number;
    readonly w: number;
    readonly h: number;
  };
  readonly targets: readonly { readonly refId: string; readonly legendFormat?: string }[];
  readonly fieldConfig: {
    readonly defaults: Field;
    readonly overrides: readonly {
      readonly matcher: { readonly options: string };
      readonly properties: readonly Property[];
    }[];
  };
  readonly options: {
    readonly graphMode?: string;
    readonly sortBy?: readonly { readonly displayName: string; readonly desc?: boolean }[];
    readonly yAxis?: { readonly unit?: string };
    readonly legend?: {
      readonly showLegend: boolean;
      readonly placement: string;
      readonly displayMode: string;
    };
  };
  readonly transformations?: readonly {
    readonly id: string;
    readonly options: {
      readonly excludeByName?: Readonly<Record<string, boolean>>;
      readonly indexByName?: Readonly<Record<string, number>>;
      readonly renameByName?: Readonly<Record<string, string>>;
    };
  }[];
}

export interface Drawn {
  readonly panel: Panel;
  readonly results: Readonly<Record<string, readonly Series[]>>;
}

export interface Picture {
  readonly title: string;
  readonly panels: readonly Panel[];
  readonly drawn: readonly Drawn[];
  readonly fromSeconds: number;
  readonly toSeconds: number;
}

/** `{{instance}}` becomes the label's value. */
export function legendOf(format: string | undefined, { metric }: Series): string {
  return (format ?? '').replaceAll(
    /\{\{\s*(\w+)\s*\}\}/g,
    (_, label: string) => metric[label] ?? '',
  );
}

export interface Named {
  readonly name: string;
  readonly values: Series['values'];
}

export function namedSeries({ panel, results }: Drawn): readonly Named[] {
  return panel.targets.flatMap(({ refId, legendFormat }) =>
    (results[refId] ?? []).map((one) => ({
      name: legendOf(legendFormat, one),
      values: one.values,
    })),
  );
}

/** A property that an override sets for the series or column of this name. */
export function overridden(panel: Panel, name: string, id: string): unknown {
  return panel.fieldConfig.overrides
    .filter(({ matcher }) => matcher.options === name)
    .flatMap(({ properties }) => properties)
    .find((property) => property.id === id)?.value;
}
