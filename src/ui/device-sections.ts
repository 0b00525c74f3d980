/** Histograms and tables of a device's range, below its charts. */
import { html, nothing } from 'lit';
import type { ByteUnit } from '../base/units.ts';
import type { DeviceView, RangeAnswer } from '../engine/protocol.ts';
import { holdersTable, kindsTable, segmentsTable, streamsTable } from '../view/device-tables.ts';
import type { TableModel } from '../view/table.ts';
import './vs-histograms.ts';
import type { RowOpenEvent } from './vs-table.ts';
import './vs-table.ts';

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
  return html`
    ${device.kinds.length === 0 ? nothing : section('Memory kinds', 'Of the whole recording. What is in a pool is part of its kind.', kindsTable(device, unit))}
    <section class="panel body">
      <vs-histograms .streams=${range.streams} .unit=${unit}></vs-histograms>
    </section>
    ${
      range.holders.length === 0 || device.producer === 'nsys'
        ? nothing
        : html`<section class="panel body">
            <h2>Who holds it</h2>
            <p class="quiet">
              Allocations alive at the end of the range, by the code that made them. A row shows the whole
              stack.
            </p>
            <vs-table
              .model=${holdersTable(range, unit)}
              .current=${openHolder}
              opens
              @row-open=${(event: RowOpenEvent) => open(event.detail.key)}
            ></vs-table>
          </section>`
    }
    ${section('Streams', 'What each stream asked for in the range.', streamsTable(range, unit))}
    ${
      range.segmentsTotal === 0
        ? nothing
        : section(
            'Segments',
            'What the allocator held from the driver at the end of the range.',
            segmentsTable(range, unit),
          )
    }
  `;
}
