/** What a document tells its reader to type: commands, with what is fed to them. */

export interface Block {
  /** Of the fence: `sh`, `text`, … */
  readonly language: string;
  readonly text: string;
  /** The paragraph before it. */
  readonly before: string;
}

export interface HereDocument {
  /** The command that it is fed to. */
  readonly command: string;
  readonly text: string;
}

const FENCE = /^```(\w*)\n([\s\S]*?)^```$/gm;
const HERE = /^(.*)<<'?(\w+)'?\n([\s\S]*?)^\2$/gm;

export function blocksOf(page: string): readonly Block[] {
  let end = 0;
  return [...page.matchAll(FENCE)].map((match) => {
    const [all, language = '', text = ''] = match;
    const before = page.slice(end, match.index).trim().split('\n\n').at(-1) ?? '';
    end = match.index + all.length;
    return { language, text, before };
  });
}

export function hereDocumentsOf(text: string): readonly HereDocument[] {
  return [...text.matchAll(HERE)].map(([, command = '', , body = '']) => ({ command, text: body }));
}

/** Commands, each as its words; quotes taken off, pipes and substitutions taken apart. */
export function commandsOf(text: string): readonly (readonly string[])[] {
  const bare = text.replaceAll(HERE, '$1').replaceAll(/\\\n/g, ' ');
  return bare
    .split('\n')
    .flatMap((line) => line.split(/\$\(|\)|\s\|\s|\s(?:>|<)\s\S+/))
    .map((command) => wordsOf(command.replace(/^\s*[A-Z_]+=/, '')))
    .filter((words) => words.length > 0);
}

function wordsOf(command: string): readonly string[] {
  const words = command.match(/(?:"(?:[^"\\]|\\.)*"|'[^']*'|[^\s"'])+/g) ?? [];
  return words.map((word) => word.replaceAll(/^["']|["']$/g, '')).filter((word) => word !== '');
}
