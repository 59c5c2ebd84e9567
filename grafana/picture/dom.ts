/** Elements, made in one expression. */

export function element(
  tag: string,
  { className = '', text = '', style = '' },
  ...children: readonly Node[]
): HTMLElement {
  const made = document.createElement(tag);
  if (className !== '') made.className = className;
  if (text !== '') made.textContent = text;
  if (style !== '') made.setAttribute('style', style);
  made.append(...children);
  return made;
}
