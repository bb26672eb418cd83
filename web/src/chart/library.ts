// What the page uses of the chart library, which becomes a file of its own.
export { CandlestickSeries, ColorType, CrosshairMode, HistogramSeries, createChart } from 'lightweight-charts';
