package udf

import (
	"cmp"
	"context"
	"encoding/json"
	"net/http"
	"net/url"
	"slices"
	"strconv"
	"strings"

	"tapedeck/market"
	"tapedeck/snapshot"
	"tapedeck/subscriptions"
)

const (
	// MaxBars bounds an answer: of a longer range it has the newest bars, and a chart asks again for what is before them.
	MaxBars = 5000
	// maxMinutes bounds what one answer reads of the archive: a year of days.
	maxMinutes = 366 * 1440
	// pageOf is how many minutes are read at once: 2 MB.
	pageOf = 10_000
)

// ask is what a history is asked for. Times are µs; to is the end of the last bar's time.
type ask struct {
	room     market.Room
	width    int64
	from, to int64
	count    int // that many bars; 0: all from from on
}

func (f *Feed) parse(q url.Values, now int64) (a ask, bad Answer) {
	var ok bool
	if a.room, ok = parse(q.Get("symbol")); !ok {
		return a, refuse(http.StatusNotFound, "unknown_symbol: a symbol is VENUE:SYMBOL, as in BINANCE:BTC-USDT")
	}
	if a.room.Variant, ok = f.width(q.Get("resolution")); !ok {
		return a, refuse(http.StatusBadRequest, "resolution is one of "+strings.Join(f.resolutions(), ", "))
	}
	a.width = snapshot.Widths[a.room.Variant]
	from, ok1 := number(q, "from", 0)
	to, ok2 := number(q, "to", now/second+a.width/second)
	count, ok3 := number(q, "countback", 0)
	if !ok1 || !ok2 || !ok3 {
		return a, refuse(http.StatusBadRequest, "from and to are s since 1970, countback is a number of bars")
	}
	if from >= to && count == 0 {
		return a, refuse(http.StatusBadRequest, "from does not lie before to")
	}
	a.from, a.to, a.count = from*second, to*second, int(min(count, MaxBars))
	a.from = (a.from + a.width - 1) / a.width * a.width // bars begin at or after from, and before to
	a.to = (a.to + a.width - 1) / a.width * a.width
	if a.count > 0 {
		a.from = 0
	}
	return a, Answer{}
}

// number reads a whole number that is not negative.
func number(q url.Values, name string, unless int64) (int64, bool) {
	if !q.Has(name) {
		return unless, true
	}
	n, err := strconv.ParseInt(q.Get(name), 10, 64)
	return n, err == nil && n >= 0 && n < 1<<53/second
}

// most is how many bars are wanted.
func (a *ask) most() int { return cmp.Or(a.count, MaxBars) }

// History answers with the bars of a range, and with the cursor: where the stream goes on.
func (f *Feed) History(ctx context.Context, q url.Values, now int64) Answer {
	a, bad := f.parse(q, now)
	if bad.Status != 0 {
		return bad
	}
	if right := f.hub.Misnamed(a.room); right != nil {
		return refuse(http.StatusNotFound, "unknown_symbol: here it is "+write(right.Venue, right.Name))
	}
	base := a.room
	base.Variant = snapshot.Minute
	minutes, _, _, _ := f.hub.Candles(base)           // before the room itself: what it withholds is made of no newer ones
	live, part, info, served := f.hub.Candles(a.room) // the cursor is of this
	if !served && f.archive == nil {
		return refuse(http.StatusNotFound, "unknown_symbol")
	}
	ctx, cancel := context.WithTimeout(ctx, patience)
	defer cancel()
	bars, err := f.bars(ctx, &a, live, minutes, part || !served, info.Time)
	if err != nil {
		return refuse(http.StatusServiceUnavailable, away)
	}
	var cursor *subscriptions.Info
	if served {
		cursor = &info
	}
	if len(bars) > 0 {
		return Answer{http.StatusOK, appendBars(nil, bars, cursor), false}
	}
	before, err := f.before(ctx, &a, live)
	if err != nil {
		return refuse(http.StatusServiceUnavailable, away)
	}
	return Answer{http.StatusOK, appendNothing(nil, before, cursor), false}
}

func byStart(c market.Candle, start int64) int { return cmp.Compare(c.Start, start) }

// bars are those of the range, oldest first: the room's, and where it has none those that the archive's minutes make. part says that some
// may be missing between the room's; present is the log time of the room's newest record.
func (f *Feed) bars(ctx context.Context, a *ask, live, minutes []market.Candle, part bool, present int64) ([]market.Candle, error) {
	from, _ := slices.BinarySearchFunc(live, a.from, byStart)
	to, _ := slices.BinarySearchFunc(live, a.to, byStart)
	list := live[from:max(from, to)]
	upTo := a.to
	if !part && len(live) > 0 {
		upTo = min(upTo, live[0].Start)
	}
	if f.archive != nil && a.from < upTo && (part || len(list) < a.most()) {
		older, err := f.older(ctx, a, upTo, list, minutes, present)
		if err != nil {
			return nil, err
		}
		list = slices.Concat(list, older)
		slices.SortFunc(list, func(x, y market.Candle) int { return cmp.Compare(x.Start, y.Start) })
	}
	return list[max(len(list)-a.most(), 0):], nil
}

// older makes bars up to a time of the archive's minutes and the room's own, but for those that are there. It reads back from the newest until there
// are as many as are wanted. What the archive has of after the room's present comes by the stream.
func (f *Feed) older(ctx context.Context, a *ask, upTo int64, there, own []market.Candle, present int64) (bars []market.Candle, err error) {
	select {
	case f.reading <- struct{}{}:
		defer func() { <-f.reading }()
	case <-ctx.Done():
		return nil, ctx.Err()
	}
	n, _ := slices.BinarySearchFunc(own, upTo, byStart)
	own = own[:n]
	var rest []market.Candle // minutes of a bar that may have more, newest first
	missing := func() int {  // of what is wanted, before upTo
		i, _ := slices.BinarySearchFunc(there, upTo, byStart)
		return a.most() - len(there[i:]) - len(bars)
	}
	for read := 0; read < maxMinutes && missing() > 0 && upTo >= a.from; {
		limit := int(min(pageOf, int64(missing()+1)*(a.width/minute)))
		page, err := f.archive.Minutes(ctx, a.room.Venue+":"+a.room.Symbol, upTo, limit)
		if err != nil {
			return nil, err
		}
		read += len(page)
		last := len(page) < limit
		upTo = 0
		if !last {
			upTo = page[len(page)-1].Start
		}
		if present > 0 {
			page = slices.DeleteFunc(page, func(c market.Candle) bool { return c.Start+minute > present })
		}
		n, _ := slices.BinarySearchFunc(own, upTo, byStart)
		rest = append(rest, newestFirst(own[n:], page)...)
		own = own[:n]
		var whole []market.Candle
		whole, rest = split(rest, a.width, last)
		slices.Reverse(whole)
		for _, bar := range slices.Backward(snapshot.Widen(whole, a.width)) {
			if _, is := slices.BinarySearchFunc(there, bar.Start, byStart); !is && bar.Start >= a.from {
				bars = append(bars, bar)
			}
		}
		if last {
			break
		}
	}
	return bars, nil
}

// newestFirst joins our own minutes, oldest first, and an archive's, newest first, to one list; where both have one, ours counts.
func newestFirst(own, page []market.Candle) []market.Candle {
	list := slices.DeleteFunc(slices.Clone(page), func(c market.Candle) bool {
		_, is := slices.BinarySearchFunc(own, c.Start, byStart)
		return is
	})
	list = append(list, own...)
	slices.SortFunc(list, func(x, y market.Candle) int { return cmp.Compare(y.Start, x.Start) })
	return list
}

// split parts minutes, newest first, where the oldest bar begins: it may have more of them. Where there are no more, it is whole if it has
// its first minute; else nobody knows what was before.
func split(list []market.Candle, width int64, last bool) (whole, rest []market.Candle) {
	if len(list) == 0 {
		return nil, nil
	}
	oldest := list[len(list)-1].Start
	if last && oldest%width == 0 {
		return list, nil
	}
	oldest -= oldest % width
	i := slices.IndexFunc(list, func(c market.Candle) bool { return c.Start < oldest+width })
	return slices.Clone(list[:i]), slices.Clone(list[i:])
}

// before is when the newest bar before the range begins; 0 if there is none.
func (f *Feed) before(ctx context.Context, a *ask, live []market.Candle) (int64, error) {
	if i, _ := slices.BinarySearchFunc(live, a.from, byStart); i > 0 {
		return live[i-1].Start, nil
	}
	if f.archive == nil || a.from == 0 {
		return 0, nil
	}
	list, err := f.archive.Minutes(ctx, a.room.Venue+":"+a.room.Symbol, a.from, 1)
	if err != nil || len(list) == 0 {
		return 0, err
	}
	return list[0].Start - list[0].Start%a.width, nil
}

// appendBars writes bars as UDF has them: a list for each column.
func appendBars(b []byte, bars []market.Candle, cursor *subscriptions.Info) []byte {
	b = append(b, `{"s":"ok"`...)
	column := func(name string, value func(c *market.Candle)) {
		b = append(append(append(b, `,"`...), name...), `":[`...)
		for i := range bars {
			if i > 0 {
				b = append(b, ',')
			}
			value(&bars[i])
		}
		b = append(b, ']')
	}
	column("t", func(c *market.Candle) { b = strconv.AppendInt(b, c.Start/second, 10) })
	for name, of := range numbers {
		column(string("ohlcv"[name]), func(c *market.Candle) { b = of(c).Append(b) }) // plain notation is a JSON number as it stands
	}
	return append(appendCursor(b, cursor), '}')
}

var numbers = [...]func(c *market.Candle) market.Decimal{
	func(c *market.Candle) market.Decimal { return c.Open },
	func(c *market.Candle) market.Decimal { return c.High },
	func(c *market.Candle) market.Decimal { return c.Low },
	func(c *market.Candle) market.Decimal { return c.Close },
	func(c *market.Candle) market.Decimal { return c.Volume },
}

func appendNothing(b []byte, before int64, cursor *subscriptions.Info) []byte {
	b = append(b, `{"s":"no_data"`...)
	if before > 0 {
		b = strconv.AppendInt(append(b, `,"nextTime":`...), before/second, 10)
	}
	return append(appendCursor(b, cursor), '}')
}

// appendCursor writes where the stream goes on: a subscribe of the room with since brings all that changes after these bars.
func appendCursor(b []byte, at *subscriptions.Info) []byte {
	if at == nil {
		return b
	}
	text, err := json.Marshal(struct {
		Room  string `json:"room"`
		Epoch string `json:"epoch"`
		Seq   uint64 `json:"seq"`
	}{at.Room, at.Epoch, at.Seq})
	if err != nil {
		return b
	}
	return append(append(b, `,"cursor":`...), text...)
}
