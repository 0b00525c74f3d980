export function tablesDoc(
  declarations: readonly {
    readonly name: string;
    readonly doc: string;
    readonly fields: Readonly<
      Record<string, { readonly type: string; readonly nullable: boolean; readonly doc: string }>
    >;
  }[],
  version: number,
): string;
