/** The slice of Prometheus' HTTP API that the queries of panels need. */

export interface PrometheusSeries {
  readonly metric: Readonly<Record<string, string>>;
  /** Seconds, and the value as text; one pair of an instant query, many of a range. */
  readonly values: readonly (readonly [number, string])[];
}

interface Answer {
  readonly status: string;
  readonly error?: string;
  readonly data: {
    readonly resultType: string;
    readonly result: readonly (Omit<PrometheusSeries, 'values'> & {
      readonly value?: readonly [number, string];
      readonly values?: PrometheusSeries['values'];
    })[];
  };
}

export interface RangeRequest {
  readonly fromSeconds: number;
  readonly toSeconds: number;
  readonly stepSeconds: number;
}

export class PrometheusClient {
  readonly #address: string;

  /** @param address without a slash at its end */
  constructor(address: string) {
    this.#address = address;
  }

  /** @throws Error with what Prometheus says */
  at(query: string, atSeconds: number): Promise<readonly PrometheusSeries[]> {
    return this.#ask('query', { query, time: String(atSeconds) });
  }

  /** @throws Error with what Prometheus says */
  over(query: string, range: RangeRequest): Promise<readonly PrometheusSeries[]> {
    const { fromSeconds, toSeconds, stepSeconds } = range;
    return this.#ask('query_range', {
      query,
      start: String(fromSeconds),
      end: String(toSeconds),
      step: String(stepSeconds),
    });
  }

  /** Values of a label, in order. */
  async labelValues(label: string, match: string): Promise<readonly string[]> {
    const query = new URLSearchParams({ 'match[]': match });
    const answer = await fetch(`${this.#address}/api/v1/label/${label}/values?${query.toString()}`);
    return ((await answer.json()) as { data: string[] }).data;
  }

  async #ask(
    path: string,
    parameters: Readonly<Record<string, string>>,
  ): Promise<readonly PrometheusSeries[]> {
    const body = new URLSearchParams(parameters);
    const response = await fetch(`${this.#address}/api/v1/${path}`, { method: 'POST', body });
    const answer = (await response.json()) as Answer;
    if (answer.status !== 'success') {
      throw new Error(`Prometheus refuses ${parameters.query}: ${answer.error}`);
    }
    return answer.data.result.map(({ metric, value, values }) => ({
      metric,
      values: values ?? (value === undefined ? [] : [value]),
    }));
  }
}
