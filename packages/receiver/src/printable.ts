/** What a stranger sends must not move the cursor of the terminal it is printed on, nor begin a line of its own. */
export function printable(text: string): string {
  return text.replace(/[^\x20-\x7e]/g, '?');
}
