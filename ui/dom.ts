/** Steps on the document that all parts share. Text goes in as text, never as markup. */

export function byId(id: string): HTMLElement {
  const node = document.getElementById(id);
  if (node === null) throw new Error(`index.html has no element #${id}`);
  return node;
}

export function element<Tag extends keyof HTMLElementTagNameMap>(
  tag: Tag,
  attributes: Readonly<Record<string, string>>,
  ...children: readonly (Node | string)[]
): HTMLElementTagNameMap[Tag] {
  const node = document.createElement(tag);
  for (const [name, value] of Object.entries(attributes)) node.setAttribute(name, value);
  node.append(...children);
  return node;
}

/** Touches the document only when something changes: most numbers stay from second to second. */
export function setText(node: HTMLElement, text: string): void {
  if (node.textContent !== text) node.textContent = text;
}

export function setTone(node: HTMLElement, tone: Tone): void {
  if (node.dataset.tone !== tone) node.dataset.tone = tone;
}

export type Tone = 'good' | 'busy' | 'bad' | 'idle';
