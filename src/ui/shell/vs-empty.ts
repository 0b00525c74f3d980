/** The empty page teaches: what to record, how, and a recording to try at once. */
import { LitElement, css, html, nothing } from 'lit';
import { customElement, state } from 'lit/decorators.js';
import type { Recipe } from '../../view/shell/recipes.ts';
import { OTHER_INPUTS, RECIPES } from '../../view/shell/recipes.ts';
import { copyText } from '../parts/copy.ts';
import { saveFile } from '../parts/save-file.ts';
import { picksFolders } from './dropped-files.ts';
import { controls } from '../parts/theme.ts';

function save(file: Recipe['file']): void {
  if (file !== undefined) saveFile(file.name, [new TextEncoder().encode(file.text)], 'text/x-python');
}

@customElement('vs-empty')
export class VsEmpty extends LitElement {
  static override styles = [
    controls,
    css`
      :host {
        display: block;
        max-width: 1240px;
        margin: 0 auto;
        padding: 40px 24px 48px;
      }
      h1 {
        font-size: 24px;
        font-weight: 600;
        letter-spacing: -0.01em;
        line-height: 1.25;
      }
      .lead {
        max-width: 68ch;
        margin-top: 8px;
        font-size: 15px;
      }
      .start {
        display: flex;
        flex-wrap: wrap;
        align-items: center;
        gap: 10px 12px;
        margin-top: 20px;
        padding: 20px;
        border: 1px dashed var(--line-strong);
        border-radius: 6px;
        background: var(--panel);
      }
      .start button {
        height: 36px;
        padding: 0 16px;
      }
      .start p {
        flex: 1 1 320px;
      }
      h2 {
        margin: 36px 0 12px;
      }
      .recipes {
        display: grid;
        grid-template-columns: repeat(auto-fit, minmax(340px, 1fr));
        gap: 16px;
      }
      .recipe {
        display: flex;
        flex-direction: column;
        min-width: 0;
        padding: 16px;
      }
      .recipe > p {
        margin-top: 4px;
      }
      .others {
        padding: 4px 16px;
        font-size: 13px;
      }
      .others > div {
        display: grid;
        grid-template-columns: 180px minmax(0, 1fr) minmax(0, 1.3fr);
        gap: 4px 20px;
        padding: 7px 0;
      }
      .others > div + div {
        border-top: 1px solid var(--line);
      }
      .others dt {
        font-weight: 600;
      }
      .others dd {
        overflow-wrap: anywhere;
      }
      @media (max-width: 800px) {
        .others > div {
          grid-template-columns: minmax(0, 1fr);
        }
      }
      .code {
        display: flex;
        flex-direction: column;
        flex: 1;
        margin: 12px 0 8px;
        border: 1px solid var(--line);
        border-radius: 4px;
        background: var(--sunken);
      }
      .code header {
        display: flex;
        justify-content: space-between;
        align-items: center;
        padding: 4px 4px 4px 10px;
        font-size: 12px;
        color: var(--text-quiet);
        border-bottom: 1px solid var(--line);
      }
      .code header button {
        height: 24px;
        padding: 0 8px;
        color: var(--text);
      }
      pre {
        margin: 0;
        padding: 10px;
        line-height: 1.5;
        overflow-x: auto;
      }
    `,
  ];

  @state() private copied = '';

  override render(): unknown {
    return html`
      <h1>Who holds the GPU memory?</h1>
      <p class="lead">
        Open a recording and see how much memory is allocated and reserved, when it peaked, and which line of
        code holds it, exact to the byte.
      </p>
      <div class="start">
        <button class="primary" @click=${() => this.emit('choose-files')}>Open files</button>
        ${
          picksFolders()
            ? html`<button @click=${() => this.emit('choose-folder')}>Open folder</button>`
            : nothing
        }
        <button @click=${() => this.emit('choose-text')}>Paste text</button>
        <button @click=${() => this.emit('open-sample')}>Open the sample recording</button>
        <p class="quiet">
          Or drop files or a folder anywhere on this page, or paste text with Ctrl+V. Nothing is uploaded:
          files are read here, in this browser tab.
        </p>
      </div>
      <h2>What to record, and how</h2>
      <div class="recipes">${RECIPES.map((recipe) => this.recipe(recipe))}</div>
      <h2>Also read</h2>
      <dl class="others panel">
        ${OTHER_INPUTS.map(
          ({ name, how, answers }) =>
            html`<div>
              <dt>${name}</dt>
              <dd>${answers}</dd>
              <dd class="quiet">${how}</dd>
            </div>`,
        )}
      </dl>
    `;
  }

  private recipe(recipe: Recipe): unknown {
    return html`<section class="recipe panel" aria-labelledby=${recipe.id}>
      <h3 id=${recipe.id}>${recipe.title}</h3>
      <p class="quiet">${recipe.answers}</p>
      <div class="code">
        <header>
          <span>${recipe.language}</span>
          <button aria-label=${`Copy the ${recipe.title} commands`} @click=${() => void this.copy(recipe)}>
            ${this.copied === recipe.id ? 'Copied' : 'Copy'}
          </button>
        </header>
        <pre
          tabindex="0"
          role="region"
          aria-label=${`${recipe.title} commands`}
        ><code>${recipe.code}</code></pre>
      </div>
      <p class="quiet">
        ${
          recipe.file === undefined
            ? nothing
            : html`<button @click=${() => save(recipe.file)}>Save ${recipe.file.name}</button> `
        }
        ${recipe.then}
      </p>
    </section>`;
  }

  private async copy(recipe: Recipe): Promise<void> {
    this.copied = (await copyText(recipe.code)) ? recipe.id : '';
  }

  private emit(name: string): void {
    this.dispatchEvent(new CustomEvent(name, { bubbles: true, composed: true }));
  }
}
