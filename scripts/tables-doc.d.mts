type Declarations = readonly {
  readonly name: string;
  readonly doc: string;
  readonly fields: Readonly<
    Record<string, { readonly type: string; readonly nullable: boolean; readonly doc: string }>
  >;
}[];

export function tablesDoc(declarations: Declarations, version: number): string;
export function factsDoc(declarations: Declarations, version: number): string;
