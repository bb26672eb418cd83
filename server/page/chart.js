// The chart: one canvas, drawn anew at each change. Its colours are those of the style sheet.

import { layout } from './candles.js';

export class Chart {
  constructor(canvas, redraw) {
    this.canvas = canvas;
    new ResizeObserver(redraw).observe(canvas);
    matchMedia('(prefers-color-scheme: dark)').addEventListener('change', redraw);
  }

  // draw shows candles, oldest first; price writes one for the axis.
  draw(candles, price) {
    const { clientWidth: width, clientHeight: height } = this.canvas;
    const ratio = devicePixelRatio || 1;
    this.canvas.width = Math.round(width * ratio);
    this.canvas.height = Math.round(height * ratio);
    const pen = this.canvas.getContext('2d');
    pen.scale(ratio, ratio);
    const style = getComputedStyle(this.canvas);
    const colour = (name) => style.getPropertyValue(name);
    pen.font = `11px ${style.fontFamily}`;
    pen.textBaseline = 'middle';
    const foot = 18; // for the times
    const widest = Math.max(...candles.slice(-1).map((c) => pen.measureText(price(c.c)).width), 40);
    const axis = Math.ceil(widest) + 14; // for the prices at the right
    const picture = layout(candles, { width: width - axis, height: height - foot });
    if (!picture || width <= axis) return;
    this.times(pen, picture, height - foot / 2, colour);
    for (const bar of picture.bars) {
      const middle = Math.round(bar.x + bar.width / 2) + 0.5;
      pen.fillStyle = pen.strokeStyle = colour(`--${bar.way}`);
      line(pen, middle, bar.wick[0], middle, bar.wick[1]);
      pen.fillRect(bar.x, bar.top, bar.width, bar.body);
      pen.fillStyle = colour(`--${bar.way}-bar`);
      pen.fillRect(bar.x, height - foot - bar.volume, bar.width, bar.volume);
    }
    this.prices(pen, picture, candles.at(-1), price, { x: width - axis, axis }, colour);
  }

  // times stand under every tenth minute.
  times(pen, picture, y, colour) {
    pen.textAlign = 'center';
    for (const bar of picture.bars) {
      const date = new Date(bar.start / 1000);
      if (date.getMinutes() % 10 !== 0 || bar.x < 16) continue;
      pen.fillStyle = colour('--soft');
      pen.fillText(date.toTimeString().slice(0, 5), bar.x + bar.width / 2, y);
      pen.strokeStyle = colour('--line');
      const middle = Math.round(bar.x + bar.width / 2) + 0.5;
      line(pen, middle, 0, middle, y - 9);
    }
  }

  prices(pen, picture, newest, price, { x, axis }, colour) {
    pen.textAlign = 'left';
    const at = picture.y(newest.c);
    for (const edge of [picture.high, picture.low]) {
      const y = picture.y(edge);
      if (Math.abs(y - at) < 16) continue; // the newest price stands there
      pen.fillStyle = colour('--soft');
      pen.fillText(price(edge), x + 6, y);
    }
    const way = Number(newest.c) >= Number(newest.o) ? 'up' : 'down';
    pen.strokeStyle = pen.fillStyle = colour(`--${way}`);
    pen.setLineDash([2, 3]);
    line(pen, 0, Math.round(at) + 0.5, x, Math.round(at) + 0.5);
    pen.setLineDash([]);
    pen.beginPath();
    pen.roundRect(x + 1, at - 8, axis - 3, 16, 3);
    pen.fill();
    pen.fillStyle = colour('--panel');
    pen.fillText(price(newest.c), x + 6, at + 0.5);
  }
}

function line(pen, x0, y0, x1, y1) {
  pen.beginPath();
  pen.moveTo(x0, y0);
  pen.lineTo(x1, y1);
  pen.stroke();
}
