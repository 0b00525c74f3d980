/**
 * The Model Context Protocol on standard input and output (https://modelcontextprotocol.io/specification): JSON-RPC 2.0,
 * one message a line. Of the protocol: initialize, ping, tools/list, tools/call and cancellation; there are no resources and no prompts.
 */

/** Newest first: a client that asks for another one gets the newest. */
export const PROTOCOL_VERSIONS = ['2025-11-25', '2025-06-18', '2025-03-26', '2024-11-05'] as const;

const PARSE_ERROR = -32700;
const INVALID_REQUEST = -32600;
const METHOD_NOT_FOUND = -32601;
const INVALID_PARAMS = -32602;
const INTERNAL = -32603;

type Id = string | number;

export interface Tool {
  readonly name: string;
  readonly title: string;
  /** For the model that chooses: when to call it, and what comes back. */
  readonly description: string;
  /** JSON Schema of the arguments, an object. */
  readonly inputSchema: Readonly<Record<string, unknown>>;
  /** Plain data. Throws ToolError for what the caller can put right. */
  readonly call: (given: Readonly<Record<string, unknown>>) => Promise<object>;
}

/** What is wrong with a call: told to the model as the tool's answer, and no fault of the server. */
export class ToolError extends Error {}

interface Request {
  readonly id: Id | null;
  readonly method: string;
  readonly params: Readonly<Record<string, unknown>>;
}

const isObject = (value: unknown): value is Readonly<Record<string, unknown>> =>
  typeof value === 'object' && value !== null && !Array.isArray(value);

const reply = (id: Id | null, result: object): object => ({ jsonrpc: '2.0', id, result });
const failure = (id: Id | null, code: number, message: string): object => ({
  jsonrpc: '2.0',
  id,
  error: { code, message },
});

/** The request in a line; an object is the answer to what is none. */
function requestOf(line: string): Request | { readonly answer: object } {
  let value: unknown;
  try {
    value = JSON.parse(line);
  } catch {
    return { answer: failure(null, PARSE_ERROR, 'this line is no JSON') };
  }
  if (!isObject(value) || value['jsonrpc'] !== '2.0')
    return { answer: failure(null, INVALID_REQUEST, 'this is no message of JSON-RPC 2.0') };
  const { id, method, params } = value;
  const known = typeof id === 'string' || typeof id === 'number' ? id : null;
  if (typeof method !== 'string')
    return { answer: failure(known, INVALID_REQUEST, 'a request needs a method') };
  if (params !== undefined && !isObject(params))
    return { answer: failure(known, INVALID_PARAMS, 'params must be an object') };
  return { id: known, method, params: params ?? {} };
}

export class McpServer {
  /** Calls one after the other: they share one engine. */
  private queue: Promise<void> = Promise.resolve();
  private readonly cancelled = new Set<Id>();

  constructor(
    private readonly about: {
      readonly name: string;
      readonly version: string;
      readonly instructions: string;
    },
    private readonly tools: readonly Tool[],
    private readonly send: (message: object) => void,
  ) {}

  /** Takes one line; resolves when it and all before it are answered. */
  take(line: string): Promise<void> {
    if (line.trim() === '') return this.queue;
    const request = requestOf(line);
    if ('answer' in request) {
      this.send(request.answer);
      return this.queue;
    }
    // Not in the queue: it is about what stands there.
    if (request.method === 'notifications/cancelled') {
      const { requestId } = request.params;
      if (typeof requestId === 'string' || typeof requestId === 'number') this.cancelled.add(requestId);
      return this.queue;
    }
    this.queue = this.queue.then(() => this.answer(request));
    return this.queue;
  }

  private async answer({ id, method, params }: Request): Promise<void> {
    // A notification is not answered, known or not.
    if (id === null) return;
    if (this.cancelled.delete(id)) return;
    try {
      this.send(await this.resultOf(id, method, params));
    } catch (thrown) {
      this.send(failure(id, INTERNAL, thrown instanceof Error ? thrown.message : String(thrown)));
    }
  }

  private async resultOf(id: Id, method: string, params: Request['params']): Promise<object> {
    switch (method) {
      case 'initialize': {
        const asked = params['protocolVersion'];
        const known = PROTOCOL_VERSIONS.find((version) => version === asked);
        const { name, version, instructions } = this.about;
        return reply(id, {
          protocolVersion: known ?? PROTOCOL_VERSIONS[0],
          capabilities: { tools: { listChanged: false } },
          serverInfo: { name, version },
          instructions,
        });
      }
      case 'ping':
        return reply(id, {});
      case 'tools/list':
        return reply(id, {
          tools: this.tools.map(({ name, title, description, inputSchema }) => ({
            ...{ name, title, description, inputSchema },
            annotations: { readOnlyHint: true, openWorldHint: false },
          })),
        });
      case 'tools/call':
        return await this.call(id, params);
      default:
        return failure(id, METHOD_NOT_FOUND, `there is no method "${method}"`);
    }
  }

  private async call(id: Id, { name, arguments: given = {} }: Request['params']): Promise<object> {
    const tool = this.tools.find((one) => one.name === name);
    if (tool === undefined) return failure(id, INVALID_PARAMS, `there is no tool "${String(name)}"`);
    if (!isObject(given)) return failure(id, INVALID_PARAMS, 'arguments must be an object');
    try {
      const result = await tool.call(given);
      return reply(id, {
        content: [{ type: 'text', text: JSON.stringify(result) }],
        structuredContent: result,
      });
    } catch (thrown) {
      if (!(thrown instanceof ToolError)) throw thrown;
      return reply(id, { content: [{ type: 'text', text: thrown.message }], isError: true });
    }
  }
}
