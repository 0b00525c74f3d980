/** What stands above and below a device's charts: out-of-memory errors; histograms and tables of the range. */
import { count } from '../../base/words.ts';
import { html, nothing } from 'lit';
import type { ByteUnit } from '../../base/units.ts';
import type { EngineApi } from '../../engine/engine-api.ts';
import type { Axis, DeviceView, RangeAnswer, Readings } from '../../engine/protocol.ts';
import {
  holdersTable,
  holdersWords,
  kindsTable,
  segmentsTable,
  streamsTable,
} from '../../view/device/device-tables.ts';
import type { OomMark } from '../../view/parts/marks.ts';
import { hasReadings } from '../../view/readings/readings.ts';
import type { TableModel } from '../../view/parts/table.ts';
import './vs-histograms.ts';
import '../readings/vs-readings.ts';
import '../replay/vs-replay.ts';
import type { RowOpenEvent } from '../parts/vs-table.ts';
import '../parts/vs-table.ts';

/** Out-of-memory errors that are told in words. */
const MOST_OOMS = 5;

export interface ReplayedDevice {
  readonly device: DeviceView;
  readonly api: () => Promise<EngineApi>;
  /** Number of the next job. */
  readonly newJob: () => number;
  readonly unit: ByteUnit;
  readonly dark: boolean;
}

export interface DeviceSections {
  readonly device: DeviceView;
  readonly range: RangeAnswer;
  readonly unit: ByteUnit;
  /** Key of the holder that the panel shows. */
  readonly openHolder: string | null;
  readonly open: (holder: string) => void;
}

const section = (title: string, words: string, model: TableModel): unknown =>
  html`<section class="panel body">
    <h2>${title}</h2>
    <p class="quiet">${words}</p>
    <vs-table .model=${model}></vs-table>
  </section>`;

export function renderDeviceTables({ device, range, unit, openHolder, open }: DeviceSections): unknown {
  const isHost = device.producer === 'torch_host';
  return html`
    ${device.kinds.length === 0 ? nothing : section('Memory kinds', 'Of the whole recording. What is in a pool is part of its kind.', kindsTable(device, unit))}
    <section class="panel body">
      <vs-histograms
        .streams=${range.streams}
        .unit=${unit}
        .sizes=${isHost ? 'Bytes of the blocks that were given' : 'Bytes requested'}
      ></vs-histograms>
    </section>
    ${
      range.holders.length === 0 || (device.producer === 'nsys' && !device.hasStacks)
        ? nothing
        : html`<section class="panel body">
            <h2>Who holds it</h2>
            <p class="quiet">${holdersWords(device)}</p>
            <vs-table
              .model=${holdersTable(range, unit)}
              .current=${openHolder}
              opens
              @row-open=${(event: RowOpenEvent) => open(event.detail.key)}
            ></vs-table>
          </section>`
    }
    ${isHost ? nothing : section('Streams', 'What each stream requested in the range.', streamsTable(range, unit))}
    ${
      range.segmentsTotal === 0
        ? nothing
        : section(
            isHost ? 'Blocks' : 'Segments',
            isHost
              ? 'What PyTorch had pinned at the end of the range; a block is used whole or not at all.'
              : 'What the allocator held from the driver at the end of the range.',
            segmentsTable(range, unit),
          )
    }
  `;
}

/** What went wrong comes before the curves that show it. */
export function renderOoms(marks: readonly OomMark[], goTo: (xNs: number, row: number) => void): unknown {
  if (marks.length === 0) return nothing;
  const more = marks.length - MOST_OOMS;
  return html`<ul class="ooms" aria-label="Out-of-memory errors">
    ${marks
      .slice(0, MOST_OOMS)
      .map(
        ({ title, when, xNs, row }) =>
          html`<li>${title} <button class="link" @click=${() => goTo(xNs, row)}>${when}</button></li>`,
      )}
    ${more > 0 ? html`<li>${count(more, 'more', 'more')}, marked below</li>` : nothing}
  </ul>`;
}

/** What the tables below speak of; `chosen`: null where they speak of the whole recording. */
export function renderRangeBar(
  text: string,
  chosen: { readonly zoom: () => void; readonly clear: () => void } | null,
): unknown {
  return html`<div class="range panel ${chosen === null ? '' : 'chosen'}" role="status">
    <span>${text}</span>
    ${
      chosen === null
        ? html`<span class="quiet">Shift + drag on the timeline narrows everything below to a range.</span>`
        : html`<button @click=${chosen.zoom}>Zoom to it</button>
            <button @click=${chosen.clear}>Whole recording</button>`
    }
  </div>`;
}

/** What the file tells beside events. */
export function renderReadings(readings: Readings | undefined, unit: ByteUnit, dark: boolean): unknown {
  if (!hasReadings(readings)) return nothing;
  return html`<vs-readings .readings=${readings} .unit=${unit} ?dark=${dark} embedded></vs-readings>`;
}

/** What other settings would have done, where PyTorch's allocator was recorded; `cursor`: the event that is shown. */
export function renderReplay(
  { device, api, newJob, unit, dark }: ReplayedDevice,
  cursor: number | null,
  axis: Axis,
): unknown {
  if (device.producer !== 'torch') return nothing;
  return html`<vs-replay
    .api=${api}
    .newJob=${newJob}
    .device=${device.key}
    .axis=${axis}
    .cursor=${cursor}
    .unit=${unit}
    ?dark=${dark}
  ></vs-replay>`;
}
