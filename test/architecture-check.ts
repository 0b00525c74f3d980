/**
 * Judges one source file by rules given as data (architecture.test.ts). Reads with TypeScript's own parser, so
 * that a comment or a string that looks like an import is none. Knows no rule by itself but how to look.
 */
import { posix } from 'node:path';
import ts from 'typescript';

/** What a folder of src/ may import. Itself, and what is named here. */
export interface FolderRule {
  readonly folders: readonly string[];
  /** Single files of other folders, for values and types. */
  readonly files?: readonly string[];
  /** Single files of other folders, for types alone. */
  readonly typesOf?: readonly string[];
  /** Folders beside src/. */
  readonly beside?: readonly string[];
  /** Folders inside of it, and which of them may see which. */
  readonly rooms?: RoomRule;
  /** npm package, "node:" or "virtual:..." -> the files that may import it; '*' is every file of the folder. */
  readonly packages?: Readonly<Record<string, readonly string[] | '*'>>;
}

/**
 * Rooms are the folders of a folder. A room may import itself, what `shared` and `also` name, and the files that lie
 * beside the rooms, except those on `top`; of the files beside the rooms only those on top may import rooms.
 */
export interface RoomRule {
  /** Files beside the rooms that may import every room, and that no room may import. */
  readonly top: readonly string[];
  /** Rooms that every other room may import. They import no room. */
  readonly shared: readonly string[];
  /** Room -> other rooms that it may import. */
  readonly also: Readonly<Record<string, readonly string[]>>;
}

/** Something outside that only certain files may touch, written as what the code says. */
export interface PlaceRule {
  readonly what: 'navigator.gpu' | 'gpu in navigator' | 'Worker' | 'fetch' | 'self' | 'network';
  readonly files: readonly string[];
}

export interface Rules {
  readonly folders: Readonly<Record<string, FolderRule>>;
  readonly places: readonly PlaceRule[];
  /** Files directly in src/, which belong to no folder. */
  readonly rootFiles: readonly string[];
  readonly longLines: number;
  readonly mostLines: number;
}

/** "src/view/x.ts:3 imports lit: view/ may not" */
export interface Violation {
  readonly path: string;
  readonly line: number;
  readonly rule: string;
  readonly message: string;
}

interface Import {
  readonly specifier: string;
  readonly typeOnly: boolean;
  readonly node: ts.Node;
}

const NETWORK = new Set([
  'XMLHttpRequest',
  'WebSocket',
  'EventSource',
  'WebTransport',
  'sendBeacon',
  'importScripts',
]);
const MUTABLE = new Set(['Map', 'Set', 'WeakMap', 'WeakSet', 'Array']);

const textOf = (node: ts.Node | undefined): string | null =>
  node !== undefined && ts.isStringLiteralLike(node) ? node.text : null;

function isTypeOnly(clause: ts.ImportClause | undefined): boolean {
  if (clause === undefined) return false;
  if (clause.phaseModifier === ts.SyntaxKind.TypeKeyword) return true;
  const named = clause.namedBindings;
  if (clause.name !== undefined || named === undefined || !ts.isNamedImports(named)) return false;
  return named.elements.length > 0 && named.elements.every((element) => element.isTypeOnly);
}

function importsOf(file: ts.SourceFile): Import[] {
  const found: Import[] = [];
  const add = (specifier: string | null, typeOnly: boolean, node: ts.Node): void => {
    if (specifier !== null) found.push({ specifier, typeOnly, node });
  };
  const visit = (node: ts.Node): void => {
    if (ts.isImportDeclaration(node)) add(textOf(node.moduleSpecifier), isTypeOnly(node.importClause), node);
    if (ts.isExportDeclaration(node)) add(textOf(node.moduleSpecifier), node.isTypeOnly, node);
    if (ts.isImportTypeNode(node) && ts.isLiteralTypeNode(node.argument)) {
      add(textOf(node.argument.literal), true, node);
    }
    if (ts.isCallExpression(node) && node.expression.kind === ts.SyntaxKind.ImportKeyword) {
      add(textOf(node.arguments[0]), false, node);
    }
    ts.forEachChild(node, visit);
  };
  visit(file);
  return found;
}

/** Package of a specifier: "lit/decorators.js" -> "lit", "@a/b/c" -> "@a/b", "node:fs" -> "node:". */
function packageOf(specifier: string): string {
  if (specifier.startsWith('node:')) return 'node:';
  if (specifier.startsWith('virtual:')) return specifier;
  return specifier.split('/', specifier.startsWith('@') ? 2 : 1).join('/');
}

/** "read/nsys/sqlite.ts" -> "nsys"; null: the file lies beside the rooms. */
const roomOf = (inSrc: string): string | null => {
  const parts = inSrc.split('/');
  return parts.length > 2 ? parts[1] : null;
};

/**
 * Files that import each other in a circle, types included: each circle as its paths, sorted. `texts`: path relative
 * to the repository -> source. A circle cannot be understood, tested or moved a file at a time.
 */
export function circlesOf(texts: ReadonlyMap<string, string>): string[][] {
  const targets = new Map<string, string[]>();
  for (const [path, text] of texts) {
    const file = ts.createSourceFile(path, text, ts.ScriptTarget.Latest, true);
    const found = importsOf(file).flatMap(({ specifier }) => {
      if (!specifier.startsWith('.')) return [];
      const target = posix.join(posix.dirname(path), specifier.replace(/\?.*$/, ''));
      return texts.has(target) ? [target] : [];
    });
    targets.set(path, found);
  }
  const order = new Map<string, number>();
  const open: string[] = [];
  const circles: string[][] = [];
  const visit = (path: string): number => {
    order.set(path, order.size);
    let low = order.get(path)!;
    open.push(path);
    for (const target of targets.get(path)!) {
      if (!order.has(target)) low = Math.min(low, visit(target));
      else if (open.includes(target)) low = Math.min(low, order.get(target)!);
    }
    if (low === order.get(path)) {
      const circle = open.splice(open.indexOf(path));
      if (circle.length > 1 || targets.get(path)!.includes(path)) circles.push(circle.sort());
    }
    return low;
  };
  for (const path of texts.keys()) if (!order.has(path)) visit(path);
  return circles;
}

/** Looks at one file; `path` is relative to the repository, with slashes: "src/view/timeline.ts". */
export function checkFile(path: string, text: string, rules: Rules): Violation[] {
  const violations: Violation[] = [];
  const file = ts.createSourceFile(path, text, ts.ScriptTarget.Latest, true);
  const inSrc = path.slice('src/'.length);
  const folder = inSrc.includes('/') ? inSrc.slice(0, inSrc.indexOf('/')) : '';
  const fail = (node: ts.Node | null, rule: string, message: string): void => {
    const line = node === null ? 1 : file.getLineAndCharacterOfPosition(node.getStart(file)).line + 1;
    violations.push({ path, line, rule, message });
  };

  const rule = rules.folders[folder];
  if (rule === undefined) {
    if (!rules.rootFiles.includes(inSrc)) fail(null, 'folder', `${folder || 'src'}/ is not in the table`);
  } else {
    for (const found of importsOf(file)) checkImport(found, rule);
  }
  checkName();
  checkLength();
  for (const statement of file.statements) checkStatement(statement);
  checkPlaces(file);
  return violations;

  function checkImport({ specifier, typeOnly, node }: Import, allowed: FolderRule): void {
    if (!specifier.startsWith('.')) {
      const name = packageOf(specifier);
      const files = Object.hasOwn(allowed.packages ?? {}, name) ? allowed.packages?.[name] : undefined;
      if (files === undefined) fail(node, 'package', `${folder}/ may not import ${name}`);
      else if (files !== '*' && !files.includes(inSrc)) {
        fail(node, 'package', `only ${files.join(' and ')} may import ${name}`);
      }
      return;
    }
    const bare = specifier.replace(/\?.*$/, '');
    if (posix.extname(bare) === '') fail(node, 'extension', `${specifier} has no extension`);
    const target = posix.join(posix.dirname(path), bare);
    if (!target.startsWith('src/')) {
      const beside = target.split('/')[0];
      if (!(allowed.beside ?? []).includes(beside))
        fail(node, 'direction', `${folder}/ may not import ${target}`);
      return;
    }
    const targetInSrc = target.slice('src/'.length);
    const targetFolder = targetInSrc.split('/')[0];
    if (targetFolder === folder) {
      if (allowed.rooms !== undefined) checkRooms(targetInSrc, allowed.rooms, node);
      return;
    }
    if (allowed.folders.includes(targetFolder)) return;
    if (allowed.files?.includes(targetInSrc)) return;
    if (allowed.typesOf?.includes(targetInSrc)) {
      if (!typeOnly) fail(node, 'direction', `${folder}/ may import only types of ${targetInSrc}`);
      return;
    }
    fail(node, 'direction', `${folder}/ may not import ${targetInSrc}`);
  }

  function checkRooms(targetInSrc: string, rooms: RoomRule, node: ts.Node): void {
    const from = roomOf(inSrc);
    const to = roomOf(targetInSrc);
    const isTop = (inFolder: string): boolean => rooms.top.includes(inFolder.slice(folder.length + 1));
    if (from === to && from !== null) return;
    if (to === null) {
      if (from !== null && isTop(targetInSrc))
        fail(node, 'room', `${folder}/${from}/ may not import ${targetInSrc}, which stands above the rooms`);
    } else if (from === null) {
      if (!isTop(inSrc) && !rooms.shared.includes(to))
        fail(node, 'room', `${inSrc} may not import a room: ${targetInSrc}`);
    } else if (
      rooms.shared.includes(from) ||
      !(rooms.shared.includes(to) || rooms.also[from]?.includes(to))
    ) {
      fail(node, 'room', `${folder}/${from}/ may not import ${targetInSrc}`);
    }
  }

  function checkName(): void {
    const name = posix.basename(path);
    if (/^index\.[a-z]+$/.test(name)) fail(null, 'barrel', 'no index files: name the file by what it holds');
    else if (!/^[a-z0-9]+(-[a-z0-9]+)*(\.[a-z0-9]+)+$/.test(name))
      fail(null, 'name', 'file names are kebab-case');
  }

  function checkLength(): void {
    const lines = text.split('\n').length - (text.endsWith('\n') ? 1 : 0);
    const header = /^\s*\/\*\*[\s\S]*?\*\//.exec(text)?.[0] ?? '';
    if (lines > rules.mostLines) fail(null, 'length', `${lines} lines; the most is ${rules.mostLines}`);
    else if (lines > rules.longLines && !/Long because \S/.test(header)) {
      fail(null, 'length', `${lines} lines; over ${rules.longLines} the header says "Long because ..."`);
    }
  }

  function checkStatement(statement: ts.Statement): void {
    const modifiers = ts.canHaveModifiers(statement) ? (ts.getModifiers(statement) ?? []) : [];
    if (
      ts.isExportAssignment(statement) ||
      modifiers.some(({ kind }) => kind === ts.SyntaxKind.DefaultKeyword)
    ) {
      fail(statement, 'default export', 'no default exports: one name for one thing');
    }
    if (ts.isExportDeclaration(statement)) {
      const clause = statement.exportClause;
      if (clause !== undefined && ts.isNamedExports(clause)) {
        if (clause.elements.some((element) => element.name.text === 'default')) {
          fail(statement, 'default export', 'no default exports: one name for one thing');
        }
      } else fail(statement, 'barrel', 'no export *: whoever needs a name imports it from its file');
    }
    if (!ts.isVariableStatement(statement)) return;
    if (modifiers.some(({ kind }) => kind === ts.SyntaxKind.DeclareKeyword)) return;
    if ((statement.declarationList.flags & ts.NodeFlags.Const) === 0) {
      fail(
        statement,
        'module state',
        'no let or var at module level: state lives in objects that are closed',
      );
    }
    for (const { initializer, type } of statement.declarationList.declarations) {
      if (initializer !== undefined && isEmptyContainer(initializer) && !isReadonly(type)) {
        fail(statement, 'module state', 'an empty container at module level is there to be filled');
      }
    }
  }

  /** readonly T[], ReadonlyMap<K, V>: empty, and stays so. */
  function isReadonly(type: ts.TypeNode | undefined): boolean {
    return type !== undefined && /^(readonly |Readonly(Array|Map|Set)?<)/.test(type.getText(file));
  }

  /** [], {}, new Map(), new Array(5): without content, so meant for content that comes later. */
  function isEmptyContainer(node: ts.Expression): boolean {
    if (ts.isArrayLiteralExpression(node)) return node.elements.length === 0;
    if (ts.isObjectLiteralExpression(node)) return node.properties.length === 0;
    if (!ts.isNewExpression(node) || !ts.isIdentifier(node.expression)) return false;
    const { text: name } = node.expression;
    return (
      MUTABLE.has(name) && (node.arguments === undefined || node.arguments.length === 0 || name === 'Array')
    );
  }

  function checkPlaces(node: ts.Node): void {
    const touched = placeOf(node);
    if (touched !== null) {
      const files = rules.places.find(({ what }) => what === touched)?.files ?? [];
      if (!files.includes(inSrc))
        fail(node, 'place', `${touched} is touched only in ${files.join(', ') || 'no file'}`);
    }
    ts.forEachChild(node, checkPlaces);
  }

  function placeOf(node: ts.Node): PlaceRule['what'] | null {
    if (ts.isPropertyAccessExpression(node) && node.name.text === 'gpu' && endsInNavigator(node.expression)) {
      return 'navigator.gpu';
    }
    if (ts.isBinaryExpression(node) && node.operatorToken.kind === ts.SyntaxKind.InKeyword) {
      if (textOf(node.left) === 'gpu' && endsInNavigator(node.right)) return 'gpu in navigator';
    }
    if (!ts.isIdentifier(node)) return null;
    if (
      ts.isNewExpression(node.parent) &&
      node.parent.expression === node &&
      /^(Shared)?Worker$/.test(node.text)
    ) {
      return 'Worker';
    }
    if (ts.isCallExpression(node.parent) && node.parent.expression === node && node.text === 'fetch')
      return 'fetch';
    if (isGlobalMember(node) && node.text === 'fetch') return 'fetch';
    if (NETWORK.has(node.text)) return 'network';
    const isName =
      (ts.isPropertyAccessExpression(node.parent) && node.parent.name === node) ||
      (ts.isPropertyAssignment(node.parent) && node.parent.name === node) ||
      ts.isPropertySignature(node.parent);
    return node.text === 'self' && !isName ? 'self' : null;
  }

  function isGlobalMember(node: ts.Identifier): boolean {
    const { parent } = node;
    if (!ts.isPropertyAccessExpression(parent) || parent.name !== node) return false;
    return ts.isIdentifier(parent.expression) && /^(globalThis|window|self)$/.test(parent.expression.text);
  }

  /** navigator, self.navigator, (navigator as X), navigator! */
  function endsInNavigator(node: ts.Expression): boolean {
    if (ts.isIdentifier(node)) return node.text === 'navigator';
    if (ts.isPropertyAccessExpression(node)) return node.name.text === 'navigator';
    if (ts.isParenthesizedExpression(node) || ts.isAsExpression(node) || ts.isNonNullExpression(node)) {
      return endsInNavigator(node.expression);
    }
    return false;
  }
}
