export function manual(markdown: string, version: string): string;
