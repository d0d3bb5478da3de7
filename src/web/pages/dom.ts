// Elements from calls. Text is always text: nothing that a card or a CA says becomes markup.

type Child = Node | string | undefined
type Listeners = Readonly<Record<`on${string}`, (event: Event) => void>>
export type Attributes = Readonly<Record<string, string | number | boolean | undefined>>

/** `attributes`: true is an attribute without a value; false and undefined are none. */
export function h<Name extends keyof HTMLElementTagNameMap>(
  name: Name,
  attributes: Attributes = {},
  children: readonly Child[] | string = [],
  listeners: Listeners = {},
): HTMLElementTagNameMap[Name] {
  const element = document.createElement(name)
  for (const [key, value] of Object.entries(attributes))
    if (value !== undefined && value !== false) element.setAttribute(key, value === true ? '' : String(value))
  for (const child of [children].flat()) if (child !== undefined) element.append(child)
  for (const [key, listener] of Object.entries(listeners)) element.addEventListener(key.slice(2), listener)
  return element
}

let last = 0
export const newId = (): string => {
  last += 1
  return `e${last}`
}
