export function hashInputs(root: string, inputs?: readonly string[]): string;
export function isFresh(stampPath: string, hash: string): boolean;
