package snapshot_test

import (
	"fmt"
	"maps"
	"math/rand/v2"
	"slices"
	"strings"
	"testing"

	"tapedeck/market"
	"tapedeck/snapshot"
)

const minute = int64(60e6)

// candleOf writes a candle as text: start in minutes, prices, volume, number of trades, "final" and rev.
func candleOf(c *market.Candle) string {
	text := fmt.Sprintf("%d %s %s %s %s v%s n%d", c.Start/minute, c.Open, c.High, c.Low, c.Close, c.Volume, c.Trades)
	if c.Final {
		text += fmt.Sprintf(" final %d", c.Rev)
	}
	return text
}

func candlesOf(body market.Body) string {
	list := []string{}
	for _, c := range body.(*market.Candles).List {
		list = append(list, candleOf(&c))
	}
	return strings.Join(list, "; ")
}

// at is a moment in minutes.
func at(minutes float64) int64 { return int64(minutes * float64(minute)) }

func TestOverIsByWholeMinutes(t *testing.T) {
	for _, tt := range []struct{ clock, want int64 }{
		{0, 0}, {1e6, 0}, {at(1), 0}, {at(1) + 2e6 - 1, 0}, {at(1) + 2e6, at(1)}, {at(2) + 1e6, at(1)}, {at(2) + 2e6, at(2)},
	} {
		if got := snapshot.Over(tt.clock); got != tt.want {
			t.Errorf("at %d over up to %d, want %d", tt.clock, got, tt.want)
		}
	}
}

// minutes makes a state of minutes and what is told of each step.
type minutes struct {
	t *testing.T
	*snapshot.Minutes
	began, over int64
	mark        uint64
}

func newMinutes(t *testing.T, o snapshot.Origin) *minutes {
	return &minutes{t: t, Minutes: snapshot.NewMinutes(limits(), o).(*snapshot.Minutes)}
}

// trade applies a trade at a moment, read soon after or at the moment given.
func (m *minutes) trade(moment float64, price, qty string, read ...float64) snapshot.Effect {
	c := snapshot.Cause{Time: at(moment) + 1e5, Began: m.began, Over: m.over}
	if len(read) > 0 {
		c.Time = at(read[0])
	}
	return m.Apply(event(tradeOf(0, price, qty, at(moment))), c)
}

func (m *minutes) advance(minutes float64) snapshot.Effect {
	m.over = at(minutes)
	return m.Advance(snapshot.Cause{Over: m.over})
}

// told returns what changed since the last call.
func (m *minutes) told() string {
	m.t.Helper()
	body, ok := m.Since(m.mark, m.Mark())
	if !ok {
		m.t.Fatal("too much has changed")
	}
	m.mark = m.Mark()
	return candlesOf(body)
}

func (m *minutes) is(want string) {
	m.t.Helper()
	if got := m.told(); got != want {
		m.t.Errorf("told %q, want %q", got, want)
	}
}

func TestCandleOfAMinute(t *testing.T) {
	m := newMinutes(t, snapshot.Origin{Whole: true})
	m.trade(5.1, "10", "1")
	m.trade(5.5, "12", "2.5")
	m.is("5 10 12 10 12 v3.5 n2")
	m.trade(5.3, "9", "1") // out of order: neither the first nor the last
	m.is("5 10 12 9 12 v4.5 n3")
	m.trade(5.05, "11", "1") // before the first
	m.trade(5.5, "10", "1")  // as late as the last, and read after it
	m.is("5 11 12 9 10 v6.5 n5")
	m.trade(6.0, "13", "1")
	m.is("6 13 13 13 13 v1 n1")
	body, part := m.Full(0)
	if got := candlesOf(body); got != "5 11 12 9 10 v6.5 n5; 6 13 13 13 13 v1 n1" || part {
		t.Errorf("%s, a part: %v", got, part)
	}
	// 10·1 + 12·2.5 + 9·1 + 11·1 + 10·1 = 70 for 6.5
	if vwap := body.(*market.Candles).List[0].VWAP.String(); vwap != "10.7692" {
		t.Errorf("vwap %s", vwap)
	}
	if body, _ := m.Full(1); candlesOf(body) != "6 13 13 13 13 v1 n1" {
		t.Errorf("the last one is %s", candlesOf(body))
	}
}

func TestCandleIsFinalByTheClock(t *testing.T) {
	m := newMinutes(t, snapshot.Origin{Whole: true})
	m.trade(5.5, "10", "1")
	m.trade(6.5, "11", "1")
	m.told()
	if eff := m.advance(5); eff != snapshot.None {
		t.Errorf("effect %d before the end", eff)
	}
	if eff := m.advance(6); eff != snapshot.Changed {
		t.Errorf("effect %d at the end", eff)
	}
	m.is("5 10 10 10 10 v1 n1 final 0")
	if eff := m.advance(6); eff != snapshot.None {
		t.Errorf("effect %d when all is said", eff)
	}
	m.trade(5.7, "12", "1")
	m.is("5 10 12 10 12 v2 n2 final 1")
	m.trade(5.8, "9", "1")
	m.is("5 10 12 9 9 v3 n3 final 2")
	m.trade(4.5, "8", "1") // of a minute that had none, and is over
	m.is("4 8 8 8 8 v1 n1 final 1")
	m.advance(9)
	m.is("6 11 11 11 11 v1 n1 final 0")
}

func TestCandlesThatAreNotKnownWholeAreWithheld(t *testing.T) {
	m := newMinutes(t, snapshot.Origin{})
	m.trade(5.5, "10", "1") // when reading began is not known yet
	m.began = at(5.2)
	m.trade(5.7, "10", "1")
	m.trade(6.1, "10", "1") // a minute must have passed since: another node's clock may be as far ahead
	m.is("")
	m.trade(7.1, "11", "1")
	m.is("7 11 11 11 11 v1 n1")
	if _, part := m.Full(0); !part {
		t.Error("a part passes for the whole")
	}
	m.trade(6.9, "10", "1")
	m.is("")
	for _, tt := range []struct {
		clock float64
		ok    bool
	}{{7, false}, {8.2, false}, {8.3, true}} { // 6.2 and a minute, 2 s, and another minute for late trades
		if _, ok := m.Resume(at(tt.clock), 0); ok != tt.ok {
			t.Errorf("one who knows what was at %v can go on: %v", tt.clock, ok)
		}
	}
}

func TestCandlesAfterALoss(t *testing.T) {
	m := newMinutes(t, snapshot.Origin{Whole: true})
	for i := range 10 {
		m.trade(float64(i)+0.5, "10", "1")
		m.advance(float64(i))
	}
	wide, _ := snapshot.NewWide(m.Minutes, "3m", limits())
	m.Lose() // 9 is over, but what is late may come for a minute
	wide.Refresh(m.Minutes, snapshot.Broken)
	if body, part := m.Full(0); len(body.(*market.Candles).List) != 8 || !part {
		t.Errorf("after the loss: %s", candlesOf(body))
	}
	if body, _ := wide.Full(0); candlesOf(body) != "0 10 10 10 10 v3 n3 final 0; 3 10 10 10 10 v3 n3 final 0" {
		t.Errorf("after the loss, wide: %s", candlesOf(body))
	}
	m.told()
	m.trade(10.5, "10", "1") // when reading went on is not known yet
	m.is("")
	m.began = at(10.6)
	m.trade(11.5, "10", "1")
	m.is("")
	m.trade(12.1, "11", "1")
	m.trade(7.9, "12", "1") // late, for one that is known
	m.trade(8.9, "12", "1") // and for one that is not any more
	wide.Refresh(m.Minutes, snapshot.Changed)
	m.is("7 10 12 10 12 v2 n2 final 1; 12 11 11 11 11 v1 n1")
	if body, _ := wide.Full(0); candlesOf(body) != "0 10 10 10 10 v3 n3 final 0; 3 10 10 10 10 v3 n3 final 0; 12 11 11 11 11 v1 n1" {
		t.Errorf("when it goes on, wide: %s", candlesOf(body))
	}
	again, _ := snapshot.NewWide(m.Minutes, "3m", limits())
	a, _ := wide.Full(0)
	b, _ := again.Full(0)
	if candlesOf(a) != candlesOf(b) {
		t.Errorf("made late: %s\nearly: %s", candlesOf(b), candlesOf(a))
	}
}

func TestTradesThatMakeNoCandle(t *testing.T) {
	m := newMinutes(t, snapshot.Origin{Whole: true})
	for name, eff := range map[string]snapshot.Effect{
		"more than a minute ahead":   m.trade(9, "1", "1", 7.9),
		"before all time":            m.trade(-1, "1", "1", 5),
		"a quote":                    m.Apply(event(quoteOf("1", "2")), snapshot.Cause{Time: at(5)}),
		"a candle of another width":  m.Apply(event(&market.Candle{Start: at(5), Width: 2 * minute}), snapshot.Cause{Time: at(5)}),
		"a candle off the minutes":   m.Apply(event(&market.Candle{Start: at(5) + 1, Width: minute}), snapshot.Cause{Time: at(5)}),
		"a candle of the far future": m.Apply(event(&market.Candle{Start: at(15), Width: minute}), snapshot.Cause{Time: at(5)}),
	} {
		if eff != snapshot.None {
			t.Errorf("%s: effect %d", name, eff)
		}
	}
	m.trade(0, "1", "1", 7.5) // no venue's time: the log's
	m.is("7 1 1 1 1 v1 n1")
}

func TestVenueCandles(t *testing.T) {
	m := newMinutes(t, snapshot.Origin{})
	put := func(start float64, price string, final bool) {
		d := market.MustDecimal(price)
		m.Apply(event(&market.Candle{Start: at(start), Width: minute, Open: d, High: d, Low: d, Close: d, Volume: market.Int(2), Trades: 3, Final: final}),
			snapshot.Cause{Time: at(start + 0.5), Began: at(1), Over: m.over})
	}
	put(5, "10", false)
	put(5, "11", false)
	m.is("5 11 11 11 11 v2 n3")
	put(5, "12", true)
	m.is("5 12 12 12 12 v2 n3 final 0")
	put(5, "13", true) // the venue corrects it
	m.is("5 13 13 13 13 v2 n3 final 1")
	put(6, "14", false)
	m.told()
	m.advance(7)
	m.is("6 14 14 14 14 v2 n3 final 0")
}

// So many candles are kept, the newest; what is older is not begun again.
func TestCandlesAreBounded(t *testing.T) {
	l := limits()
	l.Minutes, l.Candles = 10, 4
	m := snapshot.NewMinutes(l, snapshot.Origin{Whole: true})
	trade := func(minutes float64) snapshot.Effect {
		return m.Apply(event(tradeOf(0, "1", "1", at(minutes))), snapshot.Cause{Time: at(minutes + 1), Over: at(minutes)})
	}
	for i := range 25 {
		trade(float64(i) + 0.5)
	}
	if eff := trade(14.9); eff != snapshot.None {
		t.Errorf("a candle that had to go is begun again: effect %d", eff)
	}
	body, part := m.Full(100)
	list := body.(*market.Candles).List
	if len(list) != 10 || list[0].Start != at(15) || part {
		t.Errorf("%s, a part: %v", candlesOf(body), part)
	}
	if body, _ := m.Full(0); len(body.(*market.Candles).List) != 4 {
		t.Errorf("a snapshot has %s", candlesOf(body))
	}
}

// tape is trades as a naive reader has them, to make candles of.
type tape struct {
	trades []*market.Trade
	after  []bool // whether the trade came when its candle was over, by minutes
}

// candles makes those of a width: what is over is final.
func (tp *tape) candles(width, over int64) (list []string) {
	byStart := map[int64][]int{}
	for i, t := range tp.trades {
		start := t.Time - t.Time%width
		byStart[start] = append(byStart[start], i)
	}
	for _, start := range slices.Sorted(maps.Keys(byStart)) {
		c := market.Candle{Start: start, Final: start+width <= over}
		var first, last *market.Trade
		var volume market.Sum
		for _, i := range byStart[start] {
			t := tp.trades[i]
			if first == nil || t.Time < first.Time {
				first = t
			}
			if last == nil || t.Time >= last.Time {
				last = t
			}
			if !c.High.Set() || t.Price.Cmp(c.High) > 0 {
				c.High = t.Price
			}
			if !c.Low.Set() || t.Price.Cmp(c.Low) < 0 {
				c.Low = t.Price
			}
			volume.Add(t.Qty)
			c.Trades++
			if tp.after[i] {
				c.Rev++
			}
		}
		c.Open, c.Close, c.Volume = first.Price, last.Price, volume.Decimal()
		list = append(list, candleOf(&c))
	}
	return list
}

// Over random histories with late trades the candles of every width are what a naive reader makes of the trades,
// and it does not matter when a view was made.
func TestCandlesAgainstTheTape(t *testing.T) {
	variants := []string{"3m", "5m", "15m", "1h"}
	for seed := range uint64(20) {
		r := rand.New(rand.NewPCG(seed, 3))
		m := snapshot.NewMinutes(limits(), snapshot.Origin{Whole: true}).(*snapshot.Minutes)
		early := map[string]snapshot.View{}
		for _, v := range variants {
			early[v], _ = snapshot.NewWide(m, v, limits())
		}
		refresh := func(eff snapshot.Effect) {
			for _, v := range variants {
				early[v].Refresh(m, eff)
			}
		}
		tp := &tape{}
		clock, over := at(100), int64(0)
		for i := range 400 {
			clock += r.Int64N(40e6)
			if now := snapshot.Over(clock); now > over {
				over = now
				refresh(m.Advance(snapshot.Cause{Time: clock, Over: over}))
			}
			moment := clock - r.Int64N(2e6)
			if r.IntN(8) == 0 {
				moment = max(clock-r.Int64N(200e6), 1)
			}
			trade := tradeOf(i, fmt.Sprint(90+r.IntN(20)), fmt.Sprintf("%d.%d", r.IntN(3), r.IntN(10)), moment)
			tp.trades = append(tp.trades, trade)
			tp.after = append(tp.after, moment-moment%minute+minute <= over)
			refresh(m.Apply(event(trade), snapshot.Cause{Time: clock, Over: over}))
			if r.IntN(20) > 0 {
				continue
			}
			compareCandles(t, seed, "1m", m, tp.candles(minute, over))
			for _, v := range variants {
				want := tp.candles(snapshot.Widths[v], over)
				late, _ := snapshot.NewWide(m, v, limits())
				compareCandles(t, seed, v, early[v], want)
				compareCandles(t, seed, v+" made late", late, want)
			}
		}
	}
}

// compareCandles holds a state against what there should be. The rev of one that is not final does not matter.
func compareCandles(t *testing.T, seed uint64, what string, s snapshot.State, want []string) {
	t.Helper()
	body, _ := s.Full(10_000)
	if got := candlesOf(body); got != strings.Join(want, "; ") {
		t.Fatalf("seed %d, %s:\nhave %s\nwant %s", seed, what, got, strings.Join(want, "; "))
	}
}

// A derived ticker is the last price and the sum of the last 1,440 whole minutes, rolled on by the clock and not
// by trades, and nothing of it is told before all of those minutes are known.
func TestRollingDay(t *testing.T) {
	for seed := range uint64(3) {
		r := rand.New(rand.NewPCG(seed, 4))
		began := at(1_000_000)
		m := snapshot.NewMinutes(limits(), snapshot.Origin{}).(*snapshot.Minutes)
		day := snapshot.NewRolling(m, limits())
		tp := &tape{}
		clock, over := began, int64(0)
		last := market.Decimal{}
		for i := range 1500 {
			clock += r.Int64N(300e6)
			if now := snapshot.Over(clock); now > over {
				over = now
				day.Refresh(m, m.Advance(snapshot.Cause{Time: clock, Began: began, Over: over}))
			}
			moment := clock - r.Int64N(90e6)
			trade := tradeOf(i, fmt.Sprint(90+r.IntN(20)), fmt.Sprint(1+r.IntN(9)), moment)
			day.Refresh(m, m.Apply(event(trade), snapshot.Cause{Time: clock, Began: began, Over: over}))
			if moment-moment%minute < began+minute {
				continue // withheld
			}
			if len(tp.trades) == 0 || moment >= tp.newest() {
				last = trade.Price
			}
			tp.trades = append(tp.trades, trade)
			body, part := day.Full(0)
			got := body.(*market.Ticker)
			if whole := over-1440*minute >= began+minute; part == whole {
				t.Fatalf("seed %d: a part: %v, %d minutes after reading began", seed, part, (over-began)/minute)
			} else if !whole {
				if want := tickerOf(market.Last, last.String()); fieldsOf(got) != fieldsOf(want) {
					t.Fatalf("seed %d: %s is told of a day that is not known", seed, fieldsOf(got))
				}
				continue
			}
			if want := tp.day(over-1440*minute, over, last); fieldsOf(got) != want {
				t.Fatalf("seed %d:\nhave %s\nwant %s", seed, fieldsOf(got), want)
			}
		}
	}
}

// newest is the newest minute's last moment that was traded.
func (tp *tape) newest() (moment int64) {
	for _, t := range tp.trades {
		moment = max(moment, t.Time)
	}
	return moment
}

// day is the ticker of what happened from one moment to another.
func (tp *tape) day(from, to int64, last market.Decimal) string {
	var first, final *market.Trade
	var volume, notional market.Sum
	high, low, n := market.Decimal{}, market.Decimal{}, int64(0)
	for _, t := range tp.trades {
		if t.Time < from || t.Time >= to {
			continue
		}
		if first == nil || t.Time < first.Time {
			first = t
		}
		if final == nil || t.Time >= final.Time {
			final = t
		}
		if !high.Set() || t.Price.Cmp(high) > 0 {
			high = t.Price
		}
		if !low.Set() || t.Price.Cmp(low) < 0 {
			low = t.Price
		}
		volume.Add(t.Qty)
		notional.AddProduct(t.Price, t.Qty)
		n++
	}
	want := tickerOf(market.Last, last.String(), market.Volume, volume.Decimal().String(), market.QuoteVolume, notional.Decimal().String(), market.TradeCount, fmt.Sprint(n))
	if first != nil {
		want.Put(market.Open, first.Price)
		want.Put(market.High, high)
		want.Put(market.Low, low)
		want.Put(market.VWAP, notional.Quo(&volume, final.Price.Scale()+4))
	}
	return fieldsOf(want)
}

// Widen makes of minutes what a room of that width makes of them.
func TestWidenIsAsARoomDoes(t *testing.T) {
	r := rand.New(rand.NewPCG(5, 5))
	m := newMinutes(t, snapshot.Origin{Whole: true})
	for range 400 {
		m.trade(r.Float64()*90, fmt.Sprintf("%d.%d", 90+r.IntN(20), r.IntN(10)), fmt.Sprintf("%d.5", r.IntN(9)), 90)
	}
	m.advance(70)
	body, _ := m.Full(1000)
	minutes := slices.Clone(body.(*market.Candles).List)
	for name, width := range snapshot.Widths {
		view, ok := snapshot.NewWide(m.Minutes, name, limits())
		if !ok {
			continue // the minutes themselves
		}
		room, _ := view.Full(1000)
		got := snapshot.Widen(minutes, width)
		if want := candlesOf(room); candlesOf(&market.Candles{List: got}) != want {
			t.Errorf("%s: %s\nwant %s", name, candlesOf(&market.Candles{List: got}), want)
		}
	}
	if got := snapshot.Widen(nil, 300e6); got != nil {
		t.Errorf("of nothing: %v", got)
	}
}
