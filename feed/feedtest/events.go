package feedtest

import (
	"bytes"
	"encoding/json"
	"fmt"
	"reflect"
	"strconv"
	"strings"
	stdtime "time"
	"unicode/utf8"

	"tapedeck/feed"
	"tapedeck/market"
)

// Text writes events for people, one a line: everything that is in them.
func Text(events []market.Event) string {
	var b strings.Builder
	for i := range events {
		ev := &events[i]
		kind := strings.ToLower(reflect.TypeOf(ev.Payload).Elem().Name())
		fmt.Fprintf(&b, "%s %s %s", kind, ev.Symbol.Venue, ev.Symbol.Name)
		if ev.Symbol.Native != ev.Symbol.Name {
			fmt.Fprintf(&b, " (%s)", ev.Symbol.Native)
		}
		if ev.Time != 0 {
			fmt.Fprintf(&b, " time=%d", ev.Time)
		}
		payload(&b, ev.Payload)
		b.WriteByte('\n')
	}
	return b.String()
}

func payload(b *strings.Builder, p market.Payload) {
	switch p := p.(type) {
	case *market.Trade:
		fmt.Fprintf(b, " id=%s px=%s qty=%s side=%s", p.ID, p.Price, p.Qty, p.Side)
	case *market.Quote:
		fmt.Fprintf(b, " bid=%s x %s ask=%s x %s", p.BidPrice, p.BidQty, p.AskPrice, p.AskQty)
	case *market.Book:
		book(b, p)
	case *market.Ticker:
		for f := range market.Field(market.NumFields) {
			if p.Present.Has(f) {
				fmt.Fprintf(b, " %s=%s", f, p.Values[f])
			}
		}
	case *market.Candle:
		fmt.Fprintf(b, " start=%d width=%d o=%s h=%s l=%s c=%s v=%s n=%d quoteVolume=%s vwap=%s final=%t",
			p.Start, p.Width, p.Open, p.High, p.Low, p.Close, p.Volume, p.Trades, p.QuoteVolume, p.VWAP, p.Final)
	case *market.Status:
		fmt.Fprintf(b, " state=%s", p.State)
	case *market.Gap:
	case *market.Instrument:
		fmt.Fprintf(b, " tick=%s lot=%s contract=%s %s inverse=%t", p.Tick, p.Lot, p.Contract, p.Currency, p.Inverse)
	}
}

func book(b *strings.Builder, k *market.Book) {
	if k.Snapshot {
		b.WriteString(" snapshot")
	}
	if k.Chain != nil {
		fmt.Fprintf(b, " chain=%s first=%d last=%d prev=%d", k.Chain.Name, k.First, k.Last, k.Prev)
	}
	if k.Depth != 0 {
		fmt.Fprintf(b, " depth=%d", k.Depth)
	}
	if k.Check != nil {
		fmt.Fprintf(b, " check=%s sum=%d", k.Check.Name, k.Sum)
	}
	for i, side := range [][]market.Level{k.Bids, k.Asks} {
		b.WriteString([]string{" bids", " asks"}[i])
		for _, l := range side {
			fmt.Fprintf(b, " %s:%s", l.Price, l.Qty)
		}
	}
}

// eventFaults says what in an event cannot be, of whatever venue.
func eventFaults(ev *market.Event, f *feed.Format, r *feed.Record) (faults []string) {
	say := func(format string, args ...any) { faults = append(faults, fmt.Sprintf(format, args...)) }
	s := ev.Symbol
	switch {
	case s == nil:
		return []string{"an event without a symbol"}
	case s.Venue == "" || s.Name == "" || s.Native == "":
		say("a symbol without a name: %+v", *s)
	case f.Venue != "" && s.Venue != f.Venue:
		say("venue %s, the format's is %s", s.Venue, f.Venue)
	case !utf8.ValidString(s.Name):
		say("the symbol %q is no text", s.Name)
	}
	room := market.Room{Channel: market.BookChannel, Venue: s.Venue, Symbol: s.Name, Variant: "1000"}
	if back, wild, ok := market.ParseRoom(room.String()); !ok || wild || back != room {
		say("no room can be named %s", room)
	}
	for _, time := range timesOf(ev) {
		if time != 0 && !tells(r.Value, time) && !ticks(r.Value, time) {
			say("the time %d is not in the record", time)
		}
	}
	if k, ok := ev.Payload.(*market.Candle); ok && !tells(r.Value, k.Start) && !tells(r.Value, k.Start+k.Width) {
		say("neither the start of the candle, %d, nor its end is in the record", k.Start)
	}
	for _, d := range sizesOf(ev.Payload) {
		if d.Neg() {
			say("%s is negative", d)
		}
	}
	return append(faults, payloadFaults(ev.Payload)...)
}

// tells reports whether a time in µs is written in a record: in ns, µs, ms or s, the last two maybe with
// a fraction, or as a date. It looks for the time's own texts: to read every date there is takes ten times as long.
func tells(value []byte, time int64) bool {
	value = unescaped(value)
	for unit := int64(1); unit <= 1e6; unit *= 1000 {
		if time%unit == 0 && bytes.Contains(value, strconv.AppendInt(nil, time/unit, 10)) {
			return true
		}
	}
	date := stdtime.UnixMicro(time).UTC()
	part := int64(date.Nanosecond() / 1000)
	return writes(value, date.Format("2006-01-02T15:04:05"), part, 6) || writes(value, date.Format("2006-01-02 15:04:05"), part, 6) ||
		writes(value, strconv.FormatInt(time/1e6, 10), time%1e6, 6) || writes(value, strconv.FormatInt(time/1e3, 10), time%1e3, 3)
}

// writes reports whether a number or date is in a record with this fraction, of so many digits; more may follow.
func writes(value []byte, whole string, part int64, digits int) bool {
	fraction := fmt.Sprintf("%0*d", digits, part)
	for i := bytes.Index(value, []byte(whole)); i >= 0; i = bytes.Index(value, []byte(whole)) {
		inside := i > 0 && value[i-1]-'1' < 9 // of a longer number; zeros may stand before one
		value = value[i+len(whole):]
		got := []byte{}
		if rest, ok := bytes.CutPrefix(value, []byte(".")); ok {
			got = rest[:len(rest)-len(bytes.TrimLeft(rest, "0123456789"))]
		}
		if got = append(bytes.Clone(got), "000000"...); !inside && string(got[:digits]) == fraction {
			return true
		}
	}
	return false
}

// unescaped returns a document in which no character is escaped that need not be.
func unescaped(doc []byte) []byte {
	if !bytes.Contains(doc, []byte(`\u`)) {
		return doc
	}
	var v any
	d := json.NewDecoder(bytes.NewReader(doc))
	d.UseNumber()
	if d.Decode(&v) != nil {
		return doc
	}
	plain, err := json.Marshal(v)
	if err != nil {
		return doc
	}
	return plain
}

func timesOf(ev *market.Event) []int64 {
	times := []int64{ev.Time}
	switch p := ev.Payload.(type) {
	case *market.Trade:
		times = append(times, p.Time)
	case *market.Ticker:
		t, _ := p.Values[market.FundingTime].Int64()
		times = append(times, t)
	case *market.Quote, *market.Book, *market.Candle, *market.Status:
	}
	return times
}

// sizesOf are the numbers that cannot be negative; absent ones are not.
func sizesOf(p market.Payload) (sizes []market.Decimal) {
	switch p := p.(type) {
	case *market.Trade:
		sizes = append(sizes, p.Price, p.Qty)
	case *market.Quote:
		sizes = append(sizes, p.BidPrice, p.BidQty, p.AskPrice, p.AskQty)
	case *market.Book:
		for _, side := range [][]market.Level{p.Bids, p.Asks} {
			for _, l := range side {
				sizes = append(sizes, l.Price, l.Qty)
			}
		}
	case *market.Ticker:
		for f, v := range p.Values {
			if market.Field(f) != market.Funding {
				sizes = append(sizes, v)
			}
		}
	case *market.Candle:
		sizes = append(sizes, p.Open, p.High, p.Low, p.Close, p.Volume, p.QuoteVolume, p.VWAP)
	case *market.Instrument:
		sizes = append(sizes, p.Tick, p.Lot, p.Contract)
	case *market.Status:
	}
	return sizes
}

// payloadFaults says what each kind of event must have.
func payloadFaults(p market.Payload) (faults []string) {
	must := func(ok bool, text string) {
		if !ok {
			faults = append(faults, text)
		}
	}
	switch p := p.(type) {
	case *market.Trade:
		must(p.Price.Set() && p.Qty.Set(), "a trade without price or quantity")
	case *market.Quote:
		must(p.BidPrice.Set() == p.BidQty.Set() && p.AskPrice.Set() == p.AskQty.Set(), "half of a side")
	case *market.Book:
		for _, side := range [][]market.Level{p.Bids, p.Asks} {
			for _, l := range side {
				must(l.Price.Set() && l.Qty.Set(), "a level without price or quantity")
			}
		}
	case *market.Candle:
		must(p.Open.Set() && p.High.Set() && p.Low.Set() && p.Close.Set() && p.Volume.Set(), "a candle that is not whole")
		must(p.Width > 0 && p.Trades >= 0 && p.High.Cmp(p.Low) >= 0, "a candle that cannot be")
	case *market.Status:
		must(p.State == market.Live || p.State == market.Halted, "a status that is not the venue's to say")
	case *market.Ticker:
		must(p.Present != 0, "a ticker that speaks of nothing")
	case *market.Instrument:
		must(*p != (market.Instrument{}), "an instrument of which nothing is said")
		must(!p.Tick.IsZero() && !p.Lot.IsZero() && !p.Contract.IsZero(), "a step or a contract of 0")
		must(p.Currency != "" || !p.Contract.Set() && !p.Inverse, "a contract of no currency")
	}
	return faults
}
