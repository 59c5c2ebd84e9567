/**
 * Names of places: states by the first three digits of a zip code, foreign cities, made-up towns.
 */

/** The first three digits from which each state's zip codes run. */
const STATE_FROM_PREFIX: readonly (readonly [number, string])[] = [
  ...[
    [0, 'PR'],
    [5, 'NY'],
    [6, 'PR'],
    [8, 'VI'],
    [9, 'PR'],
    [10, 'MA'],
    [28, 'RI'],
  ],
  ...[
    [30, 'NH'],
    [39, 'ME'],
    [50, 'VT'],
    [60, 'CT'],
    [70, 'NJ'],
    [100, 'NY'],
    [150, 'PA'],
  ],
  ...[
    [197, 'DE'],
    [200, 'DC'],
    [201, 'VA'],
    [202, 'DC'],
    [206, 'MD'],
    [220, 'VA'],
    [247, 'WV'],
  ],
  ...[
    [270, 'NC'],
    [290, 'SC'],
    [300, 'GA'],
    [320, 'FL'],
    [350, 'AL'],
    [370, 'TN'],
    [386, 'MS'],
  ],
  ...[
    [398, 'GA'],
    [400, 'KY'],
    [430, 'OH'],
    [460, 'IN'],
    [480, 'MI'],
    [500, 'IA'],
    [530, 'WI'],
  ],
  ...[
    [550, 'MN'],
    [570, 'SD'],
    [580, 'ND'],
    [590, 'MT'],
    [600, 'IL'],
    [630, 'MO'],
    [660, 'KS'],
  ],
  ...[
    [680, 'NE'],
    [700, 'LA'],
    [716, 'AR'],
    [730, 'OK'],
    [750, 'TX'],
    [800, 'CO'],
    [820, 'WY'],
  ],
  ...[
    [832, 'ID'],
    [840, 'UT'],
    [850, 'AZ'],
    [870, 'NM'],
    [885, 'TX'],
    [889, 'NV'],
    [900, 'CA'],
  ],
  ...[
    [967, 'HI'],
    [969, 'GU'],
    [970, 'OR'],
    [980, 'WA'],
    [995, 'AK'],
  ],
] as [number, string][];

export function stateOf(zip: number): string {
  const prefix = Math.floor(zip / 100);
  let state = '';
  for (const [from, name] of STATE_FROM_PREFIX) {
    if (from > prefix) break;
    state = name;
  }
  return state;
}

/** City and country, as the real set has them: the country in the column of the state. */
export const FOREIGN: readonly (readonly [city: string, country: string])[] = [
  ['Rome', 'Italy'],
  ['Cancun', 'Mexico'],
  ['Toronto', 'Canada'],
  ['London', 'United Kingdom'],
  ['Paris', 'France'],
  ['Punta Cana', 'Dominican Republic'],
  ['Kingston', 'Jamaica'],
  ['Tokyo', 'Japan'],
  ['Berlin', 'Germany'],
  ['Barcelona', 'Spain'],
  ['San Jose', 'Costa Rica'],
  ['Dublin', 'Ireland'],
  ['Manila', 'Philippines'],
  ['Beijing', 'China'],
  ['Mumbai', 'India'],
  ['Zurich', 'Switzerland'],
  ['Lisbon', 'Portugal'],
  ['Amsterdam', 'Netherlands'],
  ['Seoul', 'South Korea'],
  ['Port au Prince', 'Haiti'],
  ['Algiers', 'Algeria'],
  ['Tallinn', 'Estonia'],
];

const TOWN_STARTS = (
  'Alder Birch Cliff Dover Eagle Falcon Grand Heron Iron Juniper King Linden Meadow New Otter ' +
  'Prairie Quail Raven Stone Thorn Union Vernon Willow York'
).split(' ');
const TOWN_ENDS =
  'ton|ville|field| Creek| Ridge| Valley|burg|port| Junction|dale| Point|wood'.split('|');

/** A made-up town for a zip code; neighbouring codes share it. */
export function townOf(zip: number): string {
  const area = Math.floor(zip / 4);
  const start = TOWN_STARTS[(area * 7) % TOWN_STARTS.length] as string;
  return start + (TOWN_ENDS[Math.floor((area * 5) / 3) % TOWN_ENDS.length] as string);
}
