/** `vramscope mcp`: a server of the Model Context Protocol on standard input and output, for assistants that call tools. */
import { createInterface } from 'node:readline';
import type { Readable } from 'node:stream';
import { lines } from '../terminal.ts';
import { VERSION } from '../version.ts';
import { McpServer } from './protocol.ts';
import { TraceTools } from './tools.ts';

interface Output {
  write(text: string): unknown;
}

export const MCP_USAGE = `usage: vramscope mcp

  mcp       serve open, findings, holders, ledger, diff, what_if and query to an assistant, over standard input and output
            (Model Context Protocol; docs/mcp.md)`;

const EXIT_READ = 0;
const EXIT_USAGE = 2;

const INSTRUCTIONS =
  'vramscope answers why GPU memory grows, who holds it, whether growth ends, and how to get it back. Call open with the files, then findings. Figures are bytes and exact unless a field says otherwise; quote confidence with a verdict, and say "cannot tell" where it does.';

/** Answers until standard input ends. Returns the exit code. */
export async function mcpCommand(
  rest: readonly string[],
  out: Output,
  err: Output,
  input: Readable = process.stdin,
): Promise<number> {
  if (rest.length > 0) {
    err.write(`${lines([`vramscope: mcp takes no arguments, not "${rest[0]}"`])}${MCP_USAGE}\n`);
    return EXIT_USAGE;
  }
  const server = new McpServer(
    { name: 'vramscope', version: VERSION, instructions: INSTRUCTIONS },
    new TraceTools().list,
    (message) => out.write(`${JSON.stringify(message)}\n`),
  );
  let last = Promise.resolve();
  for await (const line of createInterface({ input, crlfDelay: Infinity })) last = server.take(line);
  await last;
  return EXIT_READ;
}
