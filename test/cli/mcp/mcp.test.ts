/** `vramscope mcp`: the protocol, and that every number is the one that the command prints as JSON. */
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { Readable } from 'node:stream';
import { afterAll, describe, expect, it } from 'vitest';
import { mcpCommand } from '../../../src/cli/mcp/mcp.ts';
import { McpServer, PROTOCOL_VERSIONS, ToolError } from '../../../src/cli/mcp/protocol.ts';
import type { Analysis } from '../../../src/engine/document/analysis.ts';
import { run } from '../fleet/run.ts';

const ROOT = join(import.meta.dirname, '../../..');
const train = join(ROOT, 'samples/train.pickle.gz');
const leak = join(ROOT, 'samples/leak.pickle.gz');
const folder = mkdtempSync(join(tmpdir(), 'vramscope-mcp-'));
afterAll(() => rmSync(folder, { recursive: true }));

type Message = Readonly<Record<string, unknown>>;

/** What the server sends for these lines. */
async function spoken(...lines: (string | object)[]): Promise<Message[]> {
  let [out, err] = ['', ''];
  const code = await mcpCommand(
    [],
    { write: (text) => (out += text) },
    { write: (text) => (err += text) },
    Readable.from(lines.map((line) => `${typeof line === 'string' ? line : JSON.stringify(line)}\n`)),
  );
  expect([code, err]).toEqual([0, '']);
  return out
    .split('\n')
    .filter((line) => line !== '')
    .map((line) => JSON.parse(line) as Message);
}

const request = (id: number, method: string, params?: object): object => ({
  ...{ jsonrpc: '2.0', id, method },
  ...(params === undefined ? {} : { params }),
});
const call = (id: number, name: string, given: object = {}): object =>
  request(id, 'tools/call', { name, arguments: given });

interface Told {
  readonly content: readonly { readonly type: string; readonly text: string }[];
  readonly structuredContent?: Readonly<Record<string, unknown>>;
  readonly isError?: boolean;
}

/** What a tool answers, after these paths were opened. */
async function asked(paths: readonly string[], name: string, given: object = {}): Promise<Told> {
  const messages = await spoken(call(1, 'open', { paths }), call(2, name, given));
  const result = messages.find(({ id }) => id === 2)!['result'] as Told;
  if (result.isError !== true) expect(JSON.parse(result.content[0].text)).toEqual(result.structuredContent);
  return result;
}

const analysisOf = async (...paths: string[]): Promise<Analysis> =>
  JSON.parse((await run('analyze', ...paths, '--json')).out) as Analysis;
const objectOf = async (...argv: string[]): Promise<Readonly<Record<string, unknown>>> => {
  const { schema, ...rest } = JSON.parse((await run(...argv, '--json')).out) as Record<string, unknown>;
  expect(schema).toBe(1);
  return rest;
};

describe('the protocol', () => {
  it('begins, answers in order, and leaves notifications without an answer', async () => {
    const messages = await spoken(
      request(1, 'initialize', {
        protocolVersion: '2024-11-05',
        capabilities: {},
        clientInfo: { name: 'x', version: '1' },
      }),
      { jsonrpc: '2.0', method: 'notifications/initialized' },
      { jsonrpc: '2.0', method: 'notifications/nobody/knows' },
      request(2, 'ping'),
      '',
      request(3, 'tools/list'),
    );
    expect(messages.map(({ id }) => id)).toEqual([1, 2, 3]);
    expect(messages[0]['result']).toMatchObject({
      ...{ protocolVersion: '2024-11-05', serverInfo: { name: 'vramscope' }, capabilities: { tools: {} } },
    });
    const { tools } = messages[2]['result'] as {
      tools: { name: string; inputSchema: { type: string }; description: string }[];
    };
    expect(tools.map(({ name }) => name)).toEqual([
      ...['open', 'findings', 'holders', 'ledger', 'diff', 'what_if', 'query', 'close'],
    ]);
    for (const { inputSchema, description } of tools) {
      expect(inputSchema.type).toBe('object');
      expect(description.length).toBeGreaterThan(20);
    }
  });

  it('takes the newest version where it does not know the one asked for', async () => {
    const [message] = await spoken(request(1, 'initialize', { protocolVersion: '1999-01-01' }));
    expect(message['result']).toMatchObject({ protocolVersion: PROTOCOL_VERSIONS[0] });
  });

  it.each([
    ['{', -32700, null],
    ['[]', -32600, null],
    ['{"jsonrpc":"1.0","id":1,"method":"ping"}', -32600, null],
    ['{"jsonrpc":"2.0","id":7}', -32600, 7],
    ['{"jsonrpc":"2.0","id":7,"method":"ping","params":[1]}', -32602, 7],
    ['{"jsonrpc":"2.0","id":7,"method":"resources/list"}', -32601, 7],
    ['{"jsonrpc":"2.0","id":7,"method":"tools/call","params":{"name":"rm"}}', -32602, 7],
    ['{"jsonrpc":"2.0","id":7,"method":"tools/call","params":{"name":"open","arguments":3}}', -32602, 7],
  ])('%s is error %i', async (line, code, id) => {
    const [message] = await spoken(line);
    expect(message).toMatchObject({ jsonrpc: '2.0', id, error: { code } });
  });

  it('a cancelled call is not answered, and a fault is no end', async () => {
    const sent: object[] = [];
    let go = (): void => undefined;
    const waiting = new Promise<void>((resolve) => (go = resolve));
    const tool = { title: '', description: '', inputSchema: {} };
    const server = new McpServer(
      { name: 'x', version: '1', instructions: '' },
      [
        { ...tool, name: 'slow', call: () => waiting.then(() => ({})) },
        { ...tool, name: 'wrong', call: () => Promise.reject(new ToolError('give it a number')) },
        { ...tool, name: 'broken', call: () => Promise.reject(new Error('a fault')) },
      ],
      (message) => sent.push(message),
    );
    const take = (message: object): Promise<void> => server.take(JSON.stringify(message));
    void take(call(1, 'slow'));
    void take(call(2, 'slow'));
    void take({ jsonrpc: '2.0', method: 'notifications/cancelled', params: { requestId: 2 } });
    void take(call(3, 'wrong'));
    const last = take(call(4, 'broken'));
    go();
    await last;
    expect(sent).toEqual([
      expect.objectContaining({ id: 1 }),
      expect.objectContaining({
        id: 3,
        result: { content: [{ type: 'text', text: 'give it a number' }], isError: true },
      }),
      expect.objectContaining({ id: 4, error: { code: -32603, message: 'a fault' } }),
    ]);
  });

  it('takes no arguments', async () => {
    expect((await run('mcp', 'x')).code).toBe(2);
  });
});

describe('every number is that of --json', () => {
  it('findings and growth', async () => {
    const { structuredContent } = await asked([train, leak], 'findings');
    const { findings, growth, budget, contradictions } = await analysisOf(train, leak);
    expect(structuredContent).toEqual({ findings, growth, budget, contradictions });
  });

  it('holders at the peak; at other moments they sum up', async () => {
    const { lines } = await analysisOf(train);
    const { structuredContent } = await asked([train], 'holders', { lines: 200 });
    expect(structuredContent).toEqual(lines[0]);
    for (const at of ['end', 5000, { iteration: 3 }]) {
      const told = (await asked([train], 'holders', { at, lines: 3 })).structuredContent!;
      const all = [...(told['lines'] as { bytes: number }[]), told['others'] as { bytes: number }];
      expect(all.reduce((sum, { bytes }) => sum + bytes, 0)).toBe(told['requested_bytes']);
    }
  });

  it('the ledger at the peak, at the end, and at the same row as the end', async () => {
    const { ledger, sources } = await analysisOf(train);
    for (const when of ['peak', 'end']) {
      const { structuredContent } = await asked([train], 'ledger', { at: when });
      expect(structuredContent).toEqual(ledger.find((one) => one.when === when));
    }
    const end = ledger.find(({ when }) => when === 'end')!;
    expect(end.row).toBe(sources[0].rows - 1);
    const { structuredContent } = await asked([train], 'ledger', { at: end.row });
    expect(structuredContent).toEqual({ ...end, when: `event ${end.row}` });
  });

  it('diff', async () => {
    const { structuredContent } = await asked([train, leak], 'diff', {
      a: '1:0',
      b: '2:0',
      at: 'end',
      lines: 20,
    });
    expect(structuredContent).toEqual(await objectOf('diff', train, leak, '--at', 'end', '--lines', '20'));
  });

  it('what_if', async () => {
    const { structuredContent } = await asked([train], 'what_if', { settings: 'expandable_segments:True' });
    expect(structuredContent).toEqual(await objectOf('replay', train, '--set', 'expandable_segments:True'));
  });

  it('query, of what is open and of a data set', async () => {
    const sql = "select sum(size) bytes from events where action = 'alloc'";
    const [{ bytes }] = JSON.parse((await run('query', train, sql, '--json')).out) as { bytes: number }[];
    expect((await asked([train], 'query', { sql })).structuredContent).toEqual({
      columns: ['bytes'],
      rows: [[bytes]],
      more: false,
    });
    const dataset = join(folder, 'set');
    await run('facts', train, '--out', dataset, '--run', 'r');
    const of = {
      sql: 'select source, device from ranks join rank_groups using (run, source, device)',
      dataset,
    };
    expect((await asked([train], 'query', of)).structuredContent).toMatchObject({
      rows: [['train.pickle.gz', 0]],
    });
  });
});

describe('what a model gets wrong', () => {
  const text = async (paths: readonly string[], name: string, given: object): Promise<string> => {
    const { isError, content } = await asked(paths, name, given);
    expect(isError).toBe(true);
    return content[0].text;
  };

  it('is told in a sentence', async () => {
    expect(await text([train, leak], 'holders', {})).toMatch(/"device" must be one of 1:0, 2:0/);
    expect(await text([train], 'holders', { device: '9:9' })).toMatch(/not "9:9"/);
    expect(await text([train], 'holders', { at: 'noon' })).toMatch(/"at" is "peak"/);
    expect(await text([train], 'holders', { at: 99_999_999 })).toMatch(/has 21851 events/);
    expect(await text([train], 'ledger', { at: 99_999_999 })).toMatch(/has 21851 events/);
    expect(await text([train], 'what_if', { settings: 'expandable_segments:Maybe' })).toMatch(
      /PyTorch refuses/,
    );
    expect(await text([train], 'query', { sql: 'drop table events' })).toMatch(/only questions/);
    expect(await text([train], 'query', { sql: 'select 1', dataset: folder })).toMatch(/data set/);
    expect(await text([train], 'open', { paths: 'x' })).toMatch(/"paths" is a list/);
    const [message] = await spoken(call(1, 'findings'));
    expect((message['result'] as Told).content[0].text).toMatch(/call open first/);
  });

  it('a file that cannot be read is in the answer, with the reason, and close lets go', async () => {
    const path = join(folder, 'broken.pickle');
    writeFileSync(path, 'nothing');
    const messages = await spoken(
      call(1, 'open', { paths: [path, join(folder, 'nowhere')] }),
      call(2, 'close'),
      call(3, 'findings'),
    );
    const [opened, closed, after] = messages.map(({ result }) => result as Told);
    expect((opened.structuredContent!['sources'] as { error: object }[]).map(({ error }) => error)).toEqual([
      expect.objectContaining({ code: 'unrecognised' }),
      expect.objectContaining({ code: 'io' }),
    ]);
    expect(closed.structuredContent).toEqual({ closed: ['broken.pickle', 'nowhere'] });
    expect(after.isError).toBe(true);
  });
});
