// The chart: candles and volumes drawn by lightweight-charts. Its floats are good enough for pixels; what is
// written beside it keeps the stream's own digits.

import { CandlestickSeries, ColorType, CrosshairMode, HistogramSeries, createChart } from 'lightweight-charts';
import type { IChartApi, ISeriesApi, UTCTimestamp } from 'lightweight-charts';
import type { Candle } from '@tapedeck/client';
import { $ } from '../dom.ts';
import type { Places } from '../decimal.ts';

// colour is one of the style sheet's, as the browser has worked it out.
function colour(name: string): string {
  const probe = $('chart');
  probe.style.color = `var(--${name})`;
  const found = getComputedStyle(probe).color;
  probe.style.color = '';
  return found;
}

const local = (micros: number, how: Intl.DateTimeFormatOptions) => new Intl.DateTimeFormat(undefined, how).format(micros);
const short: Intl.DateTimeFormatOptions = { hour: '2-digit', minute: '2-digit', hourCycle: 'h23' };
const long: Intl.DateTimeFormatOptions = { ...short, day: 'numeric', month: 'short' };

export class Chart {
  private readonly chart: IChartApi;
  private readonly candles: ISeriesApi<'Candlestick'>;
  private readonly volumes: ISeriesApi<'Histogram'>;
  private drawn: readonly Candle[] = [];
  private places: Places | undefined;
  private decimals = -1;
  private tints = { up: '', down: '' };

  constructor() {
    this.chart = createChart($('chart'), {
      autoSize: true,
      layout: { attributionLogo: false, fontSize: 11, fontFamily: getComputedStyle(document.body).fontFamily },
      crosshair: { mode: CrosshairMode.Normal },
      rightPriceScale: { borderVisible: false, scaleMargins: { top: 0.08, bottom: 0.24 } },
      timeScale: {
        borderVisible: false, timeVisible: true, rightOffset: 3, barSpacing: 8, minBarSpacing: 1,
        tickMarkFormatter: (at: number, kind: number) => local(at * 1000, kind < 3 ? { day: 'numeric', month: 'short' } : short),
      },
      localization: { timeFormatter: (at: number) => local(at * 1000, long) },
    });
    this.candles = this.chart.addSeries(CandlestickSeries, { borderVisible: false });
    this.volumes = this.chart.addSeries(HistogramSeries, { priceScaleId: '', priceFormat: { type: 'volume' }, lastValueVisible: false, priceLineVisible: false });
    this.volumes.priceScale().applyOptions({ scaleMargins: { top: 0.82, bottom: 0 } });
    this.dress();
  }

  // dress takes the colours of the page's theme.
  dress(): void {
    const [up, down, line, soft] = [colour('up'), colour('down'), colour('line'), colour('soft')];
    this.tints = { up: colour('up-flash'), down: colour('down-flash') };
    this.chart.applyOptions({
      layout: { background: { type: ColorType.Solid, color: 'transparent' }, textColor: soft },
      grid: { vertLines: { color: line }, horzLines: { color: line } },
      crosshair: { vertLine: { color: soft, labelBackgroundColor: soft }, horzLine: { color: soft, labelBackgroundColor: soft } },
    });
    this.candles.applyOptions({ upColor: up, downColor: down, wickUpColor: up, wickDownColor: down });
    this.volumes.setData(this.drawn.map((c) => this.volume(c)));
  }

  clear(): void {
    this.drawn = [];
    this.candles.setData([]);
    this.volumes.setData([]);
  }

  // show draws candles, oldest first: only those that changed, where they continue what is drawn.
  show(list: readonly Candle[], places: Places): void {
    this.format(list, places);
    const from = continued(this.drawn, list);
    if (from < 0) {
      this.candles.setData(list.map(bar));
      this.volumes.setData(list.map((c) => this.volume(c)));
      if (this.drawn.length === 0 && list.length > 0) this.chart.timeScale().scrollToRealTime();
    } else {
      for (const c of list.slice(from)) {
        if (c === this.drawn.at(-1)) continue;
        this.candles.update(bar(c));
        this.volumes.update(this.volume(c));
      }
    }
    this.drawn = list;
    $('no-candles').hidden = list.length > 0;
    const newest = list.at(-1);
    if (newest) $('chart').setAttribute('aria-label', `Candles; the newest opened at ${newest.o} and is at ${newest.c}`);
  }

  // format writes prices on the axis with as many decimals as they have.
  private format(list: readonly Candle[], places: Places): void {
    for (const c of list.slice(-2)) places.see(c.o, c.h, c.l, c.c);
    if (places === this.places && places.most === this.decimals) return;
    [this.places, this.decimals] = [places, places.most];
    const write = (price: number) => places.text(price.toFixed(places.most));
    this.candles.applyOptions({ priceFormat: { type: 'custom', minMove: 10 ** -places.most, formatter: write } });
  }

  private volume(c: Candle) {
    return { time: time(c), value: Number(c.v), color: Number(c.c) >= Number(c.o) ? this.tints.up : this.tints.down };
  }
}

// continued is where in a list the newest drawn candle is, before which all are as they are drawn; -1 where they are not.
function continued(drawn: readonly Candle[], list: readonly Candle[]): number {
  const last = drawn.at(-1);
  const at = last ? list.findLastIndex((c) => c.start === last.start) : -1;
  const shift = drawn.length - 1 - at;
  if (at < 0 || shift < 0) return -1;
  for (let i = 0; i < at; i++) if (list[i] !== drawn[i + shift]) return -1;
  return at;
}

const time = (c: Candle) => (c.start / 1e6) as UTCTimestamp;
const bar = (c: Candle) => ({ time: time(c), open: Number(c.o), high: Number(c.h), low: Number(c.l), close: Number(c.c) });
