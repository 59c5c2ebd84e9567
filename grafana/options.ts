/** What `npm run dashboards` can be told. */
import { parseArgs } from 'node:util';

export interface Options {
  /** Where the documents are published. */
  readonly docs: string | undefined;
  readonly render: RenderOptions | undefined;
}

export interface RenderOptions {
  /** Folder for the pictures. */
  readonly folder: string;
  readonly prometheus: string;
  /** Of `shrike_info`; all when left out. */
  readonly application: string | undefined;
  readonly rangeSeconds: number;
  readonly scrapeSeconds: number;
}

export const USAGE = `npm run dashboards                       writes grafana/dashboards/*.json
npm run dashboards -- --docs URL         with links to documents at that address
npm run dashboards -- --render DIR --prometheus URL [--application NAME] [--minutes 5] [--scrape 1]
                                         pictures of the dashboards in DIR, from that Prometheus
`;

/** @throws Error when an option is unknown, or --render comes without --prometheus */
export function parseOptions(args: readonly string[]): Options {
  const { values } = parseArgs({
    args: [...args],
    options: {
      docs: { type: 'string' },
      render: { type: 'string' },
      prometheus: { type: 'string' },
      application: { type: 'string' },
      minutes: { type: 'string', default: '5' },
      scrape: { type: 'string', default: '1' },
    },
  });
  const { docs, render: folder, prometheus, application } = values;
  if (folder === undefined) return { docs, render: undefined };
  if (prometheus === undefined) throw new Error('--render needs --prometheus URL');
  const rangeSeconds = Number(values.minutes) * 60;
  const scrapeSeconds = Number(values.scrape);
  return { docs, render: { folder, prometheus, application, rangeSeconds, scrapeSeconds } };
}
