/** Whether `text`, which is ASCII, stands in `bytes` from `at` on. The caller knows that so much was read. Hot. */
export function hasText(bytes: Buffer, at: number, text: string): boolean {
  for (let i = 0; i < text.length; i++) if (bytes[at + i] !== text.charCodeAt(i)) return false;
  return true;
}
