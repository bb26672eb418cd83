package tail

import (
	"cmp"
	"encoding/json"
	"fmt"
	"slices"
	"strings"
	"time"

	"tapedeck/market"
	"tapedeck/wire/mirror"
)

// The colours of a terminal.
const (
	dim    = "\x1b[2m"
	bold   = "\x1b[1m"
	green  = "\x1b[32m"
	red    = "\x1b[31m"
	yellow = "\x1b[33m"
	normal = "\x1b[0m"
)

// lines turns messages into lines for people.
type lines struct{ colour bool }

func (l lines) paint(colour, text string) string {
	if !l.colour || colour == "" {
		return text
	}
	return colour + text + normal
}

// clock is a time of day in UTC: markets have no other. A gap has none.
func clock(us int64) string {
	if us == 0 {
		return "--:--:--.---"
	}
	return time.UnixMicro(us).UTC().Format("15:04:05.000")
}

// row begins a line of a room.
func (l lines) row(us int64, room, text string) string {
	return l.paint(dim, clock(us)) + " " + clean(room) + " " + text
}

// of returns the lines of a message; none for what is said in other ways. Books are in them only where
// books says so.
func (l lines) of(m *mirror.Message, r *mirror.Room, books bool) []string {
	switch m.T {
	case "ok":
		return l.granted(m)
	case "gap":
		return []string{l.row(m.Ts, m.Room, l.paint(yellow, gap(m)))}
	case "status":
		return []string{l.row(m.Ts, cmp.Or(m.Room, "the replay"), l.paint(yellow, "is "+clean(strings.TrimSuffix(m.State+": "+m.Reason, ": "))))}
	case "snapshot", "update":
		return l.body(m, r, books)
	}
	return nil
}

func (l lines) granted(m *mirror.Message) (out []string) {
	if m.Op != "subscribe" {
		return nil
	}
	for _, g := range m.Rooms {
		text := fmt.Sprintf("%s is %s, every %s, origin %s", g.Room, g.State, g.Interval, g.Origin)
		if g.Interval == "0" {
			text = fmt.Sprintf("%s is %s, at once, origin %s", g.Room, g.State, g.Origin)
		}
		if g.Recovered != nil && *g.Recovered {
			text += ", continued"
		} else if g.Recovered != nil {
			text += ", could not be continued"
		}
		out = append(out, l.paint(dim, "· "+clean(text)))
	}
	return out
}

func gap(m *mirror.Message) string {
	text := fmt.Sprintf("GAP after %d up to %d", m.From, m.To)
	switch {
	case m.N != nil:
		text += fmt.Sprintf(": %d events lost", *m.N)
	case m.Records != nil:
		text += fmt.Sprintf(": some of %d records lost", *m.Records)
	}
	return text + ", reason " + clean(m.Reason)
}

func (l lines) body(m *mirror.Message, r *mirror.Room, books bool) (out []string) {
	channel, _, _ := strings.Cut(m.Room, ":")
	switch channel {
	case "trades":
		trades := changed[mirror.Trade](m)
		if len(trades) == 0 {
			return []string{l.row(m.Ts, m.Room, l.paint(dim, "no trades yet"))}
		}
		for _, t := range trades {
			out = append(out, l.trade(m, t))
		}
	case "quotes":
		f := func(name string) string { return field(r.Fields, name) }
		out = []string{l.row(m.Ts, m.Room, l.best(f("bid"), f("bidQty"), f("ask"), f("askQty")))}
	case "ticker":
		out = []string{l.row(m.Ts, m.Room, l.ticker(r.Fields))}
	case "candles":
		for _, c := range changed[mirror.Candle](m) {
			out = append(out, l.row(m.Ts, m.Room, l.candle(c)))
		}
	case "book":
		if books {
			text := l.best(r.Best())
			out = []string{l.row(m.Ts, m.Room, fmt.Sprintf("%s %s", text, l.paint(dim, fmt.Sprintf("levels %d+%d", len(r.Bids), len(r.Asks)))))}
		}
	}
	return out
}

// changed is what a message brings of a list. The mirror has read it already, so it can be read.
func changed[T any](m *mirror.Message) (list []T) {
	json.Unmarshal(m.D, &list)
	return list
}

func (l lines) trade(m *mirror.Message, t mirror.Trade) string {
	at := t.Ts
	if at == 0 {
		at = m.Ts
	}
	colour := map[string]string{"buy": green, "sell": red}[t.Side]
	return l.row(at, m.Room, l.paint(colour, fmt.Sprintf("%-4s %12s @ %s", clean(t.Side), clean(t.Qty), clean(t.Px)))+l.paint(dim, " id "+clean(t.ID)))
}

// best is the top of a book; a side that is empty is told as such.
func (l lines) best(bid, bidQty, ask, askQty string) string {
	side := func(colour, price, qty string) string {
		if price == "" {
			return "none"
		}
		return l.paint(colour, price) + " × " + qty
	}
	text := "bid " + side(green, bid, bidQty) + " ask " + side(red, ask, askQty)
	if s := spread(bid, ask); s != "" {
		text += " spread " + s
	}
	return text
}

// spread is what lies between the best bid and ask; "" where there are not both.
func spread(bid, ask string) string {
	b, ok1 := market.ParseDecimal(bid)
	a, ok2 := market.ParseDecimal(ask)
	if !ok1 || !ok2 {
		return ""
	}
	var above, below market.Sum
	above.Add(a)
	below.Add(b)
	above.SubSum(below)
	return above.Decimal().String()
}

func (l lines) ticker(fields map[string]any) string {
	var parts []string
	for f := range market.Field(market.NumFields) {
		if v := field(fields, f.String()); v != "" {
			parts = append(parts, l.paint(dim, f.String()+"=")+v)
		}
	}
	return strings.Join(parts, " ")
}

// field is a field's text; times of day are told as such.
func field(fields map[string]any, name string) string {
	switch v := fields[name].(type) {
	case string:
		return clean(v)
	case float64: // counts and times: integers below 2^53
		if name == market.FundingTime.String() {
			return time.UnixMicro(int64(v)).UTC().Format("15:04:05")
		}
		return fmt.Sprintf("%.0f", v)
	}
	return ""
}

func (l lines) candle(c mirror.Candle) string {
	colour := ""
	if o, ok1 := market.ParseDecimal(c.O); ok1 {
		if last, ok2 := market.ParseDecimal(c.C); ok2 {
			colour = [...]string{red, "", green}[last.Cmp(o)+1]
		}
	}
	text := time.UnixMicro(c.Start).UTC().Format("01-02 15:04") + l.paint(colour, clean(fmt.Sprintf(" o %s h %s l %s c %s", c.O, c.H, c.L, c.C))) +
		clean(fmt.Sprintf(" v %s n %d", c.V, c.N))
	if c.VWAP != "" {
		text += " vwap " + clean(c.VWAP)
	}
	switch {
	case c.Rev > 0:
		text += fmt.Sprintf(" final, revision %d", c.Rev)
	case c.Final:
		text += " final"
	}
	return text
}

// levels returns the best n levels of a side, the best first.
func levels(side map[string]string, n int, better int) (out [][2]string) {
	type level struct {
		price market.Decimal
		text  [2]string
	}
	all := make([]level, 0, len(side))
	for p, q := range side {
		if d, ok := market.ParseDecimal(p); ok {
			all = append(all, level{d, [2]string{p, q}})
		}
	}
	slices.SortFunc(all, func(a, b level) int { return better * b.price.Cmp(a.price) })
	for _, l := range all[:min(n, len(all))] {
		out = append(out, l.text)
	}
	return out
}

// even gives numbers the same count of decimals, so that they stand below each other.
func even(numbers []string) {
	most := 0
	for _, s := range numbers {
		if dot := strings.IndexByte(s, '.'); dot >= 0 {
			most = max(most, len(s)-dot-1)
		}
	}
	for i, s := range numbers {
		dot := strings.IndexByte(s, '.')
		switch {
		case most == 0:
		case dot < 0:
			numbers[i] = s + "." + strings.Repeat("0", most)
		default:
			numbers[i] = s + strings.Repeat("0", most-(len(s)-dot-1))
		}
	}
}
