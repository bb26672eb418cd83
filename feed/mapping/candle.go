package mapping

import (
	"maps"
	"slices"
	"strings"

	"tapedeck/feed"
	"tapedeck/market"
)

// candle is where the parts of a bar are.
type candle struct {
	start                            *clock
	width                            int64 // µs; 0: at
	at                               *place
	widths                           map[string]int64 // that the words at it stand for
	open, high, low, closing, volume *place
	trades, quoteVolume              *place
	final                            test
}

// widths of candles, in µs.
var widths = map[string]int64{
	"1s": 1e6, "1m": 60e6, "3m": 180e6, "5m": 300e6, "15m": 900e6, "30m": 1800e6,
	"1h": 3600e6, "2h": 7200e6, "4h": 14400e6, "6h": 21600e6, "8h": 28800e6, "12h": 43200e6, "1d": 86400e6,
}

func widthNames() []string {
	return slices.SortedFunc(maps.Keys(widths), func(a, b string) int { return int((widths[a] - widths[b]) / 1e6) })
}

func (c *compiler) candle(e entry) event {
	s := c.section(e, "candle", "start", "width", "open", "high", "low", "close", "volume", "trades", "quote-volume", "final")
	k := &candle{
		start: c.clock(s.must("start")),
		open:  c.place(s.must("open")), high: c.place(s.must("high")), low: c.place(s.must("low")), closing: c.place(s.must("close")),
		volume: c.place(s.must("volume")), trades: c.place(s.get("trades")), quoteVolume: c.place(s.get("quote-volume")),
		final: c.test(s.must("final")),
	}
	width := s.must("width")
	if !isBlock(width.value) {
		k.width = widths[c.word(width, widthNames()...)]
		return k
	}
	s = c.section(width, "width", "from", "words")
	k.at, k.widths = c.place(s.must("from")), widths
	if s.has("words") {
		k.widths = map[string]int64{}
		for _, w := range c.words(s.get("words")) {
			k.widths[w.name] = widths[c.word(w, widthNames()...)]
		}
	}
	return k
}

func (k *candle) emit(d *decoder, sym *market.Symbol, time int64) {
	out := d.batch.Candle(sym, time)
	out.Start, out.Width = d.instant(k.start), k.width
	if out.Width == 0 {
		out.Width = k.widths[string(d.must(k.at))]
	}
	if out.Width == 0 {
		d.refuse(k.at, feed.BadValue, "is none of the words that stand for a width")
	} else if out.Start%out.Width != 0 {
		d.refuse(k.start.place, feed.BadValue, "is not where a candle of this width begins")
	}
	out.Open, out.High, out.Low, out.Close = d.price(k.open), d.price(k.high), d.price(k.low), d.price(k.closing)
	if out.High.Cmp(out.Open) < 0 || out.High.Cmp(out.Close) < 0 || out.High.Cmp(out.Low) < 0 || out.Low.Cmp(out.Open) > 0 || out.Low.Cmp(out.Close) > 0 {
		d.whole(feed.BadValue, strings.Join([]string{k.high.name, k.low.name}, " and ")+" are not the highest and the lowest")
	}
	out.Volume = d.size(k.volume)
	if _, ok := d.given(k.trades); ok {
		out.Trades = d.count(k.trades)
	}
	if _, ok := d.given(k.quoteVolume); ok {
		out.QuoteVolume = d.size(k.quoteVolume)
	}
	out.Final = d.passes(&k.final)
}
