package imports

import (
	"errors"
	"fmt"
	"strconv"

	"tapedeck/feed"
	"tapedeck/feed/venue"
	"tapedeck/market"
)

// tickFormat is the format of the records that are made of simple tables: any server can replay them, without the flags
// that they were read by.
const tickFormat = "tick"

// ticks writes events in that format, and has its decoder see that they are right.
type ticks struct {
	decoder feed.Decoder
	batch   market.Batch
	text    []byte
	names   map[*market.Symbol][]byte // what an event begins with
}

func newTicks() (*ticks, *feed.Format, error) {
	f, ok := venue.Lookup(tickFormat)
	if !ok {
		return nil, nil, errors.New("this build has no decoder for the tick format, which simple tables become")
	}
	return &ticks{decoder: f.New(feed.DefaultOptions()), names: map[*market.Symbol][]byte{}}, f, nil
}

// write returns the value of a record; it is valid until the next call.
func (t *ticks) write(events []market.Event) ([]byte, error) {
	t.text = t.text[:0]
	if len(events) > 1 {
		t.text = append(t.text, '[')
	}
	for i := range events {
		if i > 0 {
			t.text = append(t.text, ',')
		}
		t.event(&events[i])
	}
	if len(events) > 1 {
		t.text = append(t.text, ']')
	}
	t.batch.Reset()
	if err := t.decoder.Decode(&t.batch, &feed.Record{Value: t.text}); err != nil {
		return nil, fmt.Errorf("%w (as the tick format has it)", err)
	}
	return t.text, nil
}

func (t *ticks) event(e *market.Event) {
	kind := ""
	switch e.Payload.(type) {
	case *market.Trade:
		kind = "trade"
	case *market.Quote:
		kind = "quote"
	case *market.Candle:
		kind = "candle"
	}
	t.text = append(append(append(t.text, `{"t":"`...), kind...), `",`...)
	t.text = append(t.text, t.symbol(e.Symbol)...)
	if e.Time > 0 {
		t.text = strconv.AppendInt(append(t.text, `,"ts":`...), e.Time, 10)
	}
	switch p := e.Payload.(type) {
	case *market.Trade:
		t.number("px", p.Price)
		t.number("qty", p.Qty)
		t.word("side", p.Side.String())
		if id := p.ID.String(); id != "" {
			t.word("id", id)
		}
	case *market.Quote:
		t.number("bid", p.BidPrice)
		t.number("bidQty", p.BidQty)
		t.number("ask", p.AskPrice)
		t.number("askQty", p.AskQty)
	case *market.Candle:
		t.candle(p)
	}
	t.text = append(t.text, '}')
}

func (t *ticks) candle(k *market.Candle) {
	t.text = strconv.AppendInt(append(t.text, `,"start":`...), k.Start, 10)
	t.word("width", widths[k.Width])
	t.number("o", k.Open)
	t.number("h", k.High)
	t.number("l", k.Low)
	t.number("c", k.Close)
	t.number("v", k.Volume)
	t.text = strconv.AppendInt(append(t.text, `,"n":`...), k.Trades, 10)
	t.text = strconv.AppendBool(append(t.text, `,"final":`...), k.Final)
}

// widths are those that a candle of a table can have, by their µs.
var widths = map[int64]string{
	1e6: "1s", 60e6: "1m", 180e6: "3m", 300e6: "5m", 900e6: "15m", 1800e6: "30m",
	3600e6: "1h", 7200e6: "2h", 14400e6: "4h", 21600e6: "6h", 28800e6: "8h", 43200e6: "12h", 86400e6: "1d",
}

// symbol names a symbol.
func (t *ticks) symbol(s *market.Symbol) []byte {
	name, ok := t.names[s]
	if !ok {
		name = appendText([]byte(`"venue":`), s.Venue)
		name = appendText(append(name, `,"symbol":`...), s.Name)
		if s.Kind != market.Spot {
			name = appendText(append(name, `,"kind":`...), s.Kind.String())
		}
		t.names[s] = name
	}
	return name
}

// number writes a decimal as a text: all its digits count. One that is absent is null.
func (t *ticks) number(name string, d market.Decimal) {
	t.text = append(append(append(t.text, `,"`...), name...), `":`...)
	if !d.Set() {
		t.text = append(t.text, "null"...)
		return
	}
	t.text = append(d.Append(append(t.text, '"')), '"')
}

func (t *ticks) word(name, text string) {
	t.text = append(append(append(t.text, `,"`...), name...), `":`...)
	for i := range len(text) {
		if c := text[i]; c < ' ' || c >= 0x7f || c == '"' || c == '\\' {
			t.text = appendText(t.text, text)
			return
		}
	}
	t.text = append(append(append(t.text, '"'), text...), '"')
}
