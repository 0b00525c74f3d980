/** Entry of the page: the element fills the window. The library build starts at vram-scope.ts instead. */
import './vram-scope.ts';
import { pageSheet } from './parts/theme.ts';

document.adoptedStyleSheets = [...document.adoptedStyleSheets, pageSheet()];
